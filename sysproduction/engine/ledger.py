"""What the fills of a run did to the account, and what it was worth after each bar."""

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps
from sysproduction.domain.events import FillEvent
from sysproduction.engine.bus import EventBus
from sysproduction.engine.stage import Stage


class Flows:
    """What fills in one symbol did: the place of the bar of each among those of all symbols, the quantity with its
    sign, and what it took from cash or brought, in the account's currency."""

    __slots__ = ("cash", "places", "quantities")

    def __init__(self) -> None:
        self.places, self.quantities, self.cash = array("q"), array("q"), array("d")

    def add(self, fill: FillEvent, place: int, multiplier: float) -> None:
        """Take a fill in the bar at that place."""
        quantity = fill.side.sign * fill.quantity_filled
        self.places.append(place)
        self.quantities.append(quantity)
        self.cash.append(-quantity * fill.fill_price * multiplier - fill.commission)


class Ledger:
    """Keeps the fills of a run, compact."""

    def __init__(self, bus: EventBus, stage: Stage, multipliers: Mapping[str, float]) -> None:
        self._stage, self._multipliers = stage, multipliers
        self._flows = {symbol: Flows() for symbol in multipliers}
        self.fills, self.commission = 0, 0.0
        bus.subscribe(FillEvent, self._take)

    def _take(self, fill: FillEvent) -> None:
        self._flows[fill.symbol].add(fill, self._stage.place(), self._multipliers[fill.symbol])
        self.commission += fill.commission
        self.fills += 1

    def equity(self, histories: Sequence[BarColumns], places: Sequence[Stamps], cash: float) -> Floats:
        """The account after each bar: see `equity_of`."""
        return equity_of(histories, places, self._flows, self._multipliers, cash)


def equity_of(
    histories: Sequence[BarColumns],
    places: Sequence[Stamps],
    flows: Mapping[str, Flows],
    multipliers: Mapping[str, float],
    cash: float,
) -> Floats:
    """The account after each bar of all symbols, in the order in which they were played: cash, and positions at the
    last closes. `places` has, for each history, the places of its bars in that order."""
    length = sum(map(len, histories))
    paid, worth = np.zeros(length), np.zeros(length)
    for bars, where in zip(histories, places, strict=True):
        flow, multiplier = flows[bars.symbol], multipliers[bars.symbol]
        filled_at, quantities = np.frombuffer(flow.places, np.int64), np.frombuffer(flow.quantities, np.int64)
        np.add.at(paid, filled_at, np.frombuffer(flow.cash))
        rows = np.searchsorted(where, filled_at, "right") - 1
        values = np.cumsum(np.bincount(rows, quantities, len(bars))) * bars.close * multiplier
        worth[where[0] :] += np.repeat(values, np.diff(where, append=length))
        for row, place, quantity in _late(rows, filled_at, quantities, where):
            worth[where[row] : place] -= quantity * bars.close[row] * multiplier
    return cash + np.cumsum(paid) + worth


def _late(rows: Stamps, filled_at: Stamps, quantities: Stamps, where: Stamps) -> Iterator[tuple[int, int, int]]:
    """Fills that happened during a later bar, of another symbol, than the one of theirs that was the last."""
    for number in np.flatnonzero(where[rows] != filled_at).tolist():
        yield int(rows[number]), int(filled_at[number]), int(quantities[number])
