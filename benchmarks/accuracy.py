"""The accuracy table of docs/accuracy.md: the product's own backtest, all its methods, several masks.

python -m benchmarks.accuracy           writes it between <!-- accuracy:begin --> and <!-- accuracy:end -->
python -m benchmarks.accuracy --print   prints the table; --check compares it with the document
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from vn2pl import Config
from vn2pl.evaluation.backtest import ALL, ANSWERED, METHOD, METHODS, PART, PLAN, REFERENCES, SEGMENT, backtest
from vn2pl.evaluation.masks import draw_masks
from vn2pl.queries.profiles import CandidateWeeks

from . import markdown
from .data import observed, panel_name
from .measure import save, versions

NAME = "accuracy"
PAGE = markdown.DOCS / "accuracy.md"
LABELS = {
    PLAN: "**vn2pl**",
    "own_history": "own history",
    "own_recent": "own last 13 weeks (`all`: and next 13)",
    "seasonal_index": "seasonal index x median",
    "other_stores": "same product in other stores",
    "original": "the replaced system's metric",
    "zeros": "leave the zeros",
}


class Case(NamedTuple):
    """A column of the table."""

    mask: str
    candidate_weeks: CandidateWeeks


CASES = (Case("blocks", "past"), Case("blocks", "all"), Case("partial", "past"), Case("launch", "past"))


class Column(NamedTuple):
    """Ratios of every method for one part of one case."""

    title: str
    weeks: int
    ratios: dict[str, tuple[float | None, float | None, bool]]


def columns(panel: pl.DataFrame, case: Case, seeds: Sequence[int]) -> list[Column]:
    """The backtest of a case; launches have two parts."""
    config = msgspec.structs.replace(Config(), candidate_weeks=case.candidate_weeks)
    masks = draw_masks(case.mask, panel, seeds=seeds)
    table = backtest(panel, config, masks, reference=REFERENCES[case.mask]).table.filter(pl.col(SEGMENT) == ALL)
    return [_column(case, part, table.filter(pl.col(PART) == part)) for part in table[PART].unique(maintain_order=True)]


def _column(case: Case, part: str, table: pl.DataFrame) -> Column:
    name = case.mask if part == case.mask else f"{case.mask}, {part}"
    ratios = {
        row[METHOD]: (row["scaled_ratio"], row["pinball_ratio"], row[ANSWERED] == 1)
        for row in table.iter_rows(named=True)
        if row[ANSWERED] > 0
    }
    return Column(f"{name}, `{case.candidate_weeks}`", table["weeks"][0], ratios)


def as_markdown(found: Sequence[Column], *, panel: str, seeds: Sequence[int]) -> str:
    """The table, and under it what was measured."""
    header = ["scaled / plain", *(column.title for column in found)]
    rows = [[LABELS[method], *(_cell(column, method) for column in found)] for method in METHODS]
    weeks = ", ".join(f"{column.title}: {column.weeks:,}" for column in found)
    told = versions()
    described = (
        f"Pinball loss over 13 levels relative to own history (launches: to the same product in other stores) on the "
        f"same hidden weeks; lower is better, mean over the seeds {seeds[0]} to {seeds[-1]}. Scaled: every SKU counts "
        f"alike. * does not answer for every week; elsewhere the shown sales stay. {panel}; hidden weeks: {weeks}. "
        f"vn2pl {told['vn2pl']}, Polars {told['polars']}, Python {told['python']}; "
        f"`python -m benchmarks.accuracy` regenerates this table."
    )
    return f"{markdown.table(header, rows)}\n\n{described}"


def _cell(column: Column, method: str) -> str:
    if method not in column.ratios:
        return "-"
    scaled, plain, complete = column.ratios[method]
    text = " / ".join("-" if ratio is None else f"{ratio:.3f}" for ratio in (scaled, plain))
    text += "" if complete else "*"
    return f"**{text}**" if method == PLAN else text


def make(skus: int | None, seeds: Sequence[int], cases: Sequence[Case] = CASES) -> str:
    """Run all cases; the figures are also kept as JSON."""
    panel = observed(skus)
    found = [column for case in cases for column in columns(panel, case, seeds)]
    if skus is None:
        facts: dict[str, Any] = {"panel": panel_name(), "seeds": list(seeds), "versions": versions()}
        save(NAME, facts | {"columns": [column._asdict() for column in found]})
    return as_markdown(found, panel=panel_name(skus), seeds=seeds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then write, check or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6, help="masks of each kind (default: 6)")
    parser.add_argument("--first-seed", type=int, default=201, help="their first seed (default: 201)")
    parser.add_argument("--skus", type=int, help="a demo panel of this size (default: VN2 where it is there)")
    markdown.add_options(parser, page=PAGE)
    options = parser.parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    return markdown.publish(options, NAME, lambda: make(options.skus, seeds))


if __name__ == "__main__":
    sys.exit(main())
