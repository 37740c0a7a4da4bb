"""Named SQL over the published frames: files with a title and typed parameters, bound as literals, read-only."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from ..errors import InputError
from ..writing.artifacts import IMPUTE_OUTPUTS

SUFFIX = ".sql"
INTEGERS = range(-(2**63) + 1, 2**63)
READING = ("SELECT", "WITH")
TABLES = ("panel", *(output.frame for output in IMPUTE_OUTPUTS))
ALLOWED = f"expected the tables {', '.join(TABLES[:-1])} and {TABLES[-1]} only"

# What a placeholder may not be looked for in, then placeholders, then what was opened and never closed.
TOKENS = re.compile(
    r"""
    (?P<quoted> (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
      | (?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<comment> --[^\n]* | /\*(?:(?!/\*|\*/).)*\*/ )
  | (?P<cast> :: )
  | :(?P<name> [A-Za-z_]\w* )
  | (?P<open> ['"`] | /\* | \*/ )
  | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL,
)
# Functions of Polars that stand for a table and read a file, even within quotes and comments: what is quoted, and what
# only seems so, is for its parser to say.
BLANK = r"(?:\s|--[^\n]*\n)*"
READS_FILE = re.compile(rf"\b((?:read|scan)_\w*)[\"'`]?{BLANK}(?:/\*.*\*/{BLANK})?\(", re.IGNORECASE | re.DOTALL)
PARAMETER = re.compile(
    r"param\s+(?P<name>[A-Za-z_]\w*)\s*:\s*(?P<kind>\w+)(?:\s*=\s*(?P<default>'(?:[^']|'')*'|\S+))?(?:\s+(?P<help>.*))?"
)


class Parameter(NamedTuple):
    """A parameter of a query: its kind (integer, number, date or text), and its default, None where there is none."""

    name: str
    kind: str
    default: str | None
    help: str


class Query(NamedTuple):
    """A SQL file; ``source`` is what messages call it."""

    source: str
    title: str
    parameters: tuple[Parameter, ...]
    text: str


def shipped() -> dict[str, Query]:
    """The named queries by their names, in alphabetical order."""
    found = [file for file in files("vn2pl.queries").joinpath("sql").iterdir() if file.name.endswith(SUFFIX)]
    return {
        file.name.removesuffix(SUFFIX): parse(file.read_text(encoding="utf-8"), source=file.name)
        for file in sorted(found, key=lambda file: file.name)
    }


def load(name: str) -> Query:
    """The query of a name, or of a file where the name ends with .sql. Raises InputError where there is none."""
    if name.lower().endswith(SUFFIX):
        return parse(_read(Path(name)), source=name)
    known = shipped()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}, or a file *.sql"
        raise InputError(f"no query is called {name!r}; {hint}")
    return known[name]


def parse(text: str, *, source: str) -> Query:
    """A query from the text of a file: its first comment lines are the title and the parameters.

    ``-- param NAME: TYPE = DEFAULT  what it is``: types are integer, number, date and text, a default with blanks is
    quoted, and a parameter without one must be given. Raises InputError for a malformed header, for placeholders that
    it does not declare and parameters that are not used, and for anything but one SELECT or WITH.
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").strip().splitlines()]
    length = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = [line.removeprefix("--").strip() for line in lines[:length]]
    declared = tuple(_parameter(line, source) for line in header if re.match(r"param\b", line))
    query = Query(source, header[0] if header else "", declared, text)
    _check_statement(query)
    _check_declarations(query)
    return query


def bind(query: Query, given: Mapping[str, str], /) -> str:
    """The query's SQL with a literal in place of every placeholder outside of quotes and comments.

    Values are read as the type that the query declares and written by code; text is quoted, so that it stays text
    whatever it holds. Raises InputError with every unknown, missing or ill-typed parameter.
    """
    problems = [*_unknown(query, given), *_missing(query, given)]
    literals: dict[str, str] = {}
    for parameter in query.parameters:
        value = given.get(parameter.name, parameter.default)
        try:
            literals[parameter.name] = "" if value is None else KINDS[parameter.kind].literal(value)
        except ValueError:
            expected = KINDS[parameter.kind].expected
            problems.append(f"{query.source}: parameter {parameter.name}: expected {expected}, got {value!r}")
    if problems:
        raise InputError(*problems)

    def literal(token: re.Match[str]) -> str:
        # Blanks around it keep a literal from growing together with what stands beside the placeholder.
        return f" {literals[token['name']]} " if token["name"] else token[0]

    return TOKENS.sub(literal, query.text)


def answer(
    query: Query,
    tables: Mapping[str, pl.LazyFrame],
    given: Mapping[str, str] = {},
    /,
    *,
    absent: Mapping[str, str] = {},
) -> pl.DataFrame:
    """What the query says of the tables. Raises InputError that names the file for parameters and SQL that are wrong.

    Only tables that the SQL may read are looked up, since some are computed when they are. ``absent`` tells of each
    table that is not there how to get it.
    """
    sql = bind(query, given)
    known = {name: tables[name] for name in named(sql, tables)}
    try:
        return pl.SQLContext(known).execute(sql).collect(engine="streaming")
    except (PolarsError, PanicException) as error:
        # Polars puts the cause first, then the plan.
        cause = str(error).strip().partition("\n")[0]
        missing = re.fullmatch(r"relation '(.*)' was not found", cause)
        hint = absent.get(missing[1], f"expected one of {', '.join(tables)}") if missing else ""
        raise InputError(f"{query.source}: {cause}{'; ' if hint else ''}{hint}") from error


def named(sql: str, tables: Iterable[str], /) -> list[str]:
    """Those of the tables that SQL may read: their names are somewhere in it."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    return [table for table in tables if table in words]


def parameter_values(texts: Iterable[str], /) -> dict[str, str]:
    """``K=V`` texts as a mapping. Raises InputError where one is not of this form or a name comes twice."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--param: expected NAME=VALUE, got {text!r}")
        if name in values:
            raise InputError(f"--param: expected each name once, got {name!r} twice")
        values[name] = value
    return values


class Kind(NamedTuple):
    """A type of parameters: how its values are told to a person and written in SQL (ValueError where they cannot)."""

    expected: str
    literal: Callable[[str], str]


def _integer(text: str) -> str:
    if not re.fullmatch(r"[+-]?[0-9]+", text) or int(text) not in INTEGERS:
        raise ValueError(text)
    return _signed(str(int(text)))


def _number(text: str) -> str:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    # The exponent makes it a floating-point number to Polars, which takes 2.5 for a decimal.
    shown = repr(number)
    return _signed(shown if "e" in shown else f"{shown}e0")


def _signed(number: str) -> str:
    """In parentheses where negative: a minus before it would make a comment of both."""
    return f"({number})" if number.startswith("-") else number


def _date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return f"DATE '{date.fromisoformat(text)}'"


def _text(text: str) -> str:
    text.encode()
    return "'" + text.replace("'", "''") + "'"


KINDS = {
    "integer": Kind("a whole number", _integer),
    "number": Kind("a number", _number),
    "date": Kind("a date such as 2024-04-08", _date),
    "text": Kind("text in UTF-8", _text),
}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text, expected a file of SQL") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _parameter(line: str, source: str) -> Parameter:
    found = PARAMETER.fullmatch(line)
    if not found:
        raise InputError(f"{source}: expected -- param NAME: TYPE = DEFAULT  what it is, got -- {line}")
    if found["kind"] not in KINDS:
        raise InputError(f"{source}: {found['name']}: expected one of {', '.join(KINDS)}, got {found['kind']!r}")
    default = found["default"]
    if default is not None and default.startswith("'"):
        default = default[1:-1].replace("''", "'")
    return Parameter(found["name"], found["kind"], default, found["help"] or "")


def _check_statement(query: Query) -> None:
    for token in TOKENS.finditer(query.text):
        if token["open"]:
            line = query.text.count("\n", 0, token.start()) + 1
            raise InputError(f"{query.source}:{line}: {token['open']} has no counterpart; comments do not nest")
    statement = TOKENS.sub(lambda token: " " if token["comment"] else token[0], query.text).lstrip("\ufeff").strip()
    word = re.match(r"\w*", statement)
    if not word or word[0].upper() not in READING:
        raise InputError(f"{query.source}: expected a query that starts with SELECT or WITH")
    ends = [token.start() for token in TOKENS.finditer(statement) if token["end"]]
    if any(statement[end:].strip("; \n\t\r") for end in ends):
        raise InputError(f"{query.source}: expected one statement, got several")
    if function := READS_FILE.search(query.text):
        line = query.text.count("\n", 0, function.start()) + 1
        raise InputError(f"{query.source}:{line}: {function[1]} reads a file, which a query may not; {ALLOWED}")


def _check_declarations(query: Query) -> None:
    used = {token["name"] for token in TOKENS.finditer(query.text) if token["name"]}
    declared = [parameter.name for parameter in query.parameters]
    problems = [
        *(
            f"{query.source}: uses :{name}, which no '-- param {name}: TYPE' declares"
            for name in sorted(used - {*declared})
        ),
        *(
            f"{query.source}: declares the parameter {name}, but does not use it"
            for name in declared
            if name not in used
        ),
        *(f"{query.source}: declares the parameter {name} twice" for name in {*declared} if declared.count(name) > 1),
    ]
    if problems:
        raise InputError(*problems)


def _unknown(query: Query, given: Mapping[str, str]) -> Iterable[str]:
    names = [parameter.name for parameter in query.parameters]
    known = f"expected one of {', '.join(names)}" if names else "it has none"
    return [f"{query.source}: has no parameter {name!r}; {known}" for name in given if name not in names]


def _missing(query: Query, given: Mapping[str, str]) -> Iterable[str]:
    required = [parameter for parameter in query.parameters if parameter.default is None]
    return [
        f"{query.source}: needs the parameter {name}: --param {name}={kind.upper()}"
        for name, kind, *_ in required
        if name not in given
    ]
