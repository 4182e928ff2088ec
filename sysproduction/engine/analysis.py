"""What the fills and the equity of a run come to: round trips, and figures of the whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Final

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps
from sysproduction.domain.events import FillEvent

DAY_NS: Final = 86_400_000_000_000
DAYS_A_YEAR: Final = 256
"""Of trading, by which daily figures are annualised, as elsewhere here."""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """From flat to flat in one symbol; of one that is still open `left_ns` is None, and its profit is what was taken.

    `direction` is 1 long, -1 short; `quantity` the largest held; prices are averages of what was entered and left;
    `profit` in the account's currency, before `commission`; a fill that turns the position ends one and begins another,
    and its commission is split by quantity. `highest` and `lowest` are of the bars from entry to exit, where known."""

    symbol: str
    direction: int
    entered_ns: int
    left_ns: int | None
    quantity: int
    entry_price: float
    exit_price: float
    profit: float
    commission: float
    bars: int = 0
    highest: float | None = None
    lowest: float | None = None

    @property
    def net(self) -> float:
        """Profit after commission."""
        return self.profit - self.commission


class _Open:
    """A round trip under way."""

    def __init__(self, fill: FillEvent, sign: int) -> None:
        self.symbol, self.direction, self.entered_ns = fill.symbol, sign, fill.ts_event_ns
        self.held = self.most = self.entered = self.left = 0
        self.paid = self.got = self.commission = 0.0

    def add(self, units: int, price: float, commission: float) -> None:
        self.held += units
        self.entered += units
        self.most = max(self.most, self.held)
        self.paid += units * price
        self.commission += commission

    def take(self, units: int, price: float, commission: float) -> None:
        self.held -= units
        self.left += units
        self.got += units * price
        self.commission += commission

    def told(self, left_ns: int | None, multiplier: float) -> RoundTrip:
        entry = self.paid / self.entered
        out = self.got / self.left if self.left else float("nan")
        profit = self.direction * (self.got - entry * self.left) * multiplier
        known = (self.symbol, self.direction, self.entered_ns, left_ns, self.most, entry, out)
        return RoundTrip(*known, profit, self.commission)


def round_trips(fills: Iterable[FillEvent], multipliers: Mapping[str, float]) -> list[RoundTrip]:
    """The round trips that fills, in their order, make in each symbol, by their beginnings; open ones too."""
    under_way: dict[str, _Open] = {}
    found = []
    for fill in fills:
        left = fill.quantity_filled
        while left:
            trip = under_way.get(fill.symbol)
            if trip is None:
                trip = under_way[fill.symbol] = _Open(fill, fill.side.sign)
            adds = trip.direction == fill.side.sign
            units = left if adds else min(left, trip.held)
            move = trip.add if adds else trip.take
            move(units, fill.fill_price, fill.commission * units / fill.quantity_filled)
            left -= units
            if trip.held == 0:
                found.append(trip.told(fill.ts_event_ns, multipliers[fill.symbol]))
                del under_way[fill.symbol]
    found += [trip.told(None, multipliers[symbol]) for symbol, trip in under_way.items()]
    return sorted(found, key=lambda trip: (trip.entered_ns, trip.symbol))


def with_bars(trips: Sequence[RoundTrip], histories: Sequence[BarColumns]) -> list[RoundTrip]:
    """The trips with how many bars of their symbol they lasted, and the highest and lowest price of these."""
    by_symbol = {bars.symbol: bars for bars in histories}
    return [_within(trip, by_symbol[trip.symbol]) if trip.symbol in by_symbol else trip for trip in trips]


def statistics(ts: Stamps, equity: Floats, trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Figures of a run, from the account after each bar (`ts` not decreasing) and its round trips.

    `sharpe` is the annualised ratio of mean to deviation of daily changes of equity, None if they do not vary;
    `drawdown` the largest fall from a maximum, `drawdown_days` the longest time below one.
    """
    if not len(equity):
        return {}
    days = np.flatnonzero(np.diff(ts // DAY_NS, append=ts[-1] // DAY_NS + 1))
    daily = np.diff(np.concatenate([equity[:1], equity[days]]))
    spread = float(daily.std(ddof=1)) if len(daily) > 1 else 0.0
    peaks = np.maximum.accumulate(equity)
    closed = [trip for trip in trips if trip.left_ns is not None]
    won = [trip.net for trip in closed if trip.net > 0]
    lost = [-trip.net for trip in closed if trip.net < 0]
    return {
        "profit": float(equity[-1] - equity[0]),
        "sharpe": float(daily.mean()) / spread * sqrt(DAYS_A_YEAR) if spread > 0 else None,
        "drawdown": float((peaks - equity).max()),
        "drawdown_days": _longest_below(ts, equity < peaks) / DAY_NS,
        "trips": len(closed),
        "open_trips": len(trips) - len(closed),
        "won": len(won) / len(closed) if closed else None,
        "profit_factor": sum(won) / sum(lost) if lost else None,
        "average_trip": sum(trip.net for trip in closed) / len(closed) if closed else None,
        "commission": sum(trip.commission for trip in trips),
    }


def _within(trip: RoundTrip, bars: BarColumns) -> RoundTrip:
    held = bars.between(trip.entered_ns, trip.left_ns)
    if not len(held):
        return trip
    return replace(trip, bars=len(held), highest=float(held.high.max()), lowest=float(held.low.min()))


def _longest_below(ts: Stamps, below: np.ndarray) -> int:
    """The longest time between two stamps at which equity was at its maximum, below which it was in between."""
    at_peak = np.append(ts[~below], ts[-1])
    return int(np.diff(at_peak).max()) if below.any() else 0
