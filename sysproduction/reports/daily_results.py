"""Results of futures day by day, from fills and closing prices alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.fills import Fill, Key


def daily_results(
    fills: Sequence[Fill],
    closes: Mapping[Key, "pd.Series[float]"],
    point_sizes: Mapping[str, float],
    rates: pd.DataFrame,
) -> pd.DataFrame:
    """Profit and loss in base currency, days x instruments, of all contracts that were ever held.

    `fills` are the last revision of each execution; `closes` the last price of each day by contract (a day without one
    keeps the one before; days before the first one have that one, and a contract without any earns nothing);
    `point_sizes` is money of the instrument's currency for a point, `rates` base currency for one of it, on the
    midnights (UTC) of consecutive days of which the first comes no later than the first fill. What is held at a day's
    start earns its change of close, what is traded the close less its price; commissions are paid.
    """
    days = pd.DatetimeIndex(rates.index)
    found = pd.DataFrame(0.0, index=days, columns=list(rates.columns))
    points: dict[str, NDArray[np.float64]] = {}
    paid: dict[str, NDArray[np.float64]] = {}
    for (code, contract), some in _by_contract(fills).items():
        earned, commission = _of_contract(some, closes.get((code, contract)), days)
        points[code] = points.get(code, np.zeros(len(days))) + earned
        paid[code] = paid.get(code, np.zeros(len(days))) + commission
    for code in points:
        money = points[code] * point_sizes[code] - paid[code]
        found[code] = money * rates[code].to_numpy()
    return found


def _by_contract(fills: Sequence[Fill]) -> dict[Key, list[Fill]]:
    found: dict[Key, list[Fill]] = defaultdict(list)
    for fill in fills:
        if fill.quantity:
            found[fill.instrument, fill.contract].append(fill)
    return found


def _of_contract(
    fills: Sequence[Fill], closes: "pd.Series[float] | None", days: pd.DatetimeIndex
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points times contracts, and commissions, by day."""
    place = days.searchsorted(pd.DatetimeIndex([fill.at for fill in fills]), side="right") - 1
    quantity = np.array([fill.quantity for fill in fills], dtype=float)
    price = np.array([fill.price for fill in fills])
    traded, spent, commission = (np.zeros(len(days)) for _ in range(3))
    np.add.at(traded, place, quantity)
    np.add.at(spent, place, quantity * price)
    np.add.at(commission, place, np.array([fill.commission for fill in fills]))
    if closes is None or closes.empty:
        return np.zeros(len(days)), commission
    known = closes.reindex(closes.index.union(days)).ffill().bfill()
    close = known.reindex(days).to_numpy(dtype=float)
    held = np.cumsum(traded)
    before = np.concatenate([[0.0], held[:-1]])
    move = np.diff(close, prepend=close[0])
    return before * move + traded * close - spent, commission
