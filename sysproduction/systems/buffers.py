"""Bands around optimal positions in which one does not trade, and the positions that follow from them."""

from dataclasses import dataclass

import numpy as np

from sysproduction.domain.trading_systems import Buffering, BufferMethod
from sysproduction.systems.compiling import compiled
from sysproduction.systems.prices import Days, Rows
from sysproduction.systems.smoothing import Panel, panel


@dataclass(frozen=True, slots=True)
class Band:
    """Upper and lower edge by day and instrument, in contracts, not rounded."""

    top: Panel
    bottom: Panel


def band(position: Panel, average_position: Panel, buffering: Buffering) -> Band:
    """The band around a position. `average_position` is what an average forecast would give.

    Carver, Systematic Trading (2015), chapter 11: position inertia.
    """
    if buffering.method is BufferMethod.NONE:
        return Band(position, position)
    by_forecast = buffering.method is BufferMethod.FORECAST
    width = buffering.size * np.abs(average_position if by_forecast else position)
    return Band(position + width, position - width)


def buffered_position(position: Panel, edges: Band, buffering: Buffering, rows: Rows) -> Panel:
    """What is held day by day: it begins with the first optimum (0 if that is missing), stays where it is inside the
    band and where an edge is missing, and moves to the nearest edge, or to the optimum, when outside. Rounded half to
    even if contracts are whole. NaN outside `rows`; without buffering the optimum itself."""
    optimum = np.rint(position) if buffering.round else position
    if buffering.method is BufferMethod.NONE:
        return optimum
    top, bottom = (np.rint(edge) if buffering.round else edge for edge in (edges.top, edges.bottom))
    return _held(panel(optimum), panel(top), panel(bottom), rows.first, rows.end, buffering.trade_to_edge)


@compiled
def _held(optimum: Panel, top: Panel, bottom: Panel, first: Days, end: Days, to_edge: bool) -> Panel:
    rows, columns = optimum.shape
    out = np.full((columns, rows), np.nan).T
    for column in range(columns):
        held = 0.0
        for row in range(first[column], end[column]):
            wanted, high, low = optimum[row, column], top[row, column], bottom[row, column]
            if row == first[column]:
                held = wanted if wanted == wanted else 0.0
            elif high == high and low == low:
                if held > high:
                    held = high if to_edge else wanted
                elif held < low:
                    held = low if to_edge else wanted
            out[row, column] = held
    return out
