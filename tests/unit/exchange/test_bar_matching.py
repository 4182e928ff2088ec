"""Prices of orders in bars: what the exchange core gives on every path that prices may have taken through the bar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sysproduction.domain.broker import OrderTicket
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.exchange import bar_matching as matching
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules, Terms

T0 = datetime(2024, 3, 5, 10, tzinfo=UTC)
PRICES = st.integers(1, 12)
Bar = tuple[int, int, int, int]


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Open, high, low and close on a small grid."""
    open_, close = draw(PRICES), draw(PRICES)
    return open_, max(open_, close) + draw(st.integers(0, 3)), min(open_, close) - draw(st.integers(0, 3)), close


def paths(bar: Bar) -> list[list[int]]:
    """Every tick from open to close: by way of the high first, and by way of the low first."""
    open_, high, low, close = bar
    return [_ticks([open_, high, low, close]), _ticks([open_, low, high, close])]


def _ticks(turns: list[int]) -> list[int]:
    walked = turns[:1]
    for start, end in pairwise(turns):
        step = 1 if end >= start else -1
        walked += list(range(start + step, end + step, step)) if end != start else []
    return walked


def exchange_price(
    path: list[int], sign: int, kind: BrokerOrderType, limit: int | None, stop: int | None
) -> float | None:
    """At what price the exchange core trades the order on this path, if it does."""
    core = Exchange(ExchangeRules())
    core.know("CORN", Terms(point_size=1.0))
    core.submit(OrderTicket("ONE", "CORN", (Leg("20240600", sign),), kind, limit, stop), T0)
    for number, price in enumerate(path):
        at = T0 + timedelta(seconds=number)
        core.tick("CORN", "20240600", Quote(at, price, price, 1, 1), at)
    prices = [one.execution.price for one in core.recorded]
    assert len(prices) <= 1
    return prices[0] if prices else None


def bar_price(bar: Bar, sign: int, kind: BrokerOrderType, limit: int | None, stop: int | None) -> float | None:
    """What the bar's matching says."""
    open_, high, low, close = bar
    within = {"sign": sign, "open_": open_, "high": high, "low": low}
    if kind is BrokerOrderType.MARKET:
        return matching.market_price(open_, sign, 0.0)
    if kind is BrokerOrderType.LIMIT:
        return matching.limit_price(limit=limit, **within)
    reached = matching.stop_price(stop=stop, **within)
    if kind is BrokerOrderType.STOP or reached is None:
        return reached
    if matching.opens_beyond(sign=sign, stop=stop, open_=open_):
        return matching.limit_price(limit=limit, **within)
    return matching.stopped_limit_price(sign=sign, stop=stop, limit=limit, close=close)


@settings(max_examples=400)
@given(bars(), st.sampled_from([1, -1]), st.sampled_from(list(BrokerOrderType)), PRICES, PRICES)
@example((5, 9, 3, 4), 1, BrokerOrderType.STOP_LIMIT, 6, 8)
@example((5, 9, 3, 7), 1, BrokerOrderType.STOP_LIMIT, 6, 8)
def test_a_bar_trades_at_the_price_that_every_path_through_it_gives(
    bar: Bar, sign: int, kind: BrokerOrderType, limit: int, stop: int
) -> None:
    """The same price as the core's on both paths, and none where a path gives none."""
    if kind is BrokerOrderType.SNAP:
        return
    has_limit = kind in (BrokerOrderType.LIMIT, BrokerOrderType.STOP_LIMIT)
    has_stop = kind in (BrokerOrderType.STOP, BrokerOrderType.STOP_LIMIT)
    terms = (sign, kind, limit if has_limit else None, stop if has_stop else None)
    found = {exchange_price(path, *terms) for path in paths(bar)}
    assert bar_price(bar, *terms) == (found.pop() if len(found) == 1 else None)
