"""What the fills of a run did to the account, and what it was worth after each bar."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.events import FillEvent
from sysproduction.engine.bus import EventBus


class Ledger:
    """Keeps the fills of a run, compact: stamps, quantities with sign, and what each took from cash or brought."""

    def __init__(self, bus: EventBus, multipliers: Mapping[str, float]) -> None:
        self._stamps = {symbol: array("q") for symbol in multipliers}
        self._quantities = {symbol: array("q") for symbol in multipliers}
        self._cash = {symbol: array("d") for symbol in multipliers}
        self._multipliers = multipliers
        self.fills, self.commission = 0, 0.0
        bus.subscribe(FillEvent, self._take)

    def _take(self, fill: FillEvent) -> None:
        symbol, quantity = fill.symbol, fill.side.sign * fill.quantity_filled
        self._stamps[symbol].append(fill.ts_event_ns)
        self._quantities[symbol].append(quantity)
        self._cash[symbol].append(-quantity * fill.fill_price * self._multipliers[symbol] - fill.commission)
        self.commission += fill.commission
        self.fills += 1

    def equity(self, histories: Sequence[BarColumns], positions: Sequence[np.ndarray], cash: float) -> Floats:
        """The account after each bar of all symbols, in the order in which they were played: cash, and positions at the
        last closes. `positions` has, for each history, the places of its bars in that order."""
        total = np.zeros(sum(map(len, histories)))
        steps = np.zeros(len(total))
        for bars, places in zip(histories, positions, strict=True):
            symbol = bars.symbol
            rows = np.searchsorted(bars.ts, np.frombuffer(self._stamps[symbol], np.int64))
            steps += np.bincount(places[rows], np.frombuffer(self._cash[symbol]), len(total))
            bought = np.bincount(rows, np.frombuffer(self._quantities[symbol], np.int64), len(bars))
            worth = np.cumsum(bought) * bars.close * self._multipliers[symbol]
            total += _carried(worth, places, len(total))
        return cash + np.cumsum(steps) + total


def _carried(values: Floats, places: np.ndarray, length: int) -> Floats:
    """The values at their places, each until the next; 0 before the first."""
    if len(values) == length:
        return values
    last = np.searchsorted(places, np.arange(length), "right") - 1
    return np.where(last >= 0, values[np.maximum(last, 0)], 0.0)
