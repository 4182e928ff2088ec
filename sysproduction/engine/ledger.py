"""What the fills of a run did to the account, and what it was worth after each bar."""

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps
from sysproduction.domain.events import FillEvent
from sysproduction.engine.bus import EventBus
from sysproduction.engine.stage import Stage


class Ledger:
    """Keeps the fills of a run, compact: at which bar, quantities with sign, and what each took from cash."""

    def __init__(self, bus: EventBus, stage: Stage, multipliers: Mapping[str, float]) -> None:
        self._stage, self._multipliers = stage, multipliers
        self._places = {symbol: array("q") for symbol in multipliers}
        self._quantities = {symbol: array("q") for symbol in multipliers}
        self._cash = {symbol: array("d") for symbol in multipliers}
        self.fills, self.commission = 0, 0.0
        bus.subscribe(FillEvent, self._take)

    def _take(self, fill: FillEvent) -> None:
        symbol, quantity = fill.symbol, fill.side.sign * fill.quantity_filled
        self._places[symbol].append(self._stage.place())
        self._quantities[symbol].append(quantity)
        self._cash[symbol].append(-quantity * fill.fill_price * self._multipliers[symbol] - fill.commission)
        self.commission += fill.commission
        self.fills += 1

    def equity(self, histories: Sequence[BarColumns], places: Sequence[Stamps], cash: float) -> Floats:
        """The account after each bar of all symbols, in the order in which they were played: cash, and positions at the
        last closes. `places` has, for each history, the places of its bars in that order."""
        length = sum(map(len, histories))
        paid, worth = np.zeros(length), np.zeros(length)
        for bars, where in zip(histories, places, strict=True):
            symbol = bars.symbol
            filled_at = np.frombuffer(self._places[symbol], np.int64)
            quantities = np.frombuffer(self._quantities[symbol], np.int64)
            np.add.at(paid, filled_at, np.frombuffer(self._cash[symbol]))
            rows = np.searchsorted(where, filled_at, "right") - 1
            values = np.cumsum(np.bincount(rows, quantities, len(bars))) * bars.close * self._multipliers[symbol]
            worth[where[0] :] += np.repeat(values, np.diff(where, append=length))
            for row, place, quantity in _late(rows, filled_at, quantities, where):
                worth[where[row] : place] -= quantity * bars.close[row] * self._multipliers[symbol]
        return cash + np.cumsum(paid) + worth


def _late(rows: Stamps, filled_at: Stamps, quantities: Stamps, where: Stamps) -> Iterator[tuple[int, int, int]]:
    """Fills that happened during a later bar, of another symbol, than the one of theirs that was the last."""
    for number in np.flatnonzero(where[rows] != filled_at).tolist():
        yield int(rows[number]), int(filled_at[number]), int(quantities[number])
