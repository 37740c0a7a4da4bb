"""Profile ``learnt``: expected demand as a log-linear model whose coefficients every panel teaches itself.

The expected demand of a SKU-week is a product of powers of a few ratios: what the SKU sold of late against its long-run
level, what the other SKUs of its store, its product, its group, ... sold in the same week against theirs, where these
have been going, how strongly the SKU itself followed them so far, and what it sold a year ago. The exponents are the
*coefficients*. They are fitted by quasi-likelihood, week by week, from the earlier weeks only; a prior that would suit
any panel holds them until there is evidence.

The files tell it in order: ``cells`` (who tells of whom), ``levels`` and ``cold_level`` (what is usual for a SKU),
``week_index`` and ``residuals`` (what moves it), ``design`` (all of them as features), ``exact`` and ``fit`` (their
coefficients), ``profile`` (the whole of it). How SKU-weeks of known expected demand compare: see ``comparison``.
"""

from .profile import Learnt

__all__ = ["PROFILE", "Learnt"]

PROFILE = Learnt
