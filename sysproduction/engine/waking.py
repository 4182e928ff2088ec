"""Which bars a run must visit, where strategies declare when they need to be called."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import OrderType
from sysproduction.engine.stage import HIGH, LOW, Bar, Stage
from sysproduction.engine.strategy import Strategy

BLOCK: Final = 512


def awake_positions(strategies: Sequence[Strategy], stage: Stage, total: int) -> npt.NDArray[np.int64] | None:
    """The places at which some strategy is to be called, in order; None if one needs every bar.

    Raises ConfigError if a strategy's `wake` gives anything but a boolean for each bar of the symbol.
    """
    awake = np.zeros(total, np.bool_)
    for strategy in strategies:
        for symbol in strategy.symbols:
            bar = stage.bars[symbol]
            mask = strategy.wake(symbol)
            if mask is None:
                return None
            if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (bar.length,):
                raise ConfigError(
                    f"strategy {strategy.title()}: wake({symbol!r}) must give {bar.length} booleans, one for each bar"
                )
            awake[mask if bar.positions is None else bar.positions[mask]] = True
    return np.flatnonzero(awake)


def next_trade(bar: Bar, after: int, before: int, *, by_price_alone: bool) -> int:
    """The place, after `after` and at most `before`, of the symbol's next bar in which one of its standing orders may
    trade or end."""
    if bar.positions is None:
        row, last = after + 1, before
    else:
        row, last = (int(found) for found in np.searchsorted(bar.positions, [after + 1, before]))
    if by_price_alone:
        row = _first_touch(bar, row, last)
    if row >= last:
        return before
    return row if bar.positions is None else int(bar.positions[row])


def _first_touch(bar: Bar, row: int, last: int) -> int:
    """The first bar from `row` to before `last` that reaches the price of an order; `last` if none does."""
    above, below = _levels(bar)
    highs, lows = bar.arrays[HIGH], bar.arrays[LOW]
    assert highs is not None
    assert lows is not None
    size = BLOCK
    while row < last:
        stop = min(row + size, last)
        touched = (highs[row:stop] >= above) | (lows[row:stop] <= below)
        if touched.any():
            return row + int(np.argmax(touched))
        row, size = stop, size * 4
    return last


def _levels(bar: Bar) -> tuple[float, float]:
    """The lowest price above and the highest below at which an order of the symbol trades or is triggered."""
    above, below = np.inf, -np.inf
    for order in bar.book.values():
        stopped = order.acts_as is not OrderType.LIMIT
        level = order.stop if stopped else order.limit
        if (order.sign > 0) is stopped:
            above = min(above, level)
        else:
            below = max(below, level)
    return above, below
