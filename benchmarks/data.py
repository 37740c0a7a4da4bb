"""Where benchmarks get their panel from: the VN2 files beside the repository, or else the generated demo panel."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    import vn2pl

ROOT = Path(__file__).resolve().parents[1]
VN2 = ROOT.parent / "shared" / "data" / "vn2"
VN2_SKUS = 599


def original_config() -> "vn2pl.Config":
    """The metric of the system that vn2pl replaces."""
    import vn2pl

    return vn2pl.load_config(ROOT / "configs" / "original.yaml")


def panel_name(skus: int | None = None) -> str:
    """What tables call the panel."""
    if skus is None and VN2.exists():
        return "VN2 (599 SKUs, 157 weeks)"
    return f"demo panel ({skus or VN2_SKUS:,} SKUs, 157 weeks)"


def observed(skus: int | None = None) -> "pl.DataFrame":
    """VN2, or a demo panel of ``skus`` SKUs where a number is given or VN2 is not there."""
    import vn2pl

    if skus is None and VN2.exists():
        return vn2pl.read_panel(VN2).collect()
    return vn2pl.demo_panel(skus=skus or VN2_SKUS).panel
