"""Digests that tell whether two runs would compute the same."""

from hashlib import sha256

import polars as pl


def fingerprint(observed: pl.DataFrame) -> str:
    """SHA-256 of the panel's content, whatever the order of its rows."""
    ordered = observed.sort("Store", "Product", "week").rechunk()
    return sha256(ordered.write_ipc(None, compat_level=pl.CompatLevel.oldest()).getbuffer()).hexdigest()
