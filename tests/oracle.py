"""A second statement of the method, in plain loops over small panels, for the tests to hold the plan against.

Written from the specification and not from the plan; it favours being readable over being fast.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

Sku = tuple[int, int]
Key = tuple[int, int, date]
Features = dict[str, float]

WEIGHT_UNIT = 2**20
MASS_UNIT = 4 * WEIGHT_UNIT  # what a weight of 1 comes to in a SIP
DISTANCE_UNIT = 2**-13
FARTHEST = 2**14 - 1
CELL_WIDTH = 0.1


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a configuration chooses, under the same names.

    The lot that draws ``cell_candidates`` is not modelled: here everyone is drawn.
    """

    profile: str = "expected"
    candidate_weeks: str = "past"
    season_window: int = 8
    season_wraps: bool = True
    n_neighbors: int = 300
    min_candidates: int = 2000
    cell_candidates: int = 10**6
    quantile_levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    demand_unit: float = 1.0


class Row(NamedTuple):
    """One SKU in one week."""

    Store: int
    Product: int
    week: date
    sales: float
    in_stock: bool
    ProductGroup: int
    Division: int
    Department: int
    StoreFormat: int

    @property
    def sku(self) -> Sku:
        return self.Store, self.Product

    @property
    def key(self) -> Key:
        return self.Store, self.Product, self.week


class Neighbour(NamedTuple):
    """One in-stock row of a target's pool, in the order of the ranks."""

    distance: float
    key: Key


@dataclass(frozen=True)
class Sip:
    """A distribution of demand: the value of each level, and whether the pool was beyond the observed sales."""

    values: tuple[float, ...]
    bound_beyond_candidates: bool


# ---------------------------------------------------------------------------------------------------------- history


class Panel:
    """Rows with what each of them may look at."""

    def __init__(self, rows: Iterable[Row], candidate_weeks: str) -> None:
        self.rows = sorted(rows)
        self.both_sides = candidate_weeks == "all"
        self.row = {row.key: row for row in self.rows}
        self.of_sku: dict[Sku, list[Row]] = defaultdict(list)
        self.of_week: dict[date, list[Row]] = defaultdict(list)
        for row in self.rows:
            self.of_sku[row.sku].append(row)
            self.of_week[row.week].append(row)
        self.history = {
            row.key: [other for other in self.of_sku[row.sku] if self._counts(other, row)] for row in self.rows
        }

    def _counts(self, other: Row, row: Row) -> bool:
        return other.in_stock and (other.week != row.week if self.both_sides else other.week < row.week)

    def decayed(self, value: Callable[[Row], float], row: Row, half_life: float = math.inf) -> float:
        """EW: the sum over the SKU's in-stock weeks, never the row's own, halved every ``half_life`` calendar weeks."""
        return math.fsum(value(other) * 0.5 ** (gap(row, other) / half_life) for other in self.history[row.key])

    def own_weeks(self, row: Row) -> int:
        return len(self.history[row.key])

    def others(self, row: Row, *cell: str) -> list[Row]:
        """Rows of other SKUs in the same week and the same cell."""
        return [other for other in self.of_week[row.week] if other.sku != row.sku and same(other, row, cell)]

    def first_sales(self) -> float:
        """Mean sales of the first week in which anything was sold, 1 where nothing ever was."""
        for week in sorted(self.of_week):
            if any(sold := [row.sales for row in self.of_week[week] if row.in_stock]):
                return math.fsum(sold) / len(sold)
        return 1.0

    def telling(self, row: Row, *cell: str) -> list[Row]:
        """Those others whose sales tell of the week: in stock, and not before anybody has a history."""
        if not any(self.history[other.key] for other in self.of_week[row.week]):
            return []
        return [other for other in self.others(row, *cell) if other.in_stock]


def gap(row: Row, other: Row) -> int:
    """Calendar weeks strictly between two rows: 0 for adjacent weeks."""
    return abs((row.week - other.week).days) // 7 - 1


def same(one: Row, other: Row, columns: Iterable[str]) -> bool:
    return all(getattr(one, column) == getattr(other, column) for column in columns)


def sales(row: Row) -> float:
    return row.sales


def sales_squared(row: Row) -> float:
    return row.sales**2


def sold_odd(row: Row) -> float:
    return float(row.sales % 2 == 1)


def sold_some(row: Row) -> float:
    return float(row.sales > 0)


def sold_nothing(row: Row) -> float:
    return float(row.sales == 0)


def one(_: Row) -> float:
    return 1.0


# ------------------------------------------------------------------------------------ features of the profile expected


def expected_features(panel: Panel) -> dict[Key, Features]:
    """Two passes of the same step, because levels need the week index and the week index needs levels."""
    first = levels_and_index(panel, one)

    def exposure(row: Row) -> float:
        return math.exp(first[row.key]["week_index"])

    features = {}
    for key, found in levels_and_index(panel, exposure).items():
        row = panel.row[key]
        known = {"own_weeks": panel.own_weeks(row), **found, **shape(panel, row, found["long_run_level"])}
        features[key] = {**known, "expected_demand": conditional_mean(known)}
    level = {key: known["level"] for key, known in features.items()}
    for row in panel.rows:
        features[row.key]["peer_regularity"] = peer_regularity(panel, row, features)
    correct(features, {row.key: drift(panel, row, level) for row in panel.rows})
    correct(features, {row.key: year_ago(panel, row, features) for row in panel.rows})
    return features


def correct(features: Mapping[Key, Features], residuals: Mapping[Key, float]) -> None:
    """Move expected demand by a log residual, the more the less the SKU sells."""
    for key, residual in residuals.items():
        features[key]["expected_demand"] *= math.exp(residual * 2 / (features[key]["level"] + 2))


def levels_and_index(panel: Panel, exposure: Callable[[Row], float]) -> dict[Key, Features]:
    """One pass: steps 1 to 3."""
    cold = cold_levels(panel, exposure)
    levels = {row.key: own_levels(panel, row, cold[row.key], exposure) for row in panel.rows}
    level = {key: found["level"] for key, found in levels.items()}
    return {
        row.key: {"cold_level": cold[row.key], **levels[row.key], "week_index": week_index(panel, row, level)}
        for row in panel.rows
    }


COLD_PEERS = (("StoreFormat", 0, 1), ("Department", 10, 8), ("ProductGroup", 3, 8), ("Product", 1.5, 8))


def cold_levels(panel: Panel, exposure: Callable[[Row], float]) -> dict[Key, float]:
    """Step 1: what peers say of a SKU's log level, whatever its own history."""
    first = panel.first_sales()
    log_level = {
        row.key: math.log(panel.decayed(sales, row) / panel.decayed(exposure, row) + max(0.1, first / 40))
        for row in panel.rows
        if panel.own_weeks(row)
    }

    def known(rows: Iterable[Row], weeks: int = 8) -> list[float]:
        return [log_level[row.key] for row in rows if panel.own_weeks(row) >= weeks]

    product_level = {}
    for row in panel.rows:
        everybody = known(panel.of_week[row.week], 1)
        known_alone = log_level.get(row.key, math.log(first))
        cold, nobody = (shrunk(everybody, 0, 0) if everybody else known_alone), True
        for attribute, strength, weeks in COLD_PEERS:
            if peers := known(panel.others(row, attribute), weeks):
                cold, nobody = shrunk(peers, cold, 0 if nobody else strength), False
        product_level[row.key] = cold

    def store_residual(row: Row) -> float:
        peers = [other.key for other in panel.others(row, "Store", "ProductGroup") if panel.own_weeks(other) >= 8]
        return shrunk([log_level[key] - product_level[key] for key in peers], 0, 2)

    return {row.key: product_level[row.key] + 0.9 * store_residual(row) for row in panel.rows}


def shrunk(values: Sequence[float], prior: float, strength: float) -> float:
    """A mean in which the prior counts as ``strength`` further values."""
    return (total(values) + strength * prior) / (len(values) + strength)


def total(values: Iterable[float]) -> float:
    """A sum over other SKUs: of whole steps."""
    return sum(round(value * 2**20) for value in values) / 2**20


def own_levels(panel: Panel, row: Row, cold: float, exposure: Callable[[Row], float]) -> Features:
    """Step 2: what the SKU sold per exposure, shrunk to the cold level."""
    base = (panel.decayed(sales, row) + 16 * math.exp(cold)) / (panel.decayed(exposure, row) + 16)
    prior = 8 / (base + 0.1)

    def level(half_life: float) -> float:
        sold, exposed = (panel.decayed(value, row, half_life) for value in (sales, exposure))
        return (sold + prior * base) / (exposed + prior)

    return {"long_run_level": base, "level": level(32), "recent_level": level(4)}


INDEX_CELLS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.25, ("Product",)),
    (0.20, ("Division",)),
    (0.30, ("Store",)),
    (0.25, ("Store", "ProductGroup")),
    (0.10, ("Store", "Department")),
    (0.30, ("StoreFormat", "Department")),
)


def week_index(panel: Panel, row: Row, level: Mapping[Key, float]) -> float:
    """Step 3: how the other in-stock SKUs sold in this very week against their levels, log scale."""
    index = 0.0
    for coefficient, cell in INDEX_CELLS:
        peers = panel.telling(row, *cell)
        sold = total(other.sales * (level[other.key] + 1) ** -0.3 for other in peers)
        usual = total(level[other.key] * (level[other.key] + 1) ** -0.3 for other in peers)
        index += coefficient * math.log((sold + 3) / (usual + 3))
    return index


DRIFTS: tuple[tuple[float, float, float, tuple[str, ...]], ...] = (
    (0.30, 1.0, 10.0, ("Product", "StoreFormat")),
    (0.30, 6.5, 3.0, ("Product", "StoreFormat")),
    (0.12, 1.0, 10.0, ("StoreFormat", "ProductGroup")),
)


def drift(panel: Panel, row: Row, level: Mapping[Key, float]) -> float:
    """What peers sold in other weeks of the SKU's calendar against their levels, near weeks first, log scale."""
    found = 0.0
    for exponent, half_life, prior, cell in DRIFTS:
        sold = usual = prior
        for week in panel.of_sku[row.sku]:
            if week.week == row.week or (week.week > row.week and not panel.both_sides):
                continue
            fading = 0.5 ** (gap(row, week) / half_life)
            peers = [(other.sales, level[other.key]) for other in panel.telling(week, *cell)]
            sold += fading * total(its_sales * (its_level + 1) ** -0.3 for its_sales, its_level in peers)
            usual += fading * total(its_level * (its_level + 1) ** -0.3 for _, its_level in peers)
        found += exponent * math.log(sold / usual)
    return found


def year_ago(panel: Panel, row: Row, features: Mapping[Key, Features]) -> float:
    """What the SKU itself sold 51 to 53 weeks away against what was expected of it then, log scale."""
    near = [other for other in panel.history[row.key] if 51 <= gap(row, other) + 1 <= 53]
    there = [other for other in near if panel.own_weeks(other)]
    expected = math.fsum(features[other.key]["expected_demand"] for other in there)
    return 0.45 * math.log((math.fsum(map(sales, there)) + 10) / (expected + 10))


def shape(panel: Panel, row: Row, base: float) -> Features:
    """Step 4: zero share and dispersion, from what the level implies where there is no history; share of odd sales."""

    def mean(value: Callable[[Row], float], implied: float) -> float:
        return (panel.decayed(value, row, 52) + 0.5 * implied) / (panel.decayed(one, row, 52) + 0.5)

    first = mean(sales, base)
    variance = max(mean(sales_squared, base + 1.5 * base**2) - first**2, 0)
    return {
        "dispersion": math.log((variance + 0.5) / (first + 0.5)),
        "zero_share": mean(sold_nothing, (1 + 0.7 * base) ** -1.4),
        "odd_share": (panel.decayed(sold_odd, row, 52) + 3) / (panel.decayed(sold_some, row, 52) + 5),
    }


def peer_regularity(panel: Panel, row: Row, features: Mapping[Key, Features]) -> float:
    """Weeks with sales of the group's other SKUs, in the other weeks of the SKU's calendar, beyond what is usual at
    their levels, against the variance of that number."""
    more, variance = 0.0, 3.0
    for week in panel.of_sku[row.sku]:
        if week.week < row.week or (week.week > row.week and panel.both_sides):
            peers = [other for other in panel.others(week, "ProductGroup") if other.in_stock]
            usual = [1 - (1 + 0.6 * moved_level(features[other.key])) ** (-1 / 0.6) for other in peers]
            more += total(float(other.sales > 0) - share for other, share in zip(peers, usual, strict=True))
            variance += total(share * (1 - share) for share in usual)
    return more / variance


def moved_level(known: Features) -> float:
    """The level, moved towards the recent one."""
    level = known["level"] + 0.02
    return math.exp(math.log(level) + 0.65 * math.log((known["recent_level"] + 0.02) / level))


def conditional_mean(known: Features) -> float:
    """Step 5: the expected demand mu."""
    elasticity = 1 + 0.65 * (known["zero_share"] - 0.36) + 0.07 * (math.log(min(known["level"], 200) + 0.1) - 0.5)
    return moved_level(known) * math.exp(known["week_index"] * elasticity + 0.05 * unsettled(known["own_weeks"]))


def unsettled(own_weeks: float) -> float:
    return max(0, 1 - own_weeks / 8)


# ------------------------------------------------------------------------------------ features of the profile original


def original_features(panel: Panel) -> dict[Key, Features]:
    """The old metric's features: observed sales, whatever the in-stock flag."""
    features = {}
    for rows in panel.of_sku.values():
        for position, row in enumerate(rows):
            recent = np.array([other.sales for other in rows[max(position - 4, 0) : position]])
            same_season = [other.sales for other in rows if season(other.week) == season(row.week)]
            mean = float(recent.mean()) if recent.size else 0.0
            deviation = float(recent.std()) if recent.size >= 2 else 0.0
            features[row.key] = {
                "rolling_mean_4": mean,
                "rolling_std_4": deviation,
                "rolling_cv_4": deviation / (mean + 1e-9),
                "seasonal_mean": math.fsum(same_season) / len(same_season),
                "trend_slope": slope(recent),
                "zeros_pct": float((recent == 0).mean()) if recent.size else 0.0,
            }
    return features


def slope(values: np.ndarray) -> float:
    """Least squares over 0..n-1."""
    if values.size < 2:
        return 0.0
    steps = np.arange(values.size) - (values.size - 1) / 2
    return float((steps * values).sum() / (steps**2).sum())


# ------------------------------------------------------------------------------------------------------ candidates


def season(week: date) -> int:
    return min(week.isocalendar().week, 52)


def season_distance(one: date, other: date, *, wraps: bool) -> int:
    apart = abs(season(one) - season(other))
    return min(apart, 52 - apart) if wraps else apart


class Oracle:
    """The method applied to one panel; the candidates that are in the half are told, not drawn."""

    def __init__(self, rows: Iterable[Row], method: Method, half: Collection[Key]) -> None:
        self.method, self.half = method, half
        in_units = [row._replace(sales=row.sales / method.demand_unit) for row in rows]
        self.panel = Panel(in_units, method.candidate_weeks)
        self.row = {row.key: row for row in rows}
        self.expects = method.profile == "expected"
        self.features = expected_features(self.panel) if self.expects else original_features(self.panel)
        self.targets = [row.key for row in self.panel.rows if not row.in_stock]
        self.coordinates = {key: coordinates(known) for key, known in self.features.items()} if self.expects else {}

    def usable(self, week: date) -> list[Key]:
        """Mature candidates of a target week, or the immature if there is no mature one; never who knows nothing."""
        candidates = [row for row in self.lendable(week) if not self.expects or self.panel.own_weeks(row)]
        mature = [row for row in candidates if not self.expects or self.panel.own_weeks(row) >= 2]
        return [row.key for row in mature or candidates]

    def lendable(self, week: date) -> list[Row]:
        """In-stock rows of the weeks that a target week may learn from, in demand units."""
        return [row for row in self.panel.rows if row.in_stock and self.is_near(row.week, week)]

    def largest_of_kind(self, target: Key) -> float:
        """The most that was sold in these weeks by SKUs of the target's division, or by any if there are none."""
        rows = self.lendable(target[2])
        alike = [row for row in rows if not self.expects or same(row, self.row[target], ["Division"])]
        return max(self.row[row.key].sales for row in alike or rows)

    def is_near(self, candidate: date, target: date) -> bool:
        in_time = self.method.candidate_weeks == "all" or candidate < target
        apart = season_distance(candidate, target, wraps=self.method.season_wraps)
        return in_time and apart <= self.method.season_window

    def within_reach(self, target: Key) -> list[Key]:
        """Usable candidates in the target's cell and the next ones, as far as it takes to have enough."""
        usable = self.usable(target[2])
        if not self.expects:
            return usable
        away = self.cells_away(target, usable)
        for reach in sorted(set(away.values())):
            within = [key for key in usable if away[key] <= reach]
            if len(within) >= self.method.min_candidates:
                return within
        return usable

    def ranked(self, target: Key) -> list[Neighbour]:
        """The pool by distance, then by candidate Store, Product and week."""
        return sorted(Neighbour(self.distance(target, key), key) for key in self.pool(target))

    def cells_away(self, target: Key, candidates: Iterable[Key]) -> dict[Key, int]:
        return {key: abs(cell(self.features[key]) - cell(self.features[target])) for key in candidates}

    def near(self, target: Key) -> int:
        """How many within reach are not far."""
        within = self.within_reach(target)
        return sum(away <= 30 for away in self.cells_away(target, within).values()) if self.expects else len(within)

    def pool(self, target: Key) -> list[Key]:
        """All within reach; of many, for a SKU with little history that sold nothing, those of the half."""
        within, row = self.within_reach(target), self.row[target]
        half = [key for key in within if key in self.half]
        is_many = self.near(target) >= self.method.min_candidates and len(half) >= self.sought(target)
        return half if is_many and self.expects and self.panel.own_weeks(row) < 8 and row.sales == 0 else within

    def breadth(self, target: Key) -> float:
        """More neighbours where a SKU has little history, or its sales say what demand is not."""
        row = self.row[target]
        if not self.expects:
            return 1
        return 2 if row.sales > 0 else 1.3 if self.panel.own_weeks(row) < 8 else 1

    def sought(self, target: Key) -> int:
        """How many neighbours: fewer where few candidates are near."""
        fewest, share = (100, 0.3) if self.expects else (1, 1)
        of_few = max(fewest, math.ceil(share * self.near(target)))
        return math.ceil(self.breadth(target) * min(self.method.n_neighbors, of_few))

    def is_scarce(self, target: Key) -> bool:
        return len(self.within_reach(target)) < self.breadth(target) * self.method.n_neighbors

    def neighbours(self, target: Key) -> list[Neighbour]:
        return self.ranked(target)[: self.sought(target)]

    def distance(self, target: Key, candidate: Key) -> float:
        if not self.expects:
            return original_distance(self.features[target], self.features[candidate])
        pairs = zip(self.coordinates[target], self.coordinates[candidate], strict=True)
        apart = sum(abs(of_target - of_candidate) for of_target, of_candidate in pairs)
        unlike = not same(self.row[target], self.row[candidate], ["Division"])
        return (apart + unlike * in_steps(0.1)) * DISTANCE_UNIT

    def demand(self, target: Key, candidate: Key) -> float:
        """The candidate's sales at the target's scale."""
        sold, unit = self.panel.row[candidate].sales, self.method.demand_unit
        if not self.expects:
            return sold * unit
        mu, its_mu = self.features[target]["expected_demand"], self.features[candidate]["expected_demand"]
        return unit * sold * (mu + 0.05) / (its_mu + 0.05)

    def weights(self, distances: Sequence[float]) -> list[float]:
        if not self.expects:
            return [1.0] * len(distances)
        farthest = max(distances, default=0.0)
        return [1.05 - (distance / (farthest + 1e-9)) ** 2 for distance in distances]

    def spread(self, target: Key) -> float:
        """How far demands are drawn apart, log scale: a level is uncertain where there is little history."""
        return 0.6 * unsettled(self.panel.own_weeks(self.row[target])) if self.expects else 0.0

    def sip(self, target: Key, levels: Sequence[float]) -> Sip | None:
        """From panel to distribution; None where there is no candidate."""
        neighbours = self.neighbours(target)
        weights = self.weights([neighbour.distance for neighbour in neighbours])
        demands = [self.demand(target, neighbour.key) for neighbour in neighbours]
        return self.sip_from(target, weights, demands, levels)

    def sip_from(
        self, target: Key, weights: Sequence[float], demands: Sequence[float], levels: Sequence[float]
    ) -> Sip | None:
        """From neighbours to distribution."""
        unit = self.method.demand_unit
        lent = in_quarters(weights, demands, unit, self.spread(target))
        mass = whole_units(lent)
        if self.expects and lent:
            add_smooth(mass, lent, self.features[target]["expected_demand"])
        return sip(mass, self.row[target].sales, levels, unit)


def cell(known: Features) -> int:
    return math.floor(math.log(known["expected_demand"] + 0.3) / CELL_WIDTH)


def coordinates(known: Features) -> tuple[int, ...]:
    """Step 6, in whole steps."""
    mu = known["expected_demand"]
    logs = (math.log(mu + 0.3), known["dispersion"] * 0.3)
    bounded = (
        known["zero_share"] * 0.7,
        known["week_index"] * 0.2,
        known["odd_share"] * 0.8,
        known["peer_regularity"] * 0.35,
    )
    return *map(in_steps, logs), *(max(-FARTHEST, min(FARTHEST, in_steps(value))) for value in bounded)


def in_steps(value: float) -> int:
    return round(value / DISTANCE_UNIT)


def original_distance(target: Features, candidate: Features) -> float:
    """The old metric, in single precision at the end."""

    def apart(name: str) -> float:
        return abs(target[name] - candidate[name])

    exact = (
        0.3 * apart("rolling_mean_4") / (target["rolling_mean_4"] + 1e-6)
        + 0.3 * apart("rolling_cv_4")
        + 0.2 * apart("seasonal_mean") / (target["seasonal_mean"] + 1e-6)
        + 0.1 * apart("trend_slope") / (abs(target["trend_slope"]) + 1e-6)
    )
    return float(np.float32(exact))


# ------------------------------------------------------------------------------------------------------------- SIPs


def sip(mass: Mapping[int, int], observed: float, levels: Sequence[float], unit: float) -> Sip | None:
    """Quantiles of the demand given demand >= observed; None without mass."""
    if not mass:
        return None
    least = math.ceil(observed / unit - 1e-9)
    kept = {value: share for value, share in mass.items() if observed == 0 or value >= least}
    beyond = least > 0 and sum(kept.values()) < int(1.5 * MASS_UNIT)
    if beyond:
        for value, share in tail(least):
            kept[value] = kept.get(value, 0) + share
    return Sip(tuple(max(quantile(kept, level) * unit, observed) for level in levels), beyond)


def in_quarters(weights: Sequence[float], demands: Sequence[float], unit: float, spread: float) -> dict[int, int]:
    """Integer mass by demand in quarters of a unit."""
    weight_of: dict[int, int] = defaultdict(int)
    for weight, demand in zip(weights, demands, strict=True):
        weight_of[int(np.float32(round(demand * 4 / unit)))] += round(weight * WEIGHT_UNIT)
    lent: dict[int, int] = defaultdict(int)
    for fine, whole in weight_of.items():
        for at, share in drawn_apart(fine, whole, spread):
            lent[at] += share
    return lent


def whole_units(lent: Mapping[int, int]) -> dict[int, int]:
    """Integer mass of whole numbers of units: quarters are split in proportion."""
    mass: dict[int, int] = defaultdict(int)
    for fine, share in lent.items():
        below, part = divmod(fine, 4)
        above = share * part // 4
        mass[below] += share - above
        mass[below + 1] += above
    return mass


def add_smooth(mass: dict[int, int], lent: Mapping[int, int], mean: float) -> None:
    """Mix in a negative binomial of the expected demand's mean and the neighbours' overdispersion."""
    share = 0.4 * max(0.0, 1 - mean / 30)
    if not share:
        return
    total = sum(lent.values())
    first = sum(fine * weight for fine, weight in lent.items()) / 4 / total
    second = sum(fine**2 * weight for fine, weight in lent.items()) / 16 / total
    over = min(max((second - first**2 - first) / (first**2 + 1e-9), 0.001), 10.0)
    last = math.ceil(mean + 10 * math.sqrt(mean + over * mean**2))
    for value in range(last + 1):
        mass[value] += round(total * share / (1 - share) * negative_binomial(value, mean, 1 / over))


def negative_binomial(value: int, mean: float, size: float) -> float:
    """Probability of a value, by gamma functions; the variance is mean + mean^2 / size."""
    ways = math.lgamma(value + size) - math.lgamma(size) - math.lgamma(value + 1)
    return math.exp(ways + size * math.log(size / (size + mean)) + value * math.log(mean / (size + mean)))


def drawn_apart(fine: int, whole: int, spread: float) -> list[tuple[int, int]]:
    """Four times the weight of a demand, half of it drawn to both sides."""
    if not spread:
        return [(fine, 4 * whole)]
    return [
        (round(fine * math.exp(-spread)), whole),
        (fine, 2 * whole),
        (round(fine * math.exp(spread)), whole),
    ]


def tail(least: int) -> list[tuple[int, int]]:
    """What stands in for demand that no candidate reached."""
    return [(math.floor(least + step * (1 + 0.1 * least)), MASS_UNIT // (step + 1)) for step in range(3)]


def quantile(mass: Mapping[int, int], level: float) -> int:
    """The smallest value whose cumulated mass reaches the level."""
    needed = level * (1 - 1e-12) * sum(mass.values())
    cumulated = 0
    for value in sorted(mass):
        cumulated += mass[value]
        if cumulated >= needed:
            return value
    return max(mass)
