"""Stockout imputation for retail demand as one Polars lazy query.

A run is a value; its frames are computed when they are first asked for, and kept::

    import vn2pl

    run = vn2pl.impute(vn2pl.scan_panel("sales.parquet"), vn2pl.Config(n_neighbors=200))
    run.sips, run.imputed

For a single question there are lazy frames, such as ``vn2pl.sips(panel).collect()``; each call plans and computes all
that its frame needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Config
    from .errors import InputError, InputWarning
    from .queries import Found, plan
    from .reading import check_panel, read_panel, scan_panel
    from .reading.config_files import load_config
    from .reading.demo import DemoPanel, demo_panel
    from .running.frames import features, imputed, neighbours, sample, sips, summary
    from .running.imputation import Run
    from .running.publishing import impute

__version__ = "0.1.0"

_HOMES = {
    "Config": "config",
    "DemoPanel": "reading.demo",
    "Found": "queries",
    "InputError": "errors",
    "InputWarning": "errors",
    "Run": "running.imputation",
    "check_panel": "reading",
    "demo_panel": "reading.demo",
    "features": "running.frames",
    "impute": "running.publishing",
    "imputed": "running.frames",
    "load_config": "reading.config_files",
    "neighbours": "running.frames",
    "plan": "queries",
    "read_panel": "reading",
    "sample": "running.frames",
    "scan_panel": "reading",
    "sips": "running.frames",
    "summary": "running.frames",
}
__all__ = [
    "Config",
    "DemoPanel",
    "Found",
    "InputError",
    "InputWarning",
    "Run",
    "check_panel",
    "demo_panel",
    "features",
    "impute",
    "imputed",
    "load_config",
    "neighbours",
    "plan",
    "read_panel",
    "sample",
    "scan_panel",
    "sips",
    "summary",
]


def __getattr__(name: str) -> Any:
    """Import on first use: ``vn2pl --help`` must not wait for Polars."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vn2pl' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
