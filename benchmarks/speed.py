"""The speed tables of docs/performance.md, from peers.py and whole.py.

python -m benchmarks.speed             measures and writes between <!-- speed:begin --> and <!-- speed:end -->
python -m benchmarks.speed --kept      takes the last results from benchmarks/results instead of measuring
python -m benchmarks.speed --print     prints the tables; --check compares the kept results with the document
"""

import argparse
import sys
from collections.abc import Sequence

from . import markdown, peers, whole
from .measure import load

NAME = "speed"
PAGE = markdown.DOCS / "performance.md"


def measured(max_scale: int) -> None:
    """Run both benchmarks, one after the other."""
    peers.main([])
    whole.main(["--max-scale", str(max_scale)])


def as_markdown() -> str:
    """Both tables from the kept results."""
    return "\n\n".join(
        [
            "The whole command:",
            whole.as_markdown(load(whole.NAME)),
            "The neighbour search alone, of the replaced system's metric, given the same features:",
            peers.as_markdown(load(peers.NAME)),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure where asked, then write, check or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", action="store_true", help="use the last results instead of measuring")
    parser.add_argument("--max-scale", type=int, default=10, help="largest panel, in VN2s of 599 SKUs (default: 10)")
    markdown.add_options(parser, page=PAGE)
    options = parser.parse_args(arguments)
    if not (options.kept or options.check):
        measured(options.max_scale)
    return markdown.publish(options, NAME, as_markdown)


if __name__ == "__main__":
    sys.exit(main())
