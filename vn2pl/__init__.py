"""Stockout imputation for retail demand as one Polars lazy query.

Everything here takes and gives lazy frames; nothing is computed before ``collect``::

    import vn2pl

    panel = vn2pl.scan_panel("sales.parquet")
    sips = vn2pl.sips(panel, vn2pl.Config(n_neighbors=200)).collect()
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

__version__ = "0.1.0"

_HOMES = {
    "Config": "config",
    "DemoPanel": "reading.demo",
    "Found": "queries",
    "InputError": "errors",
    "InputWarning": "errors",
    "check_panel": "reading",
    "demo_panel": "reading.demo",
    "features": "running.frames",
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
    "check_panel",
    "demo_panel",
    "features",
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
