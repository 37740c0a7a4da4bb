"""Profiles by name. A module in this folder with a ``PROFILE`` class is one; nothing else needs to know of it."""

from importlib import import_module
from pkgutil import iter_modules

from .base import CandidateWeeks, Profile

__all__ = ["CandidateWeeks", "Profile", "known_profiles"]


def known_profiles() -> dict[str, type[Profile]]:
    """Every profile's class by its name, in alphabetical order."""
    modules = {module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}
    return {name: module.PROFILE for name, module in sorted(modules.items()) if hasattr(module, "PROFILE")}
