"""``python -m vn2pl``."""

from .cli import entry

entry()
