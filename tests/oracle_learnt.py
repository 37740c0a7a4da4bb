"""The expected demand of the profile ``learnt``, stated a second time: in plain loops, from docs/method.md."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from oracle import Key, Panel, Row, gap, one, sales, same, total

Cell = tuple[str, ...]
Numbers = dict[Key, float]

HALF_LIVES, OWN_PRIORS = (2, 12), (0.3, 0.6)
LEVEL_PRIORS: Mapping[Cell, float] = {("Product",): 0.6, ("Store",): 0.3}
WEEK_PRIORS: Mapping[Cell, float] = {("Product",): 0.5, ("Store",): 0.4, (): 0.5}


@dataclass(frozen=True)
class Expectation:
    """Expected demand of every row, and the coefficients of every week, by feature."""

    expected: Numbers
    cold_level: Numbers
    coefficients: dict[date, dict[str, float]]


def expectation(rows: Iterable[Row], attributes: Sequence[str], candidate_weeks: str) -> Expectation:
    """What was to be expected of a panel."""
    return _Model(Panel(rows, candidate_weeks), attributes).expectation()


def stepped(value: float, steps: int = 2**10, largest: float = 8) -> float:
    return min(max(round(value * steps) / steps, -largest), largest)


def within(value: float, largest: float) -> float:
    return min(max(value, -largest), largest)


def weeks_of_prior(level: float) -> float:
    return (1 / (level + 0.1) + 0.3) / 0.5


def damped(level: float) -> float:
    return 2 / (level + 2)


def log_ratio(sold: float, usual: float, units: float) -> float:
    return math.log((sold + units) / (usual + units))


class _Model:
    def __init__(self, panel: Panel, attributes: Sequence[str]) -> None:
        self.panel, self.weeks = panel, sorted(panel.of_week)
        sold = [row.week for row in panel.rows if row.in_stock and row.sales]
        self.first_sale = min(sold, default=None)
        self.starts = self._starts(attributes)
        self.cold = self._cold_levels()

    def _starts(self, attributes: Sequence[str]) -> dict[Cell, date]:
        """The first week in which a cell tells anything, of the cells that ever do."""
        singles: list[Cell] = [(), ("Product",), ("Store",), *((name,) for name in attributes)]
        starts: dict[Cell, date] = {}
        for number, by in enumerate(singles):
            self._start(starts, by, unlike=singles[:number])
        for number, first in enumerate(singles[1:], start=2):
            for second in singles[number:]:
                if {first, second} <= starts.keys() and {first, second} != {("Product",), ("Store",)}:
                    self._start(starts, first + second, unlike=[first, second])
        return starts

    def _start(self, starts: dict[Cell, date], by: Cell, unlike: Sequence[Cell]) -> None:
        for week in self.weeks:
            seen = {row.sku: row for row in self.panel.rows if row.week <= week}
            groups = [self._groups(seen.values(), cell) for cell in (by, *unlike)]
            parts_started = all(starts.get(cell, week) <= week for cell in unlike if len(by) > 1)
            if parts_started and max(map(len, groups[0])) > 1 and groups[0] not in groups[1:]:
                starts[by] = week
                return

    @staticmethod
    def _groups(rows: Iterable[Row], by: Cell) -> set[frozenset[tuple[int, int]]]:
        groups: dict[tuple[object, ...], set[tuple[int, int]]] = {}
        for row in rows:
            groups.setdefault(tuple(getattr(row, name) for name in by), set()).add(row.sku)
        return {frozenset(group) for group in groups.values()}

    def _others(self, row: Row, cell: Cell) -> list[Row]:
        return [other for other in self.panel.of_week[row.week] if other.sku != row.sku and same(other, row, cell)]

    def _cold_levels(self) -> Numbers:
        panel = self.panel
        sold = [row.sales for row in panel.of_week[self.first_sale] if row.in_stock] if self.first_sale else [1.0]
        scale = sum(sold) / len(sold)
        least, own, trust, middle = max(0.1, 0.005 * scale), {}, {}, {}
        for row in panel.rows:
            mean = panel.decayed(sales, row) / max(panel.own_weeks(row), 1e-9)
            own[row.key], trust[row.key] = math.log(mean + least), min(panel.own_weeks(row) / 8, 1)
        for row in panel.rows:
            others = [other.key for other in panel.of_week[row.week] if other.sku != row.sku]
            weight = total(trust[key] for key in others)
            unknown = own[row.key] if panel.own_weeks(row) else math.log(scale)
            middle[row.key] = total(trust[key] * own[key] for key in others) / weight if weight else unknown
        away = {row.key: own[row.key] - middle[row.key] for row in panel.rows}
        cells = [cell for cell in self.starts if len(cell) > 1 or cell in (("Product",), ("Store",))]
        means = {row.key: [self._mean(row, c, trust, own, middle[row.key]) for c in cells] for row in panel.rows}
        prior = np.array([LEVEL_PRIORS.get(cell, 0.2 if "Store" in cell else 0.0) for cell in cells])
        cold = {}
        for week in self.weeks:
            settled = [row.key for row in panel.of_week[week] if panel.own_weeks(row) >= 8]
            z = np.array([means[key] for key in settled]).reshape(len(settled), len(cells))
            level = np.array([stepped(away[key]) for key in settled])
            weights = np.linalg.solve(z.T @ z + 150 * np.eye(len(cells)), z.T @ level + 150 * prior)
            for row in panel.of_week[week]:
                told = sum(stepped(v, 2**16) * m for v, m in zip(weights, means[row.key], strict=True))
                cold[row.key] = middle[row.key] + told
        return cold

    def _mean(self, row: Row, cell: Cell, trust: Numbers, own: Numbers, middle: float) -> float:
        if row.week < self.starts[cell]:
            return 0.0
        others = [other.key for other in self._others(row, cell)]
        weight = total(trust[key] for key in others)
        return stepped((total(trust[key] * own[key] for key in others) - weight * middle) / (weight + 0.2))

    def expectation(self) -> Expectation:
        rows = self.panel.rows
        wide = [cell for cell in self.starts if len(cell) < 2]
        base = self._long_run(one)
        usual = {row.key: self._usual(row, base, one) for row in rows}
        first = {row.key: {**self._own(row, base, one), **self._week(row, wide, usual)} for row in rows}
        priors = dict(zip((f"level of {h} weeks" for h in HALF_LIVES), OWN_PRIORS, strict=True))
        priors |= {week_of(cell): WEEK_PRIORS.get(cell, 0.0) for cell in wide}
        coefficients = self._fit(first, priors, base)
        index = {
            row.key: sum(coefficients[row.week][week_of(c)] * first[row.key][week_of(c)] for c in wide) for row in rows
        }
        mean = self._means(first, coefficients, base)

        def exposure(row: Row) -> float:
            return math.exp(within(index[row.key], 3))

        base = self._long_run(exposure)
        usual = {row.key: self._usual(row, base, exposure) for row in rows}
        every = {row.key: self._all_features(row, base, usual, exposure) for row in rows}
        shares = {
            row.key: sum(coefficients[row.week][week_of(c)] * every[row.key][week_of(c)] for c in wide) for row in rows
        }
        for row in rows:
            every[row.key] |= self._late_features(row, shares, mean, usual)
        priors = dict.fromkeys(next(iter(every.values())), 0.0) | priors
        priors |= {"drift of 1 weeks, damped": 0.4, "drift of 8 weeks, damped": 0.4}
        priors |= {"week, own slope": 0.5, "year away": 0.1}
        coefficients = self._fit(every, priors, base)
        return Expectation(self._means(every, coefficients, base), self.cold, coefficients)

    def _long_run(self, exposure: Callable[[Row], float]) -> Numbers:
        found = {}
        for row in self.panel.rows:
            cold = math.exp(self.cold[row.key])
            weeks = weeks_of_prior(cold)
            sold, exposed = self.panel.decayed(sales, row), self.panel.decayed(exposure, row)
            found[row.key] = (sold + weeks * cold) / (exposed + weeks)
        return found

    def _own(self, row: Row, base: Numbers, exposure: Callable[[Row], float]) -> dict[str, float]:
        found, usual = {}, base[row.key]
        weeks = weeks_of_prior(usual)
        for half_life in HALF_LIVES:
            sold, exposed = (self.panel.decayed(value, row, half_life) for value in (sales, exposure))
            level = (sold + weeks * usual) / (exposed + weeks)
            found[f"level of {half_life} weeks"] = stepped(log_ratio(level, usual, 0.02))
        return found

    def _usual(self, row: Row, base: Numbers, exposure: Callable[[Row], float]) -> float:
        moved = sum(p * x for p, x in zip(OWN_PRIORS, self._own(row, base, exposure).values(), strict=True))
        return math.exp(min(max(math.log(base[row.key] + 0.02) + moved, -6), 20))

    def _week(self, row: Row, cells: Iterable[Cell], usual: Numbers) -> dict[str, float]:
        has_begun = self.first_sale is not None and row.week > self.first_sale
        found = {}
        for cell in cells:
            peers = [other for other in self._others(row, cell) if other.in_stock and has_begun]
            sold = total(other.sales * (usual[other.key] + 1) ** -0.3 for other in peers)
            expected = total(usual[other.key] * (usual[other.key] + 1) ** -0.3 for other in peers)
            found[week_of(cell)] = stepped(log_ratio(sold, expected, 3)) if row.week >= self.starts[cell] else 0.0
        return found

    def _all_features(
        self, row: Row, base: Numbers, usual: Numbers, exposure: Callable[[Row], float]
    ) -> dict[str, float]:
        own, level = self._own(row, base, exposure), base[row.key]
        sharp = {name: self._unrounded(row, name, base, exposure) for name in own}
        g = within(log_ratio(math.exp(self.cold[row.key]), level, 0.02), 3)
        n = self.panel.own_weeks(row)
        return {
            **own,
            **{f"{name}, damped": stepped(value * damped(level)) for name, value in sharp.items()},
            **self._week(row, self.starts, usual),
            "unsettled": stepped(max(0, 1 - n / 8)),
            "cold level, few weeks": stepped(g * 8 / (8 + n)),
            "cold level, damped": stepped(g * damped(level)),
        }

    def _unrounded(self, row: Row, name: str, base: Numbers, exposure: Callable[[Row], float]) -> float:
        usual, half_life = base[row.key], int(name.split()[2])
        weeks = weeks_of_prior(usual)
        sold, exposed = (self.panel.decayed(value, row, half_life) for value in (sales, exposure))
        return log_ratio((sold + weeks * usual) / (exposed + weeks), usual, 0.02)

    def _late_features(self, row: Row, index: Numbers, mean: Numbers, usual: Numbers) -> dict[str, float]:
        found = {}
        for half_life in (1, 8):
            others = [o for o in self.panel.of_sku[row.sku] if o.week < row.week or self.panel.both_sides]
            fading = {o.key: 0.5 ** (gap(row, o) / half_life) for o in others if o.week != row.week}
            weeks = (2 if self.panel.both_sides else 1) / (1 - 0.5 ** (1 / half_life))
            drift = sum(f * index[key] for key, f in fading.items()) / (weeks + 1)
            found[f"drift of {half_life} weeks, damped"] = stepped(drift * damped(usual[row.key]))
        told = [other for other in self.panel.history[row.key] if self.panel.own_weeks(other) >= 2]
        score = information = 0.0
        away = []
        for other in told:
            mu, i = mean[other.key], index[other.key]
            r = 1 / (1 + 0.3 * mu)
            error = min(max((other.sales - mu) / max(mu, 0.05), -1), 4)
            score, information = score + r * mu * error * i, information + r * mu * i**2
            if 51 <= gap(row, other) + 1 <= 53:
                away.append((r * other.sales, r * mu))
        found["week, own slope"] = stepped(within(score / (information + 3), 2) * index[row.key])
        found["year away"] = stepped(
            within(log_ratio(total(sold for sold, _ in away), total(expected for _, expected in away), 3), 2)
        )
        return found

    def _means(
        self, features: Mapping[Key, dict[str, float]], coefficients: dict[date, dict[str, float]], base: Numbers
    ) -> Numbers:
        found = {}
        for row in self.panel.rows:
            told = sum(coefficients[row.week][name] * value for name, value in features[row.key].items())
            found[row.key] = math.exp(min(max(math.log(base[row.key] + 0.02) + told, -6), 20))
        return found

    def _fit(
        self, features: Mapping[Key, dict[str, float]], priors: Mapping[str, float], base: Numbers
    ) -> dict[date, dict[str, float]]:
        names = list(next(iter(features.values())))
        held = np.array(
            [1000.0 if self.panel.both_sides and n in ("week, own slope", "year away") else 1 for n in names]
        )
        first = self.weeks[0]
        data = []
        for week in self.weeks:
            late = (week - first).days // 7 >= 8
            rows = [r for r in self.panel.of_week[week] if r.in_stock and (late or self.panel.own_weeks(r) >= 2)]
            x = np.array([[features[row.key][name] for name in names] for row in rows]).reshape(-1, len(names))
            offset = np.array([math.log(base[row.key] + 0.02) for row in rows])
            data.append((x, offset, np.array([row.sales for row in rows])))
        fit = _Fit(np.array([priors[name] for name in names]), held)
        found = fit.at_once(data) if self.panel.both_sides else fit.week_by_week(data)
        return {week: dict(zip(names, b, strict=True)) for week, b in zip(self.weeks, found, strict=True)}


def week_of(cell: Cell) -> str:
    return f"week of {' x '.join(cell) or 'everybody'}"


Week = tuple[np.ndarray, np.ndarray, np.ndarray]


class _Fit:
    def __init__(self, prior: np.ndarray, held: np.ndarray) -> None:
        self.prior, self.held = prior, held

    def week_by_week(self, data: Sequence[Week]) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for number in range(len(data)):
            found.append(self._solved(data[:number], found)[0])
        return found

    def at_once(self, data: Sequence[Week]) -> list[np.ndarray]:
        b, a = np.rint(self.prior * 2**16) / 2**16, 0.5
        for _ in range(8):
            solved, next_a = self._solved(data, [b] * len(data), fixed=a)
            step = solved - b
            b, a = b + step.clip(-0.5, 0.5), next_a
            if np.abs(step).max() < 1e-3:
                break
        return [b] * len(data)

    def _solved(
        self, data: Sequence[Week], given: Sequence[np.ndarray], fixed: float | None = None
    ) -> tuple[np.ndarray, float]:
        """The coefficients and the overdispersion after these weeks, each linearised at what it was given."""
        size = len(self.prior)
        h, g, squares, scale, weeks = np.zeros((size, size)), np.zeros(size), 25.0, 50.0, 0
        for (x, offset, y), b in zip(data, given, strict=False):
            a = fixed or self._overdispersion(squares, scale)
            if not len(y):
                continue
            told = x @ b
            mu = np.exp((offset + told).clip(-6, 20))
            w = np.minimum(mu / (1 + a * mu), 64)
            e = ((y - mu) / mu).clip(-1, 4)
            h = h + x.T @ (x * self._steps(w)[:, None])
            g = g + x.T @ self._steps(w * (told + e))
            v = mu + a * mu**2
            squares += self._steps((np.minimum((y - mu) ** 2, 16 * v) - mu) * mu**2 / v**2).sum()
            scale += self._steps(mu**4 / v**2).sum()
            weeks += 1
        p = np.diag(self.held * (30 + 2 * np.diag(h) / max(weeks, 1)))
        solved = np.linalg.solve(h + p, g + p @ self.prior)
        return np.rint(solved * 2**16) / 2**16, self._overdispersion(squares, scale)

    @staticmethod
    def _overdispersion(squares: float, scale: float) -> float:
        return round(min(max(squares / scale, 0.01), 5) * 2**16) / 2**16

    @staticmethod
    def _steps(values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.rint(values * 2**10) / 2**10
        return found
