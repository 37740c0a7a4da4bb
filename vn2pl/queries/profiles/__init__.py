"""Profiles by name. A module in this folder with a ``PROFILE`` class is one; nothing else needs to know of it."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from .base import CandidateWeeks, Profile

__all__ = ["CandidateWeeks", "Profile", "known_profiles"]


class _Known(Mapping[str, type[Profile]]):
    """A profile is imported when it is asked for: what another one needs may take as long as reading a panel."""

    def __getitem__(self, name: str) -> type[Profile]:
        if name not in self._modules():
            raise KeyError(name)
        module = import_module(f"{__name__}.{name}")
        if not hasattr(module, "PROFILE"):
            raise KeyError(name)
        profile: type[Profile] = module.PROFILE
        return profile

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._modules() if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _modules(self) -> list[str]:
        return sorted(module.name for module in iter_modules(__path__))


def known_profiles() -> Mapping[str, type[Profile]]:
    """Every profile's class by its name, in alphabetical order."""
    return _Known()
