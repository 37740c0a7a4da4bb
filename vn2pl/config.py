"""What a run can be told: the plan's settings, and what the input calls its columns."""

from .queries import Settings


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the plan, and ``columns``: names used here to names in the input, e.g. ``{"sales": "units"}``.

    ``configs/uncertainty.yaml`` documents every key.
    """

    columns: dict[str, str] = {}
