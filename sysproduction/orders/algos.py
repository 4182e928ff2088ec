"""Execution algorithms as steps: from what is known now to what should be done now; nothing waits.

A step is a pure function that the loop calls whenever it comes by: it gets the contract order's memory and the market,
and answers with one action. So no order delays another, and a crash loses nothing but the step that was not taken.
Buying, the side is the ask and the passive price the bid; selling, the other way round.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from typing import Final

from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import AlgoPhase, AlgoState, BrokerOrderType, OrderType

AGGRESSIVE_AFTER_SECONDS: Final = 300.0
CANCEL_AFTER_SECONDS: Final = 600.0
CLOSING_SECONDS: Final = 1_800.0
ADVERSE_RATIO: Final = 5.0
ADVERSE_MULTIPLE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Market:
    """What an algorithm sees: the quote of what is traded (None: there is no usable one), its tick (0: unknown), and
    the seconds until the session ends (None: it does not)."""

    quote: Quote | None
    tick_size: float
    closes_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be traded: `quantity` is what the next broker order would have, signed (of a spread, units with the
    first leg positive); `live` whether a broker order works, `cancelling` whether its end was asked for."""

    quantity: int
    limit_price: float | None
    live: bool
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Store and send a broker order, and remember `state` with it."""

    order_type: BrokerOrderType
    limit_price: float | None
    state: AlgoState
    why: str


@dataclass(frozen=True, slots=True)
class Amend:
    """Move the live order's limit."""

    limit_price: float
    state: AlgoState
    why: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask for the end of the live order."""

    state: AlgoState
    why: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do now."""

    why: str


Action = Send | Amend | Cancel | Rest
Step = Callable[[Task, AlgoState | None, Market, datetime], Action]


def market(task: Task, state: AlgoState | None, _market: Market, now: datetime) -> Action:
    """Trade at once at whatever price; cancelled if it still works after 600 s."""
    return _at_once(BrokerOrderType.MARKET, task, state, now)


def snap(task: Task, state: AlgoState | None, _market: Market, now: datetime) -> Action:
    """An order that the broker pegs to the market; cancelled if it still works after 600 s."""
    return _at_once(BrokerOrderType.SNAP, task, state, now)


def limit(task: Task, _state: AlgoState | None, market: Market, now: datetime) -> Action:
    """Send the order's own limit, rounded to the tick that is no worse, and leave it until it is filled or expires."""
    if task.live:
        return Rest("the limit order works")
    if task.limit_price is None:
        return Rest("a limit order without a limit price is not sent")
    price = rounded(task.limit_price, market.tick_size, buys=task.quantity > 0)
    return Send(BrokerOrderType.LIMIT, price, AlgoState(AlgoPhase.PASSIVE, now, None, price), "its limit")


def best(task: Task, state: AlgoState | None, market: Market, now: datetime) -> Action:
    """Join the passive side first; once time, price, size or the close speak against waiting, follow the other side;
    give up after 600 s. An order that would have to be aggressive from the start is a market order."""
    if task.live:
        return _best_live(task, state, market, now)
    if market.quote is None:
        return Rest("there is no price")
    passive, _ = _sides(market.quote, task.quantity)
    hurry = _closing(market) or _adverse_size(market.quote, task.quantity)
    if hurry and task.limit_price is None:
        return Send(BrokerOrderType.MARKET, None, AlgoState(AlgoPhase.AGGRESSIVE, now, passive), hurry)
    price = _bounded(passive, task, market)
    return Send(
        BrokerOrderType.LIMIT, price, AlgoState(AlgoPhase.PASSIVE, now, passive, price), "join the passive side"
    )


STEPS: Final[Mapping[str, Step]] = {"market": market, "snap": snap, "limit": limit, "best": best}
"""By the name that a contract order gives its algorithm."""


def algo_for(order_type: OrderType) -> str:
    """The algorithm that fits a type of order where nobody names another."""
    if order_type in (OrderType.MARKET, OrderType.PANIC):
        return "market"
    if order_type is OrderType.LIMIT:
        return "limit"
    return "best"


def rounded(price: float, tick_size: float, *, buys: bool) -> float:
    """The nearest price on the tick that is no worse: down when buying, up when selling. A price that is on the tick
    but for the noise of floats stays there. Without a tick size, the price itself."""
    if tick_size <= 0:
        return price
    ticks = price / tick_size
    nearest = round(ticks)
    if abs(ticks - nearest) > 1e-6:
        nearest = floor(ticks) if buys else ceil(ticks)
    return round(nearest * tick_size, 10)


def _at_once(order_type: BrokerOrderType, task: Task, state: AlgoState | None, now: datetime) -> Action:
    if not task.live:
        return Send(order_type, None, AlgoState(AlgoPhase.AGGRESSIVE, now), "at once")
    if state is not None and not task.cancelling and _seconds(state, now) >= CANCEL_AFTER_SECONDS:
        return Cancel(_cancelling(state), f"not filled in {CANCEL_AFTER_SECONDS:g} s")
    return Rest("it is being cancelled" if task.cancelling else "the order works")


def _best_live(task: Task, state: AlgoState | None, market: Market, now: datetime) -> Action:
    if task.cancelling:
        return Rest("it is being cancelled")
    if state is None:
        return Cancel(AlgoState(AlgoPhase.CANCELLING, now), "nothing is known of how it was sent")
    if _seconds(state, now) >= CANCEL_AFTER_SECONDS:
        return Cancel(_cancelling(state), f"not filled in {CANCEL_AFTER_SECONDS:g} s")
    if state.limit_price is None or market.quote is None:
        return Rest("the market order works" if state.limit_price is None else "there is no price to follow")
    hurry = _reason_to_hurry(task, state, market, now)
    if not hurry:
        return Rest("waiting on the passive side")
    _, side = _sides(market.quote, task.quantity)
    price = _bounded(side, task, market)
    if price == state.limit_price:
        return Rest("the limit is where it should be")
    following = AlgoState(AlgoPhase.AGGRESSIVE, state.began_at, state.passive_price, price)
    return Amend(price, following, hurry)


def _reason_to_hurry(task: Task, state: AlgoState, market: Market, now: datetime) -> str:
    """Why waiting is over; empty if it is not. Once over, it stays so."""
    assert market.quote is not None
    if state.phase is AlgoPhase.AGGRESSIVE:
        return "following the other side"
    if _seconds(state, now) >= AGGRESSIVE_AFTER_SECONDS:
        return f"waited {AGGRESSIVE_AFTER_SECONDS:g} s"
    passive, _ = _sides(market.quote, task.quantity)
    moved = passive - state.passive_price if state.passive_price is not None else 0.0
    if moved * task.quantity > 0:
        return f"the price moved away by {abs(moved):g}"
    return _closing(market) or _adverse_size(market.quote, task.quantity)


def _sides(quote: Quote, quantity: int) -> tuple[float, float]:
    """Passive price and the price at which it trades at once."""
    return (quote.bid, quote.ask) if quantity > 0 else (quote.ask, quote.bid)


def _adverse_size(quote: Quote, quantity: int) -> str:
    """Many more wait with us than against us, and those against us are few for our size: the price is about to move."""
    passive, side = (quote.bid_size, quote.ask_size) if quantity > 0 else (quote.ask_size, quote.bid_size)
    if passive > ADVERSE_RATIO * side and side < ADVERSE_MULTIPLE * abs(quantity):
        return f"sizes are adverse ({passive} against {side})"
    return ""


def _closing(market: Market) -> str:
    if market.closes_in_seconds is not None and market.closes_in_seconds < CLOSING_SECONDS:
        return f"the market closes in {market.closes_in_seconds:.0f} s"
    return ""


def _bounded(price: float, task: Task, market: Market) -> float:
    """On the tick, and never beyond the order's own limit."""
    buys = task.quantity > 0
    if task.limit_price is not None:
        price = min(price, task.limit_price) if buys else max(price, task.limit_price)
    return rounded(price, market.tick_size, buys=buys)


def _cancelling(state: AlgoState) -> AlgoState:
    return AlgoState(AlgoPhase.CANCELLING, state.began_at, state.passive_price, state.limit_price)


def _seconds(state: AlgoState, now: datetime) -> float:
    return (now - state.began_at).total_seconds()
