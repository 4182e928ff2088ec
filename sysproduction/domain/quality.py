"""Data quality: days without bars, and instruments that are the same market twice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

ALIKE: Final = 0.05
"""Daily changes that differ by less than this part of a typical one agree."""

COMMON_DAYS_MIN: Final = 60
"""With fewer days in common, agreement proves nothing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Successive business days without any bar, `first` to `last`."""

    first: date
    last: date
    business_days: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two instruments whose daily changes agree on this share of the common `days` on which one of them moved."""

    first: str
    second: str
    agreement: float
    days: int


def gaps(bars: pd.DataFrame | pd.Series, *, shortest: int = 1) -> list[Gap]:
    """Runs of at least `shortest` business days (UTC, Monday to Friday) without a bar, between the first and the
    last bar. `bars` has an increasing aware index; sessions and holidays are not known here."""
    days = np.unique(bars.index.to_numpy(dtype="datetime64[D]"))
    seen = days[np.is_busday(days)]
    missing = np.busday_count(seen[:-1], seen[1:]) - 1
    return [
        Gap(np.busday_offset(seen[i], 1).item(), np.busday_offset(seen[i + 1], -1).item(), int(missing[i]))
        for i in np.flatnonzero(missing >= shortest)
    ]


def duplicates(series_by_instrument: Mapping[str, pd.Series], *, agreement: float = 0.95) -> list[Duplicate]:
    """Pairs (sorted by code) of price series whose daily changes agree on at least that share of their common days.

    Changes are measured in each instrument's typical (median absolute) one, so that a micro contract or another
    quotation of the same market is found; days on which neither moved do not count. Pairs with fewer than
    COMMON_DAYS_MIN days are not judged. Series have an increasing aware index.
    """
    changes = {code: scaled for code, series in sorted(series_by_instrument.items()) if len(scaled := _changes(series))}
    if not changes:
        return []
    table = pd.DataFrame(changes)
    codes, moves = list(table.columns), table.to_numpy(dtype=float)
    return [
        Duplicate(codes[i], codes[j], share, days)
        for i in range(len(codes))
        for j, share, days in _alike(moves, i)
        if share >= agreement
    ]


def _alike(moves: np.ndarray, i: int) -> Iterator[tuple[int, float, int]]:
    """Later columns that agree with column i somewhere, with the share and number of days judged."""
    one, others = moves[:, i, None], moves[:, i + 1 :]
    judged = ~np.isnan(one) & ~np.isnan(others) & ((one != 0) | (others != 0))
    agree = judged & (np.abs(one - others) < ALIKE)
    days = judged.sum(axis=0)
    for k in np.flatnonzero(days >= COMMON_DAYS_MIN):
        yield i + 1 + int(k), float(agree[:, k].sum() / days[k]), int(days[k])


def _changes(series: pd.Series) -> pd.Series:
    """Changes from day to day in typical ones, by day; empty if the price never moved."""
    prices = series.dropna()
    days = prices.index.to_numpy(dtype="datetime64[D]")
    daily = pd.Series(prices.to_numpy(dtype=float), index=days).groupby(level=0).last().diff().dropna()
    moved = daily[daily != 0].abs()
    return daily / moved.median() if len(moved) else daily[:0]
