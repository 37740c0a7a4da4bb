"""``python -m vn2pl``."""

from .cli.main import entry

entry()
