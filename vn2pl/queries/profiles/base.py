"""What a profile is: the features of a SKU-week, the cell it falls in, and how two SKU-weeks compare."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import polars as pl

CandidateWeeks = Literal["past", "all"]
Gap = Callable[[str], pl.Expr]


class Profile(Protocol):
    """A definition of similarity; everything else in the plan is the same for every profile.

    Sales, levels and demand count in demand units.

    Expressions over pairs read ``recipient_<column>`` and ``donor_<column>`` (see ``names``).
    """

    def groupings(self, schema: Mapping[str, pl.DataType], /) -> Sequence[Sequence[str]]:
        """Attributes by which the features of a panel with these columns group SKUs; those that name a column that it
        lacks are left out (codes of groups: see ``panel``)."""
        ...

    @property
    def always_looks_ahead(self) -> bool:
        """Whether features look at later weeks even where donors may not: new weeks then change old SIPs."""
        ...

    def features(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame:
        """The panel, its rows sorted, with its features, ``own_weeks`` (the SKU's in-stock weeks that were used) and
        ``level_source``; the codes of its groups may be left out."""
        ...

    def coefficients(self, panel: pl.LazyFrame, /, *, candidate_weeks: CandidateWeeks) -> pl.LazyFrame | None:
        """What the features of a panel rest on, where the profile learns it (see ``learnt``)."""
        ...

    def kind(self) -> pl.Expr:
        """SKUs of one kind have the same number (Int32 over features): what they sell at most is of one order."""
        ...

    def is_donor(self) -> pl.Expr:
        """Which in-stock rows may lend their sales at all (Boolean over features)."""
        ...

    def has_history(self) -> pl.Expr:
        """Which donors know enough (Boolean over features): others lend only to weeks that find none of these."""
        ...

    def cell(self) -> pl.Expr:
        """Cell of a row on a grid of constant edges (Int32 over features): pairs form between near cells only."""
        ...

    def coordinates(self) -> Sequence[pl.Expr]:
        """What distance compares of two rows (named expressions over features, signed numbers)."""
        ...

    @property
    def distance_unit(self) -> float:
        """The distance that one stands for in ``parts``."""
        ...

    def scales(self) -> Sequence[pl.Expr]:
        """Factors of the distance that depend on the recipient alone (named expressions over features): they are worked
        out once per recipient instead of once per pair."""
        ...

    def parts(self, gap: Gap, /) -> Sequence[pl.Expr]:
        """What each coordinate adds to the distance of a pair (>= 0, named like it, over pairs and ``scales``), where
        ``gap`` gives its absolute difference.

        No gap that grows may bring a part down: the least gaps to a box of donors give a bound for all of them.
        """
        ...

    def sorting(self) -> Sequence[str]:
        """Coordinates that bring like donors together when a donor block is sorted by them, so that most batches lie
        beyond a recipient's bound; none where the cells leave little to rule out."""
        ...

    def demand(self) -> pl.Expr:
        """The donor's sales as demand of the recipient (Float64 over pairs, of any features)."""
        ...

    def weight(self) -> pl.Expr:
        """Weight of a neighbour, > 0 (over ``distance`` and ``farthest``, the recipient's largest distance)."""
        ...

    @property
    def pool_share(self) -> float:
        """The largest share of the donors near by that a stockout takes for neighbours, times its breadth."""
        ...

    @property
    def fewest_neighbours(self) -> int:
        """The neighbours that a stockout takes, times its breadth, whatever share of its donors they are."""
        ...

    def k_factor(self) -> pl.Expr:
        """How many times the usual number of neighbours a stockout needs (Float64 > 0 over features)."""
        ...

    def allow_thinning(self) -> pl.Expr:
        """Which stockouts seek their neighbours among half of the donors where these are many (Boolean over
        features): as many neighbours as elsewhere, but from twice as far."""
        ...

    def log_spread(self) -> pl.Expr:
        """Log half-width by which a stockout's distribution is widened: each demand v counts a quarter as v e^-spread,
        a half as v, and a quarter as v e^spread (Float64 >= 0 over features)."""
        ...

    def nb_mean(self) -> pl.Expr:
        """Mean of the smooth law that stands beside the neighbours (Float64 > 0 over features)."""
        ...

    def nb_weight(self, mean: pl.Expr) -> pl.Expr:
        """Share of a negative binomial in a stockout's distribution (Float64 in [0, 1), 0 from some mean on, over
        ``mean``)."""
        ...
