"""At what price an order trades in a bar, of which only open, high, low and close are known; pure functions.

The bar opens at its open, ends at its close, and touches high and low in an order that nobody knows: a price is given
only where every order of the two allows it. `sign` is 1 for a purchase and -1 for a sale: mirrored, both are one case.
"""


def market_price(open_: float, sign: int, slippage: float) -> float:
    """The open, made worse by the slippage."""
    return open_ + sign * slippage


def stop_price(*, sign: int, stop: float, open_: float, high: float, low: float) -> float | None:
    """The stop, or the open where the bar opens beyond it; None: the bar does not reach it."""
    if sign > 0:
        return max(stop, open_) if high >= stop else None
    return min(stop, open_) if low <= stop else None


def limit_price(*, sign: int, limit: float, open_: float, high: float, low: float) -> float | None:
    """The limit, or the open where that is better; None: the bar does not reach it."""
    if sign > 0:
        return min(limit, open_) if low <= limit else None
    return max(limit, open_) if high >= limit else None


def stopped_limit_price(*, sign: int, stop: float, limit: float, close: float) -> float | None:
    """Of a stop-limit order that was triggered inside the bar: the stop if that is within the limit, for the market was
    there; else the limit, if the close proves that the market came back; None: it may not have done so."""
    if sign * (limit - stop) >= 0:
        return stop
    return limit if sign * (limit - close) >= 0 else None


def opens_beyond(*, sign: int, stop: float, open_: float) -> bool:
    """Whether the bar opens at the stop or beyond it."""
    return sign * (open_ - stop) >= 0
