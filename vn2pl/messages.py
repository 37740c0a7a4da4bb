"""How messages show what was found, and what may have been meant."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

LONGEST_SHOWN = 60
LEAST_LIKENESS = 0.5


def shortened(text: str, /) -> str:
    """What was found, as a message shows it: at most 60 characters."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def listed(values: Iterable[object], /, *, at_most: int = 12) -> str:
    """Values for a message, shortened when there are many."""
    shown = [repr(value) for value in values]
    more = f" and {len(shown) - at_most} more" if len(shown) > at_most else ""
    return ", ".join(shown[:at_most]) + more


def rows(count: int, /, *, of: str = "row") -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {of}" if count == 1 else f"{count:,} {of}s"


def shown(value: object, /) -> str:
    """A value as it is written in YAML or JSON, in one short line."""
    return shortened(_written(value))


def nearest_texts(wanted: str, known: Iterable[str], /, *, at_most: int) -> list[str]:
    """The few of the known texts that are most like the one wanted, or the first ones where none is."""
    texts = sorted(known)
    return get_close_matches(wanted, texts, n=at_most, cutoff=LEAST_LIKENESS) or texts[:at_most]


def suggestion(name: str, known: Iterable[str], /) -> str:
    """The end of a message that names what may have been meant, or nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _written(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value)
        case Mapping():
            return f"{{{', '.join(f'{key}: {_written(inner)}' for key, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_written, value))}]"
        case bytes():
            return "binary data"
        case _:
            return str(value)
