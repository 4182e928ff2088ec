"""A recorded run's round trips and figures, reckoned from its fills and bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps
from sysproduction.domain.events import FillEvent
from sysproduction.engine.analysis import RoundTrip, round_trips, statistics, with_bars
from sysproduction.engine.ledger import Flows, equity_of
from sysproduction.engine.replay import play_order


@dataclass(frozen=True, slots=True, eq=False)
class RunFigures:
    """What a run came to: round trips of the account, the account after each bar of all symbols with the bars' stamps,
    and figures of the whole."""

    trips: list[RoundTrip]
    ts: Stamps
    equity: Floats
    whole: dict[str, Any]


def figures(
    config: Mapping[str, Any], symbols: Sequence[str], fills: Sequence[FillEvent], histories: Sequence[BarColumns]
) -> RunFigures:
    """Of a run with this configuration; of one without bars, the trips alone."""
    multiplier = config["broker"]["multiplier"]
    multipliers = {one: multiplier[one] if isinstance(multiplier, Mapping) else multiplier for one in symbols}
    trips = with_bars(round_trips(fills, multipliers), histories)
    if not histories:
        return RunFigures(trips, np.zeros(0, np.int64), np.zeros(0), {})
    places = play_order(histories)
    ts = np.empty(sum(map(len, places)), np.int64)
    for bars, where in zip(histories, places, strict=True):
        ts[where] = bars.ts
    equity = account(config["broker"]["cash"], multipliers, fills, histories, places)
    return RunFigures(trips, ts, equity, statistics(ts, equity, trips))


def account(
    cash: float,
    multipliers: Mapping[str, float],
    fills: Sequence[FillEvent],
    histories: Sequence[BarColumns],
    places: Sequence[Stamps],
) -> Floats:
    """The account after each bar, each fill counted from its symbol's bar on."""
    by_symbol = {bars.symbol: (bars, where) for bars, where in zip(histories, places, strict=True)}
    flows = {symbol: Flows() for symbol in multipliers}
    for fill in fills:
        bars, where = by_symbol[fill.symbol]
        row = int(np.searchsorted(bars.ts, fill.ts_event_ns, "right")) - 1
        flows[fill.symbol].add(fill, int(where[row]), multipliers[fill.symbol])
    return equity_of(histories, places, flows, multipliers, cash)
