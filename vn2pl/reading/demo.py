"""A generated panel in the likeness of VN2, with the true demand that a real panel hides.

``demo_panel`` stands in for data that may not be shipped: it lets the command run without an input, gives
the tests and benchmarks a panel of any size, and, because every stockout's demand is known here, lets
results be judged.

What is modelled
    * Demand is a negative binomial count, the usual model of slow-moving retail items (Ehrenberg 1959;
      Agrawal and Smith 1996; Snyder, Ord and Beaumont 2012). Its dispersion differs by SKU, so that all
      four classes of Syntetos, Boylan and Croston (2005) occur: smooth, erratic, intermittent and lumpy.
    * Its mean is the SKU's level x season x holidays x promotions x product, store and SKU fluctuations.
      Levels are shared by the product and by the store and have VN2's heavy-tailed quantiles. The smooth
      yearly season belongs to the product group and the department; how strongly holidays pull belongs to
      the product group and the product. Promotions and a persistent fluctuation hit all stores of a product
      in the same week, another fluctuation hits all products of a store, and each SKU's level drifts
      slowly.
    * The assortment is VN2's: a few large stores sell nearly everything, many small stores one or two
      fast-moving products, most products are in one to three stores.
    * Launches: about a third of the SKUs start late, mostly together in all stores of the product.
    * Stockout runs have VN2's length distribution, get rarer over the panel, concentrate on some SKUs and
      often hit several stores of a product at once. They begin more often after a week of high demand.
      Given the past they are independent of the hidden demand, except as the next point says.
    * Partial stockouts: some runs begin with a last stock, drawn from the SKU's level and blind to the
      week's demand. Where demand exceeds it, the week is a stockout with 0 < sales < demand; where it does
      not, the week is in stock.

What is not modelled
    Orders, deliveries and lead times (stock is a process of its own), prices, a trend shared by all SKUs, a
    ramp after a launch, holidays on moving dates, purchases in pairs (VN2 has an excess of even numbers),
    substitution by or lost traffic from a stockout, SKUs that are delisted. The merchandise hierarchy and
    the yearly pattern do not grow with the panel; stores and products do.

References
    Ehrenberg (1959), "The pattern of consumer purchases", Applied Statistics 8(1).
    Agrawal and Smith (1996), "Estimating negative binomial demand for retail inventory management with
    unobservable lost sales", Naval Research Logistics 43(6).
    Syntetos, Boylan and Croston (2005), "On the categorization of demand patterns", JORS 56(5).
    Snyder, Ord and Beaumont (2012), "Forecasting the intermittent demand for slow-moving inventories", IJF
    28(2).
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Random = np.random.Generator

__all__ = ["DemoPanel", "demo_panel"]

# All constants below are rounded summaries of VN2's public files or were tuned until such summaries agreed.

# Size: the largest that was measured (18 million rows, 15 s, 2 GB).
MOST_SKUS = 60_000
MOST_WEEKS = 300
FIRST_MONDAY = date(2021, 4, 12)

# Assortment: VN2 has 599 SKUs from 67 stores (5 of them large) and 297 products (7 of them in small stores).
STORES_PER_SKU = 67 / 599
PRODUCTS_PER_SKU = 297 / 599
LARGE_STORE_SHARE = 5 / 67
SMALL_STORE_PRODUCT_SHARE = 7 / 297
LARGE_STORE_SIZES = (224.0, 123.0, 100.0, 54.0, 12.0)
SMALL_STORE_PRODUCT_SIZES = (34.0, 17.0, 16.0, 13.0, 1.0, 1.0, 1.0)
SMALL_STORE_EXTRA_SHARE = 0.1
PRODUCT_POPULARITY_SPREAD = 1.0
EVERY_NTH_SMALL_STORE_IS_A_KIOSK = 31

# Merchandise hierarchy: product groups in divisions in departments in department groups.
# Somewhat more than VN2's 111, 47, 26 and 6, because not every group gets a product.
PRODUCT_GROUPS, DIVISIONS, DEPARTMENTS, DEPARTMENT_GROUPS = 160, 54, 28, 6
GROUP_SIZE_HEAD = 4.0  # Zipf with a flattened head: VN2's largest product group has 9 % of the SKUs
LARGE_STORE_FORMAT, SMALL_STORE_FORMAT, KIOSK_FORMAT = 2, 1, 3
FORMATS_PER_STORE_FORMAT = 100  # Format = StoreFormat x 100 + 1: one Format per StoreFormat, as in VN2

# Levels: mean demand by rank of the SKU, and how much of the rank product, store and SKU decide.
LEVEL_RANKS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
LEVELS = (0.42, 0.62, 0.7, 0.87, 1.25, 2.3, 5.1, 10.5, 20.0, 47.0, 98.0)
PRODUCT_LEVEL_WEIGHT, STORE_LEVEL_WEIGHT, SKU_LEVEL_WEIGHT = 1.0, 0.25, 0.45
SMALL_STORE_PRODUCT_BONUS = 1.4  # only fast sellers are worth a small store's shelf

# Season and holidays (standard deviations of logarithms; holidays: factor on the mean by ISO week).
DAYS_PER_YEAR = 365.25
GROUP_SEASON_SPREAD, DEPARTMENT_SEASON_SPREAD = 0.13, 0.1
SECOND_HARMONIC_SHARE = 0.5
HOLIDAYS = {1: 1.1, 18: 1.2, 19: 1.45, 24: 1.4, 46: 2.5, 47: 1.55, 49: 1.55, 50: 2.35, 51: 3.6, 52: 1.45}
GROUP_HOLIDAY_SPREAD, PRODUCT_HOLIDAY_SPREAD = 0.45, 0.25
STRONGEST_HOLIDAY = 1.7  # power of the factors above: at most a nine-fold Christmas week

# Fluctuations (standard deviations of logarithms, persistence from week to week).
PROMOTION_SHARE, PROMOTION_UPLIFT, PROMOTION_SPREAD = 0.025, 0.9, 0.3
GROUP_SPREAD, GROUP_PERSISTENCE = 0.25, 0.7
PRODUCT_SPREAD, PRODUCT_PERSISTENCE = 0.28, 0.8
STORE_SPREAD, STORE_PERSISTENCE = 0.15, 0.5
DRIFT_SPREAD, DRIFT_PERSISTENCE = 0.3, 0.97
# What small stores sell is bought every week: dispersion and product-wide moves of such products are halved.
SMALL_STORE_PRODUCT_CALM = 0.5

# Dispersion: variance = mean + dispersion x mean^2, log-normal over SKUs; fast sellers are steadier.
DISPERSION, DISPERSION_SPREAD, DISPERSION_BY_LEVEL = 0.18, 0.9, -0.1
LARGEST_DISPERSION = 1.5

# Launches: the share of the panel that passes before the first delivery, by rank of the SKU.
LAUNCH_RANKS = (0.0, 0.65, 0.74, 0.78, 0.81, 0.84, 0.852, 0.923, 0.945, 0.965, 0.985, 1.0)
LAUNCHES = (0.0, 0.0064, 0.019, 0.057, 0.127, 0.223, 0.274, 0.331, 0.382, 0.446, 0.51, 0.58)
LAUNCH_TOGETHER = 0.9  # share of SKUs that start with their product

# Stockout runs: chance that one begins in a week, by position in the panel; length = ceil(log-normal).
RUN_POSITIONS = (0.0, 0.05, 0.1, 0.3, 0.36, 0.6, 0.7, 0.85, 1.0)
RUN_STARTS = (0.022, 0.034, 0.042, 0.045, 0.018, 0.014, 0.008, 0.005, 0.0045)
RUN_LENGTH_LOCATION, RUN_LENGTH_SPREAD, LONGEST_RUN = 0.08, 1.18, 30
RUN_FREQUENCY_SPREAD = 1.0  # a few SKUs have most of the stockouts
SHARED_RUN_SHARE = 0.5  # runs that come from the product's supply rather than the store's shelf
SHARED_RUN_REACH = 0.7  # share of the product's stores that such a run reaches
DEMAND_PULL = 0.5  # how much a run's chance to begin follows last week's demand relative to the level
STRONGEST_PULL = 6.0

# Partial stockouts: share of runs that begin with a last stock, and that stock as a share of the level.
LAST_STOCK_SHARE = 0.42
SMALLEST_LAST_STOCK, LARGEST_LAST_STOCK = 0.1, 1.2


class DemoPanel(NamedTuple):
    """What a retailer records (``panel``) and what customers wanted (``demand``), a row per SKU-week."""

    panel: pl.DataFrame
    demand: pl.DataFrame


class _Products(NamedTuple):
    """One element per product."""

    group: Integers
    division: Integers
    department: Integers
    department_group: Integers
    in_small_stores: Flags


class _Assortment(NamedTuple):
    """Stores, products and the SKUs that pair them.

    ``store`` and ``product`` have one element per SKU, sorted; ``store_format`` has one per store.
    """

    store: Integers
    product: Integers
    store_format: Integers
    products: _Products

    @property
    def skus(self) -> int:
        return self.store.size


class _Stock(NamedTuple):
    """Both SKU x week: was the SKU out of stock, and the last units a stockout week could still sell."""

    out: Flags
    last: Floats


def demo_panel(*, skus: int = 599, weeks: int = 157, seed: int = 1) -> DemoPanel:
    """Generate a VN2-like retail panel and its true demand.

    Sales equal demand where ``in_stock`` is true and never exceed it elsewhere. Both frames are sorted by
    Store, Product and week. The same arguments give the same panel, but a longer panel does not continue a
    shorter one: launches and stockouts are spread over its length.

    Args:
        skus: pairs of store and product, 1 to 60,000; stores and products grow with them.
        weeks: consecutive Mondays from 2021-04-12, 1 to 300.
        seed: any non-negative integer.

    Raises:
        ValueError: if ``skus``, ``weeks`` or ``seed`` is out of range.

    >>> demo_panel(skus=20, weeks=10).panel.shape
    (200, 11)
    """
    _check_sizes(skus=skus, weeks=weeks, seed=seed)
    for_assortment, for_levels, for_means, for_demand, for_stock = _streams(seed, 5)
    assortment = _assortment(for_assortment, skus=skus)
    level = _levels(for_levels, assortment)
    demand = _demand(for_demand, assortment, level, _factors(for_means, assortment, _mondays(weeks)))
    stock = _stock(for_stock, assortment, level, demand)
    sales = np.where(stock.out, stock.last, demand)
    return _frames(assortment, _mondays(weeks), sales=sales, in_stock=~stock.out, demand=demand)


def _check_sizes(*, skus: int, weeks: int, seed: int) -> None:
    for name, value, most in (("skus", skus, MOST_SKUS), ("weeks", weeks, MOST_WEEKS)):
        if not 1 <= value <= most:
            raise ValueError(f"{name} must be between 1 and {most:,}, got {value:,}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")


def _streams(seed: int, count: int) -> list[Random]:
    # One stream per part: changing the stockouts, say, leaves demand alone. PCG64 is named because
    # default_rng may choose another generator in a later numpy.
    children = np.random.SeedSequence(seed).spawn(count)
    return [np.random.Generator(np.random.PCG64(child)) for child in children]


def _mondays(weeks: int) -> NDArray[np.datetime64]:
    return np.datetime64(FIRST_MONDAY, "D") + 7 * np.arange(weeks)


# --- assortment ---


def _assortment(random: Random, *, skus: int) -> _Assortment:
    stores = max(1, round(skus * STORES_PER_SKU))
    large = max(min(2, stores), round(stores * LARGE_STORE_SHARE))
    # The large stores alone must have room for all SKUs, or a tiny panel could run out of pairs.
    products = max(round(skus * PRODUCTS_PER_SKU), -(-skus // large))
    small = stores - large
    in_small_stores = np.arange(products) < min(small, max(1, round(products * SMALL_STORE_PRODUCT_SHARE)))
    pairs = _pairs(random, skus=skus, small=small, large=large, in_small_stores=in_small_stores)
    return _Assortment(
        store=pairs // products,
        product=pairs % products,
        store_format=_store_formats(small=small, large=large),
        products=_products(random, in_small_stores),
    )


def _store_formats(*, small: int, large: int) -> Integers:
    kiosk = np.arange(small) % EVERY_NTH_SMALL_STORE_IS_A_KIOSK == EVERY_NTH_SMALL_STORE_IS_A_KIOSK - 1
    formats = np.where(kiosk, KIOSK_FORMAT, SMALL_STORE_FORMAT)
    return np.concatenate([formats, np.full(large, LARGE_STORE_FORMAT)]).astype(np.int64)


def _pairs(random: Random, *, skus: int, small: int, large: int, in_small_stores: Flags) -> Integers:
    """Draw distinct pairs, coded store x products + product; every product and every store gets one."""
    products = in_small_stores.size
    large_weight = np.resize(LARGE_STORE_SIZES, large)
    popularity = random.lognormal(0.0, PRODUCT_POPULARITY_SPREAD, products)
    small_popularity = np.resize(SMALL_STORE_PRODUCT_SIZES, int(in_small_stores.sum()))

    def large_stores(count: int) -> Integers:
        return small + _choose(random, large_weight, count)

    def stocked(stores: Integers, weight: Floats) -> Integers:
        return stores * products + _choose(random, weight, stores.size)

    pairs = np.concatenate(
        [
            large_stores(products) * products + np.arange(products),
            stocked(np.arange(small), small_popularity),
            stocked(np.arange(small, small + large), popularity),
        ]
    )
    more_small = int(skus * SMALL_STORE_EXTRA_SHARE) if small else 0
    while (pairs := _distinct(pairs)).size < skus:
        some_small = stocked(_choose(random, np.ones(small), more_small), small_popularity)
        some_large = stocked(large_stores(skus - more_small), popularity)
        pairs = np.concatenate([pairs, random.permutation(np.concatenate([some_small, some_large]))])
    return np.sort(pairs[:skus])


def _choose(random: Random, weights: Floats, count: int) -> Integers:
    """Indices drawn in proportion to the weights."""
    chosen: Integers = np.searchsorted(np.cumsum(weights), random.random(count) * weights.sum(), side="right")
    # The sum may round above the last edge.
    return np.minimum(chosen, weights.size - 1)


def _distinct(pairs: Integers) -> Integers:
    """The different pairs in the order of their first appearance."""
    _, first = np.unique(pairs, return_index=True)
    return pairs[np.sort(first)]


def _products(random: Random, in_small_stores: Flags) -> _Products:
    department_group = _parents(random, children=DEPARTMENTS, parents=DEPARTMENT_GROUPS)
    department = _parents(random, children=DIVISIONS, parents=DEPARTMENTS)
    division = _parents(random, children=PRODUCT_GROUPS, parents=DIVISIONS)
    department_code = np.arange(1, DEPARTMENTS + 1)
    division_code = _codes(department, department_code)
    group_code = _codes(division, division_code)
    size_order = random.permutation(PRODUCT_GROUPS)
    group_sizes: Floats = 1.0 / np.arange(GROUP_SIZE_HEAD, GROUP_SIZE_HEAD + PRODUCT_GROUPS)
    group = size_order[_choose(random, group_sizes, in_small_stores.size)]
    # Two groups hold all that small stores sell, as in VN2.
    group[in_small_stores] = size_order[np.arange(int(in_small_stores.sum())) % 2]
    return _Products(
        group=group_code[group],
        division=division_code[division[group]],
        department=department_code[department[division[group]]],
        department_group=department_group[department[division[group]]] + 1,
        in_small_stores=in_small_stores,
    )


def _parents(random: Random, *, children: int, parents: int) -> Integers:
    """The parent of each child, ascending; every parent has at least one."""
    more = random.integers(parents, size=children - parents)
    return np.sort(np.concatenate([np.arange(parents), more])).astype(np.int64)


def _codes(parent: Integers, parent_code: Integers) -> Integers:
    """Codes that begin with the parent's: 1203 is the third child of 12."""
    number = np.arange(parent.size) - np.searchsorted(parent, parent) + 1
    return parent_code[parent] * 100 + number


# --- demand ---


def _levels(random: Random, assortment: _Assortment) -> Floats:
    """Mean demand per SKU: VN2's quantiles, handed out in the order of product + store + own effects."""
    products = assortment.products
    product = random.standard_normal(products.group.size)
    product += SMALL_STORE_PRODUCT_BONUS * products.in_small_stores
    store = random.standard_normal(assortment.store_format.size)
    own = random.standard_normal(assortment.skus)
    score = (
        PRODUCT_LEVEL_WEIGHT * product[assortment.product]
        + STORE_LEVEL_WEIGHT * store[assortment.store]
        + SKU_LEVEL_WEIGHT * own
    )
    return np.exp(np.interp(_ranks(score), LEVEL_RANKS, np.log(LEVELS)))


def _ranks(score: Floats) -> Floats:
    """Ranks between 0 and 1. Ranks, not raw draws, so that every seed and size has the same distribution."""
    ranks = np.empty(score.size)
    ranks[np.argsort(score, kind="stable")] = (np.arange(score.size) + 0.5) / score.size
    return ranks


def _factors(random: Random, assortment: _Assortment, mondays: NDArray[np.datetime64]) -> Floats:
    """SKU x week: what multiplies the level, 1 on average over the weeks of a SKU."""
    weeks = mondays.size
    by_store = STORE_SPREAD * _persistent(random, assortment.store_format.size, weeks, STORE_PERSISTENCE)
    logarithm = DRIFT_SPREAD * _persistent(random, assortment.skus, weeks, DRIFT_PERSISTENCE)
    logarithm += _product_weeks(random, assortment.products, mondays)[assortment.product]
    logarithm += by_store[assortment.store]
    factors = np.exp(logarithm, out=logarithm)
    factors /= factors.mean(axis=1, keepdims=True)
    return factors


def _product_weeks(random: Random, products: _Products, mondays: NDArray[np.datetime64]) -> Floats:
    """Product x week: what moves a product in all its stores at once."""
    count, weeks = products.group.size, mondays.size
    groups, group = np.unique(products.group, return_inverse=True)
    moves = (
        _season(random, products, mondays)
        + _holidays(random, products, mondays)
        + _promotions(random, count, weeks)
        + PRODUCT_SPREAD * _persistent(random, count, weeks, PRODUCT_PERSISTENCE)
        + GROUP_SPREAD * _persistent(random, groups.size, weeks, GROUP_PERSISTENCE)[group]
    )
    return moves * _calm(products.in_small_stores)[:, None]


def _calm(in_small_stores: Flags) -> Floats:
    return np.where(in_small_stores, SMALL_STORE_PRODUCT_CALM, 1.0)


def _season(random: Random, products: _Products, mondays: NDArray[np.datetime64]) -> Floats:
    """Product x week: two harmonics of the year by product group and by department."""
    days = (mondays - np.datetime64("2021-01-01", "D")).astype(np.float64)
    angle = 2.0 * np.pi * days / DAYS_PER_YEAR
    first = np.stack([np.cos(angle), np.sin(angle)])
    second = np.stack([np.cos(2.0 * angle), np.sin(2.0 * angle)]) * SECOND_HARMONIC_SHARE
    amplitude = _by_code(random, products.group, GROUP_SEASON_SPREAD, 4)
    amplitude += _by_code(random, products.department, DEPARTMENT_SEASON_SPREAD, 4)
    waves = np.concatenate([first, second])
    # Added one by one: the last digit of a matrix product depends on the BLAS in use.
    season = np.zeros((products.group.size, mondays.size))
    for number, wave in enumerate(waves):
        season += amplitude[:, [number]] * wave
    return season


def _by_code(random: Random, codes: Integers, spread: float, columns: int) -> Floats:
    """Normal effects shared by the products of a code."""
    distinct, position = np.unique(codes, return_inverse=True)
    return spread * random.standard_normal((distinct.size, columns))[position]


def _holidays(random: Random, products: _Products, mondays: NDArray[np.datetime64]) -> Floats:
    """Product x week: holiday weeks, stronger for some products, absent for others."""
    iso_weeks = pl.Series(mondays).dt.week().to_list()
    calendar = np.log([HOLIDAYS.get(week, 1.0) for week in iso_weeks])
    strength = 1.0 + _by_code(random, products.group, GROUP_HOLIDAY_SPREAD, 1)
    strength += PRODUCT_HOLIDAY_SPREAD * random.standard_normal((products.group.size, 1))
    return np.clip(strength, 0.0, STRONGEST_HOLIDAY) * calendar


def _promotions(random: Random, products: int, weeks: int) -> Floats:
    """Product x week: rare uplifts of a single week, the same in all stores."""
    uplift = PROMOTION_UPLIFT + PROMOTION_SPREAD * random.standard_normal((products, weeks))
    return np.where(random.random((products, weeks)) < PROMOTION_SHARE, np.maximum(uplift, 0.0), 0.0)


def _persistent(random: Random, rows: int, weeks: int, persistence: float) -> Floats:
    """Row x week: stationary first-order autoregressions of unit variance."""
    values = random.standard_normal((rows, weeks))
    values[:, 1:] *= np.sqrt(1.0 - persistence**2)
    for week in range(1, weeks):
        values[:, week] += persistence * values[:, week - 1]
    return values


def _demand(random: Random, assortment: _Assortment, level: Floats, factors: Floats) -> Floats:
    """SKU x week: negative binomial counts, drawn as Poisson counts of gamma-distributed rates."""
    spread = np.exp(DISPERSION_SPREAD * random.standard_normal(assortment.skus))
    calm = _calm(assortment.products.in_small_stores)[assortment.product]
    dispersion = np.minimum(DISPERSION * level**DISPERSION_BY_LEVEL * calm * spread, LARGEST_DISPERSION)
    rates = random.standard_gamma(1.0 / dispersion[:, None], factors.shape)
    rates *= (level * dispersion)[:, None]
    rates *= factors
    return random.poisson(rates).astype(np.float64)


# --- stock ---


def _stock(random: Random, assortment: _Assortment, level: Floats, demand: Floats) -> _Stock:
    weeks = demand.shape[1]
    before_launch = np.arange(weeks) < _launches(random, assortment, weeks)[:, None]
    out = _in_runs(_run_ends(random, assortment, level, demand))
    # Only what was in stock the week before can have a last stock: before its launch a SKU sells nothing.
    begins = np.zeros_like(out)
    begins[:, 1:] = out[:, 1:] & ~(out | before_launch)[:, :-1]
    last = _last_stock(random, level, begins)
    met = (last > 0.0) & (demand <= last)
    return _Stock(out=before_launch | (out & ~met), last=np.where(met, 0.0, last))


def _launches(random: Random, assortment: _Assortment, weeks: int) -> Integers:
    """Weeks before the SKU's first delivery, mostly the same in all stores of a product."""
    together = random.random(assortment.products.group.size)[assortment.product]
    alone = random.random(assortment.skus) >= LAUNCH_TOGETHER
    score = np.where(alone, random.random(assortment.skus), together)
    return (np.interp(_ranks(score), LAUNCH_RANKS, LAUNCHES) * weeks).astype(np.int64)


def _run_ends(random: Random, assortment: _Assortment, level: Floats, demand: Floats) -> Integers:
    """SKU x week: the week after the end of a stockout run that begins here, 0 where none does."""
    skus, weeks = demand.shape
    chance = np.interp(np.arange(weeks) / weeks, RUN_POSITIONS, RUN_STARTS)
    own = _starts(random, skus, chance * (1.0 - SHARED_RUN_SHARE), _pull(level, demand))
    products = assortment.products.group.size
    shared_chance = chance * SHARED_RUN_SHARE / SHARED_RUN_REACH
    shared = _starts(random, products, shared_chance, np.ones((products, weeks)))
    reached = random.random((skus, weeks)) < SHARED_RUN_REACH
    return np.maximum(own, np.where(reached, shared[assortment.product], 0))


def _pull(level: Floats, demand: Floats) -> Floats:
    """SKU x week: more than 1 after a week that sold more than usual."""
    pull = np.ones_like(demand)
    ratio = np.minimum(demand[:, :-1] / level[:, None], STRONGEST_PULL)
    pull[:, 1:] += DEMAND_PULL * (ratio - 1.0)
    return pull


def _starts(random: Random, rows: int, chance: Floats, pull: Floats) -> Integers:
    """Row x week: the end of a run that begins here, 0 where none does; a few rows have many."""
    weeks = chance.size
    # exp(normal - variance / 2) has mean 1: the spread moves stockouts between rows and adds none.
    normal = random.standard_normal((rows, 1))
    frequency = np.exp(RUN_FREQUENCY_SPREAD * normal - RUN_FREQUENCY_SPREAD**2 / 2.0)
    begins = random.random((rows, weeks)) < chance * frequency * pull
    row, week = np.nonzero(begins)
    length = np.ceil(random.lognormal(RUN_LENGTH_LOCATION, RUN_LENGTH_SPREAD, row.size))
    ends = np.zeros((rows, weeks), np.int64)
    ends[row, week] = week + np.minimum(length, LONGEST_RUN).astype(np.int64)
    return ends


def _in_runs(ends: Integers) -> Flags:
    """SKU x week: covered by a run that began in this or an earlier week."""
    return np.maximum.accumulate(ends, axis=1) > np.arange(ends.shape[1])


def _last_stock(random: Random, level: Floats, begins: Flags) -> Floats:
    """SKU x week: units left when a run begins; knows the SKU's level but not the week's demand."""
    sku, week = np.nonzero(begins)
    share = random.uniform(SMALLEST_LAST_STOCK, LARGEST_LAST_STOCK, sku.size)
    left = random.random(sku.size) < LAST_STOCK_SHARE
    stock = np.zeros(begins.shape)
    stock[sku, week] = np.where(left, np.ceil(share * level[sku]), 0.0)
    return stock


# --- frames ---


def _frames(
    assortment: _Assortment,
    mondays: NDArray[np.datetime64],
    *,
    sales: Floats,
    in_stock: Flags,
    demand: Floats,
) -> DemoPanel:
    skus, weeks = demand.shape
    product, products = assortment.product, assortment.products
    store_format = assortment.store_format[assortment.store]
    per_sku = {
        "ProductGroup": products.group[product],
        "Division": products.division[product],
        "Department": products.department[product],
        "DepartmentGroup": products.department_group[product],
        "StoreFormat": store_format,
        "Format": store_format * FORMATS_PER_STORE_FORMAT + 1,
    }
    keys = pl.DataFrame(
        {
            "Store": np.repeat(assortment.store, weeks),
            "Product": np.repeat(product, weeks),
            "week": np.tile(mondays, skus),
        }
    )
    measured = [pl.Series("sales", sales.ravel()), pl.Series("in_stock", in_stock.ravel())]
    attributes = [pl.Series(name, np.repeat(values, weeks)) for name, values in per_sku.items()]
    return DemoPanel(
        panel=keys.with_columns(measured + attributes),
        demand=keys.with_columns(pl.Series("demand", demand.ravel())),
    )
