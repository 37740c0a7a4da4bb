"""The constants in docs/method.md, from the types: where each stands in a formula, and which default it is."""

import re
from functools import reduce
from typing import Any

import msgspec

from vn2pl import Config

# Patterns with a group per number, and the keys of the numbers; those after "profile" are parameters of the profile.
PLACES = {
    r"EW_inf\(y\) \+ (\d+) exp\(cold\)": ["profile.long_run_prior"],
    r"EW_inf\(x\) \+ (\d+)\)": ["profile.long_run_prior"],
    r"\*\*Level\*\* `L = \(EW_(\d+)\(y\) \+ k base\) / \(EW_(\d+)\(x\)": ["profile.half_life", "profile.half_life"],
    r"`R`, the same with half-life (\d+)": ["profile.recent_half_life"],
    r"`k = (\d+) / \(base": ["profile.level_prior_units"],
    r"comes ([\d.]+) times the mean residual": ["profile.store_residual_weight"],
    r"\(sum w y \+ (\d+)\) / \(sum w L \+ (\d+)\)": ["profile.index_prior_units", "profile.index_prior_units"],
    r"`w = \(L \+ 1\) \*\* -([\d.]+)`": ["profile.index_level_power"],
    r"weights product ([\d.]+),\s+division ([\d.]+), store ([\d.]+), store x group ([\d.]+), "
    r"store x department ([\d.]+), format x department ([\d.]+\d)": [
        f"profile.index_cells.{place}.weight" for place in range(6)
    ],
    r"log\(L \+ \.02\) \+ ([\d.]+) log\(\(R": ["profile.recent_exponent"],
    r"I \(1 \+ ([\d.]+) \(z - 0\.36\) \+ ([\d.]+) \(log\(min\(L, (\d+)\)": [
        f"profile.elasticity.{name}" for name in ("zero_share", "level", "level_limit")
    ],
    r"\+ ([\d.]+) max\(0, 1 - n/(\d+)\)": ["profile.unsettled_markup", "profile.settled_weeks"],
    r"by the factor `(\d+)/\(L \+ (\d+)\)`": ["profile.residual_level_units", "profile.residual_level_units"],
    r"([\d.]+) log\(\(Y \+ (\d+)\)/\(M \+ (\d+)\)\)": [
        f"profile.year_ago_{name}" for name in ("exponent", "prior_units", "prior_units")
    ],
    r"with half-life (\d+) and shrunk": ["profile.shape_half_life"],
    r"`([\d.]+) f`, `([\d.]+) z`, `([\d.]+) I`, `([\d.]+) o` and `([\d.]+) g`, and of ([\d.]+\d)": [
        f"profile.metric.{name}"
        for name in ("dispersion", "zero_share", "week_index", "odd_share", "peer_regularity", "kind")
    ],
    r"at most (\d+) weeks away on the circle": ["season_window"],
    r"that have at least (\d+) own weeks behind": ["profile.candidate_min_weeks"],
    r"`log\(mu \+ \.3\)`, ([\d.]+) wide, .* to have ([\d,]+) of them": ["profile.cell_width", "min_candidates"],
    r"at most (\d+) of one week and cell": ["cell_candidates"],
    r"It gets the (\d+) nearest": ["n_neighbors"],
    r"but (\d+) at least: in the first weeks": ["profile.fewest_neighbours"],
    r"`v = y_c \(mu_t \+ ([\d.]+)\)/\(mu_c \+ ([\d.]+)\)`": ["profile.rescale_offset", "profile.rescale_offset"],
    r"with `s = ([\d.]+) \(1 - n/(\d+)\)`": ["profile.unsettled_spread", "profile.settled_weeks"],
    r"is `([\d.]+) \(1 - mu_t/(\d+)\)`": ["profile.count_share", "profile.count_limit"],
}


def filled(page: str) -> str:
    """The page with the defaults in their places. Raises ValueError where a place is missing."""
    config = Config()
    defaults = {**msgspec.to_builtins(config), "profile": msgspec.to_builtins(config.definition)}
    return reduce(lambda text, pattern: _placed(text, pattern, PLACES[pattern], defaults), PLACES, page)


def _placed(page: str, pattern: str, keys: list[str], defaults: Any) -> str:
    found = re.search(pattern, page)
    if not found:
        raise ValueError(f"docs/method.md: expected a place for {', '.join(keys)}: {pattern}")
    for group, key in reversed([*enumerate(keys, start=1)]):
        value = reduce(lambda within, name: within[int(name) if name.isdecimal() else name], key.split("."), defaults)
        if float(found[group].replace(",", "")) != value:
            page = f"{page[: found.start(group)]}{value:,g}{page[found.end(group) :]}"
    return page
