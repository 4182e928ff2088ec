"""The spike filter: which offered prices lie too far from the last good one to be believed.

A move is measured in typical daily changes. Above the threshold it is believed only when one of the next three
prices confirms it (lies nearer to it than to the last good price), and never above CONFIRMABLE thresholds: a
crash keeps its new level, a bad tick or a change of unit does not.
"""

from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

SPAN: Final = 500
OBSERVATIONS_MIN: Final = 10
CONFIRMATIONS: Final = 3
CONFIRMABLE: Final = 5.0
DAY: Final = 86_400.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spike:
    """A price not believed, its distance from the last good one in typical changes over the time between."""

    stamp: datetime
    price: float
    last_good: float
    multiples: float


def typical_change(close: pd.Series) -> float | None:
    """Exponentially weighted mean (span 500) of absolute daily changes, each over the root of its days.

    `close` has an increasing aware index. Days without a change do not count, else a price that is pegged or
    quoted in coarse steps would spike at every step. None with fewer than 10 changes.
    """
    changes = _daily_changes(close)
    if len(changes) < OBSERVATIONS_MIN:
        return None
    weights = (1 - 2 / (SPAN + 1)) ** np.arange(len(changes) - 1, -1, -1)
    return float(np.average(changes, weights=weights))


def typical_change_robust(close: pd.Series) -> float | None:
    """The same for prices that nobody has checked yet: the upper quartile of the changes.

    A few bad ticks hardly move it, and years of calm do not make wild ones look false. With too few days it is
    taken from the changes between bars instead, scaled up to a day.
    """
    daily = _daily_changes(close)
    if len(daily) >= OBSERVATIONS_MIN:
        return float(np.quantile(daily, 0.75))
    changes = np.abs(np.diff(close.to_numpy(dtype=float)))
    changes = changes[changes > 0]
    if len(changes) < OBSERVATIONS_MIN:
        return None
    return float(np.quantile(changes, 0.75)) * sqrt(len(changes) / (len(daily) + 1))


def find_spikes(stored: pd.Series, offered: pd.Series, *, typical: float | None, threshold: float) -> list[Spike]:
    """Prices of `offered` (stamps that `stored` lacks) not to be believed; `stored` is good throughout.

    Both have increasing aware indexes and finite values. `typical` is the change to expect in a day; None
    believes everything. Where nothing is stored before, the median of the first five prices is the reference.
    """
    if typical is None or offered.empty:
        return []
    stored = stored.iloc[max(int(stored.index.searchsorted(offered.index[0])) - 1, 0) :]
    together = pd.concat([stored, offered]) if len(stored) else offered
    stamps = _seconds(together)
    order = np.argsort(stamps, kind="stable")
    prices, days = together.to_numpy(dtype=float)[order], stamps[order] / DAY
    limit = typical * threshold
    if not _suspicious(prices, days, limit):
        return []
    return _walk(together.index[order], prices, days, new=order >= len(stored), typical=typical, threshold=threshold)


def _walk(
    stamps: pd.Index, prices: Floats, days: Floats, *, new: npt.NDArray[np.bool_], typical: float, threshold: float
) -> list[Spike]:
    spikes: list[Spike] = []
    last, last_day = (float(np.median(prices[:5])) if new[0] else prices[0]), days[0]
    for i, price in enumerate(prices):
        size = abs(price - last) / typical / sqrt(max(1.0, days[i] - last_day))
        if new[i] and size > threshold and not _confirmed(prices[i : i + 1 + CONFIRMATIONS], last, size / threshold):
            spikes.append(Spike(stamps[i].to_pydatetime(), float(price), float(last), float(size)))
        else:
            last, last_day = price, days[i]
    return spikes


def _confirmed(prices: Floats, last: float, thresholds: float) -> bool:
    following = prices[1:]
    return thresholds <= CONFIRMABLE and bool(np.any(np.abs(following - prices[0]) < np.abs(following - last)))


def _suspicious(prices: Floats, days: Floats, limit: float) -> bool:
    elapsed = np.sqrt(np.maximum(1.0, np.diff(days)))
    start = abs(prices[0] - np.median(prices[:5])) > limit
    return bool(start or np.any(np.abs(np.diff(prices)) > limit * elapsed))


def _daily_changes(close: pd.Series) -> Floats:
    days = _seconds(close) // DAY
    last_of_day = np.append(days[1:] != days[:-1], True) if len(days) else np.zeros(0, dtype=bool)
    prices, days = close.to_numpy(dtype=float)[last_of_day], days[last_of_day]
    changes = np.asarray(np.abs(np.diff(prices)) / np.sqrt(np.diff(days)), dtype=float)
    return changes[changes > 0]


def _seconds(close: pd.Series) -> Floats:
    return pd.DatetimeIndex(close.index).as_unit("ns").asi8 / 1e9
