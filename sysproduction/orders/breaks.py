"""Breaks: what the broker says against what ledger and stack say; each locks its instrument, is told, and comes with
proposals that a human signs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from sysproduction.domain.alerts import Severity
from sysproduction.domain.broker import OpenOrder
from sysproduction.domain.errors import Conflict
from sysproduction.domain.order_states import BrokerEvent
from sysproduction.domain.orders import BrokerOrder
from sysproduction.domain.reconciliation import Books, Finding, FindingKind, PositionBreak, compare, find_breaks
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.orders.cancelling import ask_cancel
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.evidence import process_fills_stack, store_event
from sysproduction.orders.reconciling import held, lost_orders, read_books
from sysproduction.stores.order_controls import Lock, LockKind, Word

_KINDS: Final = {FindingKind.FOREIGN_ORDER: ProblemKind.UNKNOWN, FindingKind.UNKNOWN_OUTCOME: ProblemKind.UNKNOWN}


def check_external_position_break(desk: OrderDesk, now: datetime) -> MethodResult:
    """Compare the broker's positions, executions and open orders with ledger and stack; lock each instrument whose
    positions differ, and take the machine's own lock away where they no longer do. The first comparison of a program,
    and the first after the broker was away, is what lets anything be sent.

    Fills that come in while the broker is asked are no breaks: its positions are read before and after the executions,
    and only if nothing moved in between are they compared. Raises Unavailable if the broker is away.
    """
    with desk.reaching():
        before = held(desk.broker.positions())
        process_fills_stack(desk, now)
        after = held(desk.broker.positions())
        if before != after:
            return MethodResult()
        breaks = find_breaks(desk.stores.ledger.positions().contracts, after)
        _lock(desk, breaks, now)
        _unlock(desk, {one.instrument for one in breaks}, now)
        books = _books(desk, bool(breaks), after, now)
        findings = compare(books)
        _propose(desk, findings, now)
        _tell_strangers(desk, findings)
        _end_orphans(desk, books, now)
        desk.memory.reconciled = True
    problems = [Problem(f"{one.instrument}/{one.contract}", ProblemKind.FAILED, one.text) for one in breaks]
    strange = [Problem(one.subject, _KINDS[one.kind], one.text) for one in findings if one.kind in _KINDS]
    return MethodResult(0, len(after), (*problems, *strange))


def _books(desk: OrderDesk, broken: bool, theirs: dict[tuple[str, str], int], now: datetime) -> Books:
    """Everything where something is broken; otherwise no execution need be asked for again."""
    stores = desk.stores
    if broken:
        return read_books(stores.stack, stores.ledger, desk.broker, theirs, now)
    standing, live = desk.broker.open_orders(), stores.stack.active_brokers()
    return Books(
        ours=stores.ledger.positions(),
        theirs=theirs,
        open_orders=standing,
        orders=_known(desk, standing, {order.client_order_id: order for order in live}),
        lost=lost_orders(live, desk.broker, standing),
    )


def _known(desk: OrderDesk, standing: Sequence[OpenOrder], live: Mapping[str, BrokerOrder]) -> dict[str, BrokerOrder]:
    names = {order.client_order_id for order in standing if order.client_order_id}
    found = {name: live.get(name) or desk.stores.stack.get_broker(name) for name in sorted(names)}
    return {name: order for name, order in found.items() if order is not None}


def _propose(desk: OrderDesk, findings: Sequence[Finding], now: datetime) -> None:
    """Store what a human may sign; with nothing found and nothing stored, nothing is asked."""
    wanted = [one.proposal for one in findings if one.proposal is not None]
    if wanted or desk.memory.proposed:
        desk.proposals.refresh(wanted, now)
        desk.memory.proposed = bool(wanted)


def _lock(desk: OrderDesk, breaks: list[PositionBreak], now: datetime) -> None:
    by_instrument: dict[str, list[str]] = {}
    for one in breaks:
        by_instrument.setdefault(one.instrument, []).append(one.text)
    for instrument, texts in by_instrument.items():
        why = "; ".join(texts)
        if desk.stores.locks.lock(Lock(instrument, LockKind.BREAK, Word(WHO, now, why))):
            desk.note("locked", instrument, now, why)
        desk.tell(
            f"break/{instrument}",
            f"{instrument}: positions differ from the broker's",
            f"{why}; `sysproduction reconcile` proposes what to do",
            Severity.CRITICAL,
        )


def _unlock(desk: OrderDesk, broken: set[str], now: datetime) -> None:
    for lock in desk.stores.locks.all():
        if lock.kind is not LockKind.BREAK or lock.instrument in broken:
            continue
        if desk.stores.locks.unlock(lock.instrument, LockKind.BREAK):
            desk.note("unlocked", lock.instrument, now, "positions agree again")
            desk.notifier.recover(f"break/{lock.instrument}", f"{lock.instrument}: positions agree again")


def _tell_strangers(desk: OrderDesk, findings: Sequence[Finding]) -> None:
    """Orders at the broker that we do not know; and when they are gone."""
    strange = [one for one in findings if one.kind is FindingKind.FOREIGN_ORDER]
    for one in strange:
        key, title = f"strange-orders/{one.subject}", f"{one.instrument}: a strange order"
        desk.tell(key, title, one.text, Severity.CRITICAL)
    standing = {one.subject for one in strange}
    for subject in sorted(desk.memory.strangers - standing):
        desk.notifier.recover(f"strange-orders/{subject}", f"{subject} is no longer at the broker")
    desk.memory.strangers = standing


def _end_orphans(desk: OrderDesk, books: Books, now: datetime) -> None:
    """An order that ended here and works at the broker all the same is told of. Its end is asked for, unless its
    contract order still is worked on and has nothing else at the broker."""
    for open_order in books.open_orders:
        order = books.orders.get(open_order.client_order_id or "")
        if order is None or order.active:
            continue
        with suppress(Conflict):
            revived = store_event(desk, order, BrokerEvent.SEEN_WORKING, now, broker_id=open_order.broker_id)
            if not revived.active:
                continue
            text = f"{order.client_order_id} was {order.status} here and works at the broker"
            desk.note("works after its end", order.client_order_id, now, text)
            desk.tell(f"orphan/{order.client_order_id}", f"{order.instrument}: an order came back", text)
            if not _is_wanted(desk, revived):
                ask_cancel(desk, revived, "it ended here before", now)


def _is_wanted(desk: OrderDesk, order: BrokerOrder) -> bool:
    stack = desk.stores.stack
    parent = stack.get_contract(order.parent)
    others = [one for one in stack.brokers_of(order.parent) if one.active and one.attempt != order.attempt]
    return parent is not None and parent.active and not others
