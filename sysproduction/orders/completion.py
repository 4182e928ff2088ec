"""Orders that are done: their documents say how they ended, and are their own archive from then on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sysproduction.domain.errors import Conflict
from sysproduction.domain.fills import filled, is_complete
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import BrokerOrder, ContractOrder, InstrumentOrder, Outcome
from sysproduction.domain.results import MethodResult
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.wishes import wish_for
from sysproduction.stores.audit import AuditEntry

_O = TypeVar("_O", InstrumentOrder, ContractOrder)


def completed(order: _O, outcome: Outcome, now: datetime, why: str | None = None) -> _O:
    """The order as it ends."""
    return replace(order, active=False, completed_at=now, outcome=outcome, why=order.why if why is None else why)


def handle_completed_orders(desk: OrderDesk, now: datetime, *, final: bool = False) -> MethodResult:
    """End contract orders that are filled or were rejected, then instrument orders all of whose children ended.

    `final` ends what nothing is live of as well, however little was filled: the end of the day; so does an operator's
    wish for single orders. What the broker may still fill is never ended here.
    """
    stack, ended = desk.stores.stack, 0
    children, families = stack.active_contracts(), stack.active_instruments()
    if children:
        desk.stores.ledger.positions()
    wishes = stack.end_wishes.all() if children or families else {}
    live = {order.parent for order in stack.active_brokers()} if children else set()
    going_on, over = set(), dict[str, list[Outcome]]()
    for child in children:
        if child.order_id in live:
            going_on.add(child.parent)
            continue
        word = wish_for(child, wishes)
        outcome = _outcome_of(desk, child, final=final or word is not None)
        if outcome is None:
            going_on.add(child.parent)
        else:
            if _end(stack.replace_contract, completed(child, outcome, now, word.why if word else None)):
                ended += 1
                over.setdefault(child.parent, []).append(outcome)
    done = []
    for order in families:
        if order.order_id not in going_on:
            final_here = final or order.order_id in wishes
            outcome = _family_outcome(desk, order, over.get(order.order_id, []), final=final_here)
            if outcome is not None:
                done.append((order, outcome))
    ended += _end_families(desk, done, now)
    return MethodResult(ended, ended)


def _end_families(desk: OrderDesk, done: list[tuple[InstrumentOrder, Outcome]], now: datetime) -> int:
    """All of them are in the log of decisions, at once, before the first one ends; how many did."""
    desk.audit.append(*(AuditEntry(WHO, str(outcome), order.order_id, now) for order, outcome in done))
    return sum(_end(desk.stores.stack.replace_instrument, completed(order, outcome, now)) for order, outcome in done)


def _end(write: Callable[[_O], _O], order: _O) -> int:
    """1, or 0 if somebody else wrote the order meanwhile: the next turn looks at it again."""
    try:
        write(order)
    except Conflict:
        return 0
    return 1


def _outcome_of(desk: OrderDesk, child: ContractOrder, *, final: bool) -> Outcome | None:
    fills = desk.stores.ledger.seen_of(child.parent, child.order_id)
    if is_complete(child.legs, fills):
        return Outcome.FILLED
    if child.order_id in desk.memory.unsent and not final:
        return None
    attempts = desk.stores.stack.brokers_of(child.order_id)
    if any(attempt.active for attempt in attempts):
        return None
    partly = Outcome.PARTLY_FILLED if filled(fills) else None
    if _is_rejected(attempts):
        return partly or Outcome.REFUSED
    return (partly or Outcome.UNFILLED) if final else None


def _is_rejected(attempts: list[BrokerOrder]) -> bool:
    """A broker that refuses an order would refuse it again."""
    return bool(attempts) and attempts[-1].status is BrokerStatus.REJECTED


def _family_outcome(desk: OrderDesk, order: InstrumentOrder, over: list[Outcome], *, final: bool) -> Outcome | None:
    """`over` is how children ended a moment ago: if all did, none need be looked up."""
    if order.plan is None:
        return Outcome.UNFILLED if final else None
    outcomes: set[Outcome | None] = set(over)
    if len(over) < len(order.plan):
        children = desk.stores.stack.contracts_of(order.order_id)
        if len(children) < len(order.plan) or any(child.active for child in children):
            return None
        outcomes = {child.outcome for child in children}
    if outcomes == {Outcome.FILLED}:
        return Outcome.FILLED
    if outcomes & {Outcome.FILLED, Outcome.PARTLY_FILLED}:
        return Outcome.PARTLY_FILLED
    return Outcome.REFUSED if Outcome.REFUSED in outcomes else Outcome.UNFILLED
