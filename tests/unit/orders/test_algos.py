"""Execution algorithms, one step at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import AlgoPhase, AlgoState, BrokerOrderType, OrderType
from sysproduction.orders.algos import STEPS, Action, Amend, Cancel, Market, Rest, Send, Task, algo_for, rounded

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
QUOTE = Quote(NOW, 99.75, 100.25, 10, 10)
MARKET = Market(QUOTE, 0.25)
BUY, SELL = Task(1, None, live=False), Task(-1, None, live=False)
PASSIVE = {1: AlgoState(AlgoPhase.PASSIVE, NOW, 99.75, 99.75), -1: AlgoState(AlgoPhase.PASSIVE, NOW, 100.25, 100.25)}


def step(algo: str, task: Task, state: AlgoState | None = None, market: Market = MARKET, seconds: float = 0) -> Action:
    return STEPS[algo](task, state, market, NOW + timedelta(seconds=seconds))


def live(sign: int = 1, *, seconds: float = 0, market: Market = MARKET, state: AlgoState | None = None) -> Action:
    """The next step of `best` with a passive order that works."""
    return step("best", Task(sign, None, live=True), state or PASSIVE[sign], market, seconds)


@pytest.mark.parametrize(("algo", "kind"), [("market", BrokerOrderType.MARKET), ("snap", BrokerOrderType.SNAP)])
def test_market_and_snap_are_sent_at_once_and_given_up_in_time(algo: str, kind: BrokerOrderType) -> None:
    """Sent without a price also where there is no quote, left alone, cancelled at 600 s, and asked for that once."""
    sent = step(algo, BUY, market=Market(None, 0))
    assert isinstance(sent, Send)
    assert (sent.order_type, sent.limit_price, sent.state.began_at) == (kind, None, NOW)
    working = replace(BUY, live=True)
    assert isinstance(step(algo, working, sent.state, seconds=599), Rest)
    ended = step(algo, working, sent.state, seconds=600)
    assert isinstance(ended, Cancel)
    assert ended.state.phase is AlgoPhase.CANCELLING
    assert isinstance(step(algo, replace(working, cancelling=True), ended.state, seconds=900), Rest)


@pytest.mark.parametrize(("sign", "price"), [(1, 99.5), (-1, 99.75)])
def test_a_limit_is_sent_once_and_left(sign: int, price: float) -> None:
    """On the tick that is no worse than what was asked for; never cancelled by time."""
    task = Task(sign, 99.6, live=False)
    sent = step("limit", task)
    assert isinstance(sent, Send)
    assert (sent.order_type, sent.limit_price) == (BrokerOrderType.LIMIT, price)
    assert isinstance(step("limit", replace(task, live=True), sent.state, seconds=10_000), Rest)
    assert isinstance(step("limit", BUY), Rest)


@pytest.mark.parametrize(("task", "price"), [(BUY, 99.75), (SELL, 100.25)])
def test_best_joins_the_passive_side_first(task: Task, price: float) -> None:
    """Buying at the bid, selling at the ask; not without a quote."""
    sent = step("best", task)
    assert isinstance(sent, Send)
    assert (sent.order_type, sent.limit_price) == (BrokerOrderType.LIMIT, price)
    assert sent.state == AlgoState(AlgoPhase.PASSIVE, NOW, price, price)
    assert isinstance(step("best", task, market=Market(None, 0.25)), Rest)


@pytest.mark.parametrize(("seconds", "hurries"), [(1799, True), (1800, False), (1801, False), (None, False)])
def test_best_does_not_wait_before_the_close(seconds: float | None, hurries: bool) -> None:
    """With less than half an hour it begins with a market order, and an order that works follows the other side."""
    market = Market(QUOTE, 0.25, seconds)
    sent = step("best", BUY, market=market)
    assert isinstance(sent, Send)
    assert (sent.order_type is BrokerOrderType.MARKET) is hurries
    assert isinstance(live(market=market), Amend) is hurries


@pytest.mark.parametrize(
    ("with_us", "against_us", "quantity", "adverse"),
    [
        (10, 2, 1, False),
        (11, 2, 1, True),
        (12, 2, 1, True),
        (100, 2, 1, True),
        (100, 3, 1, False),
        (100, 5, 2, True),
        (100, 6, 2, False),
        (1, 0, 1, True),
        (0, 0, 1, False),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_best_does_not_wait_when_sizes_are_adverse(
    sign: int, with_us: int, against_us: int, quantity: int, adverse: bool
) -> None:
    """More than five times as many with us than against us, who are less than three times our size."""
    sizes = (with_us, against_us) if sign > 0 else (against_us, with_us)
    market = Market(Quote(NOW, 99.75, 100.25, *sizes), 0.25)
    sent = step("best", Task(sign * quantity, None, live=False), market=market)
    assert isinstance(sent, Send)
    assert (sent.order_type is BrokerOrderType.MARKET) is adverse
    task = Task(sign * quantity, None, live=True)
    assert isinstance(step("best", task, PASSIVE[sign], market), Amend) is adverse


@pytest.mark.parametrize(("sign", "price"), [(1, 100.25), (-1, 99.75)])
@pytest.mark.parametrize(("seconds", "hurries"), [(299, False), (300, True), (301, True)])
def test_best_follows_the_other_side_after_300_seconds(sign: int, price: float, seconds: float, hurries: bool) -> None:
    """Waiting before, crossing from then on; the beginning is remembered."""
    action = live(sign, seconds=seconds)
    assert isinstance(action, Amend if hurries else Rest)
    if isinstance(action, Amend):
        assert action.limit_price == price == action.state.limit_price
        assert (action.state.phase, action.state.began_at) == (AlgoPhase.AGGRESSIVE, NOW)


@pytest.mark.parametrize(("sign", "move", "hurries"), [(1, 0.25, True), (1, -0.25, False), (-1, -0.25, True)])
def test_best_follows_when_the_price_moves_away(sign: int, move: float, hurries: bool) -> None:
    """Away from us it is followed; towards us, or not at all, it is waited for."""
    moved = Market(Quote(NOW, 99.75 + move, 100.25 + move, 10, 10), 0.25)
    assert isinstance(live(sign, market=moved), Amend) is hurries
    assert isinstance(live(sign), Rest)


def test_once_aggressive_best_follows_the_market_to_the_end() -> None:
    """It stays aggressive when the reason is gone, amends only when the price changes, and rests without a quote."""
    aggressive = AlgoState(AlgoPhase.AGGRESSIVE, NOW, 99.75, 100.25)
    assert isinstance(live(state=aggressive), Rest)
    moved = live(state=aggressive, market=Market(Quote(NOW, 100.25, 100.75, 10, 10), 0.25))
    assert isinstance(moved, Amend)
    assert moved.limit_price == 100.75
    assert isinstance(live(state=aggressive, market=Market(None, 0.25)), Rest)


@pytest.mark.parametrize("phase", [AlgoPhase.PASSIVE, AlgoPhase.AGGRESSIVE])
@pytest.mark.parametrize("quote", [QUOTE, None])
def test_best_gives_up_after_600_seconds_and_asks_once(phase: AlgoPhase, quote: Quote | None) -> None:
    """Also without a quote; what is being cancelled is left alone."""
    state = AlgoState(phase, NOW, 99.75, 100.25)
    assert not isinstance(live(state=state, seconds=599, market=Market(quote, 0.25)), Cancel)
    ended = live(state=state, seconds=600, market=Market(quote, 0.25))
    assert isinstance(ended, Cancel)
    assert ended.state == replace(state, phase=AlgoPhase.CANCELLING)
    assert isinstance(step("best", Task(1, None, live=True, cancelling=True), ended.state, seconds=601), Rest)


def test_an_order_of_unknown_beginning_is_cancelled() -> None:
    """A live order without a memory can be neither timed nor amended."""
    assert isinstance(step("best", Task(1, None, live=True)), Cancel)


def test_a_market_order_of_best_is_only_timed() -> None:
    """It has no limit to follow anything with."""
    state = AlgoState(AlgoPhase.AGGRESSIVE, NOW, 99.75, None)
    assert isinstance(live(state=state, seconds=599), Rest)
    assert isinstance(live(state=state, seconds=600), Cancel)


@pytest.mark.parametrize(("sign", "own", "first", "later"), [(1, 99.9, 99.75, 99.75), (-1, 100.1, 100.25, 100.25)])
def test_best_never_goes_beyond_the_order_s_own_limit(sign: int, own: float, first: float, later: float) -> None:
    """Neither at first, nor when it follows the market, nor in a hurry, in which it would send a market order."""
    task = Task(sign, own, live=False)
    sent = step("best", task)
    assert isinstance(sent, Send)
    assert sent.limit_price == first
    hurried = step("best", task, market=Market(QUOTE, 0.25, 60.0))
    assert isinstance(hurried, Send)
    assert (hurried.order_type, hurried.limit_price) == (BrokerOrderType.LIMIT, first)
    assert isinstance(step("best", replace(task, live=True), sent.state, seconds=400), Rest)
    wider = Task(sign, own + sign * 0.2, live=True)
    followed = step("best", wider, sent.state, seconds=400)
    assert isinstance(followed, Amend)
    assert followed.limit_price == 100.0


@pytest.mark.parametrize(
    ("price", "tick", "bought", "sold"),
    [
        (100.3, 0.25, 100.25, 100.5),
        (100.25, 0.25, 100.25, 100.25),
        (0.1 + 0.2, 0.1, 0.3, 0.3),
        (-1.1, 0.25, -1.25, -1.0),
        (1.23456, 0.0, 1.23456, 1.23456),
        (110.015625, 1 / 64, 110.015625, 110.015625),
        (4512.3, 5.0, 4510.0, 4515.0),
    ],
)
def test_prices_are_rounded_to_the_tick_that_is_no_worse(price: float, tick: float, bought: float, sold: float) -> None:
    """Down when buying and up when selling, negative prices too; the noise of floats moves nothing."""
    assert rounded(price, tick, buys=True) == bought
    assert rounded(price, tick, buys=False) == sold


def test_every_type_of_order_has_an_algorithm() -> None:
    """Panic goes to the market, a limit keeps its limit, the rest is worked."""
    chosen = {kind: algo_for(kind) for kind in OrderType}
    assert (chosen[OrderType.PANIC], chosen[OrderType.MARKET]) == ("market", "market")
    assert (chosen[OrderType.LIMIT], chosen[OrderType.BEST], chosen[OrderType.ROLL]) == ("limit", "best", "best")
    assert set(chosen.values()) <= set(STEPS)
