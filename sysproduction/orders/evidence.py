"""What the broker shows of our orders: events that move a broker order's status, executions that become fills."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sysproduction.domain.alerts import Severity
from sysproduction.domain.broker import Execution, OrderReport, ReportedStatus
from sysproduction.domain.errors import Conflict, DataError, Refused
from sysproduction.domain.fills import Fill, filled, is_complete, latest
from sysproduction.domain.order_states import BrokerEvent, BrokerStatus, after
from sysproduction.domain.orders import BrokerOrder, size_of
from sysproduction.domain.results import MethodResult
from sysproduction.orders.desk import OrderDesk

SWEEP_EVERY: Final = timedelta(minutes=10)
SWEEP_BACK: Final = timedelta(days=4)
"""How far back all executions are asked for now and then: over a long weekend."""

OVERLAP: Final = timedelta(minutes=5)

CALL_MAX: Final = timedelta(minutes=1)
"""No call to a broker lasts longer: until then another program's intent may still be on its way there."""

_WORDS: Final = {
    ReportedStatus.WORKING: BrokerEvent.SEEN_WORKING,
    ReportedStatus.CANCELLED: BrokerEvent.CANCELLED,
    ReportedStatus.REJECTED: BrokerEvent.REJECTED,
    ReportedStatus.EXPIRED: BrokerEvent.EXPIRED,
}


def store_event(
    desk: OrderDesk,
    order: BrokerOrder,
    event: BrokerEvent,
    now: datetime,
    *,
    why: str | None = None,
    broker_id: str | None = None,
) -> BrokerOrder:
    """The order after the event, stored if that changes anything; an event that contradicts what is known is told."""
    status = after(order.status, event)
    if isinstance(status, Refused):
        desk.tell(
            f"contradiction/{order.client_order_id}", f"{order.instrument}: an order contradicts itself", status.reason
        )
        return order
    ended = status.is_terminal
    following = replace(
        order,
        status=status,
        broker_id=broker_id or order.broker_id,
        why=order.why if why is None else why,
        active=not ended,
        completed_at=(order.completed_at or now) if ended else None,
    )
    if following == order:
        return order
    if order.status is not status:
        _tell_first(desk, following, now)
    stored = desk.stores.stack.replace_broker(following)
    if status.is_terminal:
        desk.notifier.recover(f"outcome/{order.client_order_id}", f"{order.instrument}: it was {status}")
    return stored


def _tell_first(desk: OrderDesk, order: BrokerOrder, now: datetime) -> None:
    """What a human must know is said before it is stored: a program that dies in between says it again."""
    if order.status is BrokerStatus.REJECTED:
        desk.note("rejected", order.client_order_id, now, order.why)
        desk.tell(f"rejected/{order.parent}", f"{order.instrument}: the broker rejected an order", order.why)
    elif order.status is BrokerStatus.UNKNOWN:
        desk.tell(f"outcome/{order.client_order_id}", f"{order.instrument}: an order's outcome is unknown", order.why)


def process_fills_stack(desk: OrderDesk, now: datetime) -> MethodResult:
    """Record the broker's executions as fills, once each, then bring the status of every live order up to date.

    Executions of orders that are not ours are told, and left to a human. Raises Unavailable if the broker is away.
    """
    with desk.reaching():
        live = {order.client_order_id: order for order in desk.stores.stack.active_brokers()}
        recorded, touched = _record_executions(desk, live, now)
        if touched:
            desk.stores.ledger.positions()
        for client_order_id in sorted(touched):
            order = live.get(client_order_id) or desk.stores.stack.get_broker(client_order_id)
            if order is None:
                continue
            settled = _settle(desk, order, now)
            if client_order_id in live:
                live[client_order_id] = settled
        _look_at_live(desk, [order for order in live.values() if order.active], now)
    return MethodResult(recorded, recorded)


def _record_executions(desk: OrderDesk, live: Mapping[str, BrokerOrder], now: datetime) -> tuple[int, set[str]]:
    memory = desk.memory
    sweeps = (
        memory.swept_at is None or memory.asked_at is None or not memory.swept_at <= now < memory.swept_at + SWEEP_EVERY
    )
    since = now - SWEEP_BACK if sweeps or memory.asked_at is None else memory.asked_at - OVERLAP
    recorded, touched = 0, set()
    for execution in sorted(desk.broker.executions(since), key=lambda e: (e.at, e.execution_id, e.revision)):
        if _record(desk, execution, live, now):
            recorded += 1
            touched.add(execution.client_order_id or "")
    memory.asked_at = now
    if sweeps:
        memory.swept_at = now
    return recorded, touched - {""}


def _record(desk: OrderDesk, execution: Execution, live: Mapping[str, BrokerOrder], now: datetime) -> bool:
    """Whether this execution was new to the ledger; what this program has recorded needs no look at the store."""
    key = (execution.account, execution.execution_id, execution.revision)
    if desk.memory.recorded.get(key) == execution:
        return False
    named = execution.client_order_id
    order = (live.get(named) or desk.stores.stack.get_broker(named)) if named else None
    fill = _fill(execution, order, now) if order is not None else _signed(desk, execution, now)
    if fill is None:
        desk.tell(
            f"stranger/{execution.account}/{execution.execution_id}",
            f"{execution.instrument}: an execution that is not of an order of ours",
            f"{execution.quantity:+d} {execution.contract} at {execution.price:g} ({execution.execution_id}): "
            "`sysproduction reconcile` proposes what to do",
            Severity.CRITICAL,
        )
        return False
    try:
        is_new = desk.stores.ledger.record(fill)
    except DataError as error:
        desk.tell(
            f"fill/{fill.key}", f"{fill.instrument}: the broker contradicts a fill", str(error), Severity.CRITICAL
        )
        return False
    desk.memory.recorded[key] = execution
    return is_new


def _fill(execution: Execution, order: BrokerOrder | None, now: datetime) -> Fill | None:
    if order is None:
        return None
    return Fill(
        execution_id=execution.execution_id,
        revision=execution.revision,
        account=execution.account,
        strategy=order.strategy,
        instrument=order.instrument,
        contract=execution.contract,
        quantity=execution.quantity,
        price=execution.price,
        at=execution.at,
        commission=execution.commission,
        client_order_id=order.client_order_id,
        contract_order=order.parent,
        instrument_order=order.instrument_order,
        recorded_at=now,
    )


def _signed(desk: OrderDesk, execution: Execution, now: datetime) -> Fill | None:
    """The fill of an execution of no order of ours that a human has signed for: the broker may still correct it."""
    known = latest(desk.stores.ledger.of_execution(execution.account, execution.execution_id))
    if not known:
        return None
    return replace(
        known[0],
        revision=execution.revision,
        contract=execution.contract,
        quantity=execution.quantity,
        price=execution.price,
        commission=execution.commission,
        recorded_at=now,
    )


def _settle(desk: OrderDesk, order: BrokerOrder, now: datetime) -> BrokerOrder:
    """The status that the order's own fills show."""
    seen = desk.stores.ledger.seen_of(order.instrument_order)
    fills = [fill for fill in seen if fill.client_order_id == order.client_order_id]
    if not filled(fills):
        return order
    event = BrokerEvent.FILLED if is_complete(order.legs, fills) else BrokerEvent.FILLED_PARTLY
    if event is BrokerEvent.FILLED_PARTLY and order.status.is_terminal and order.status is not BrokerStatus.FILLED:
        return order  # filled in part before it ended
    try:
        return store_event(desk, order, event, now)
    except Conflict:
        return order


def _look_at_live(desk: OrderDesk, live: Sequence[BrokerOrder], now: datetime) -> None:
    """Ask after every order whose end is not known and that does not stand among the open orders."""
    if not live:
        return
    standing = {order.client_order_id: order for order in desk.broker.open_orders()}
    for order in live:
        seen = standing.get(order.client_order_id)
        try:
            if seen is not None:
                if order.status in (BrokerStatus.SUBMITTING, BrokerStatus.UNKNOWN):
                    store_event(desk, order, BrokerEvent.SEEN_WORKING, now, broker_id=seen.broker_id)
                continue
            _ask_after(desk, order, now)
        except Conflict:
            continue


def _ask_after(desk: OrderDesk, order: BrokerOrder, now: datetime) -> None:
    report = desk.broker.find(order.client_order_id)
    if report is None:
        if _is_on_its_way(desk, order, now):
            return
        store_event(desk, order, BrokerEvent.ABSENT, now, why="the broker has never had it")
        return
    if _has_more(desk, order, report):
        return  # its executions are still to come: facts first
    if report.status is ReportedStatus.FILLED:
        store_event(desk, order, BrokerEvent.FILLED, now, broker_id=report.broker_id)
        return
    store_event(desk, order, _WORDS[report.status], now, why=report.why or None, broker_id=report.broker_id)


def _is_on_its_way(desk: OrderDesk, order: BrokerOrder, now: datetime) -> bool:
    """Whether another program may be about to submit this intent: then its absence is no evidence yet."""
    is_ours = order.client_order_id in desk.memory.intents
    return order.status is BrokerStatus.SUBMITTING and not is_ours and abs(now - order.submitted_at) < CALL_MAX


def _has_more(desk: OrderDesk, order: BrokerOrder, report: OrderReport) -> bool:
    """Whether the broker says that more was filled than the ledger has ever had, what was taken back included; then all
    executions are asked for again."""
    missing = report.filled > _ever_filled(desk, order) and size_of(order.legs) > 0
    if missing:
        desk.memory.swept_at = None
    return missing


def _ever_filled(desk: OrderDesk, order: BrokerOrder) -> int:
    """Contracts of the largest leg, each execution with the most that any of its revisions had."""
    most: dict[tuple[str, str], int] = {}
    for fill in desk.stores.ledger.of_client_order(order.client_order_id):
        key = (fill.contract, fill.execution)
        most[key] = max(most.get(key, 0), abs(fill.quantity))
    legs: Counter[str] = Counter()
    for (contract, _), quantity in most.items():
        legs[contract] += quantity
    return max(legs.values(), default=0)
