"""Instrument orders become contract orders: the plan is stored first, then its children are inserted."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sysproduction.domain.alerts import Severity
from sysproduction.domain.errors import AlreadyExists, Conflict, DataError, Refused
from sysproduction.domain.fills import unfilled
from sysproduction.domain.orders import ContractOrder, InstrumentOrder, Outcome
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.roll_states import RollState, change
from sysproduction.domain.spawning import RollView, planned, split
from sysproduction.orders.completion import completed
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.stores.order_stack import Malformed
from sysproduction.stores.roll_states import RollChange, next_number


def spawn_children_from_new_instrument_orders(desk: OrderDesk, now: datetime) -> MethodResult:
    """Plan every new instrument order by its instrument's roll state, and insert the children that plans lack. What
    cannot be traded, for it is malformed or of no known instrument, ends refused, with its reason."""
    orders, malformed = desk.stores.stack.sorted_out()
    problems = [_refuse_malformed(desk, order, now) for order in malformed]
    unwanted = desk.stores.stack.end_wishes.all() if orders else {}
    there = {(child.parent, child.number) for child in desk.stores.stack.active_contracts()} if orders else set()
    written = 0
    for order in orders:
        if order.plan is not None and all((order.order_id, child.number) in there for child in order.plan):
            continue
        if order.plan is None and order.order_id in unwanted:
            continue
        try:
            written += _spawn(desk, order, now)
        except Conflict:
            continue
        except DataError as error:
            problems.append(Problem(order.order_id, ProblemKind.MISSING, str(error)))
    return MethodResult(written, written, tuple(problems))


def _refuse_malformed(desk: OrderDesk, order: Malformed, now: datetime) -> Problem:
    with suppress(Conflict):
        _say_refused(desk, order.document.key, order.reason, now)
        desk.stores.stack.refuse(order, now)
    return Problem(order.document.key, ProblemKind.FAILED, order.reason)


def _refuse(desk: OrderDesk, order: InstrumentOrder, reason: str, now: datetime) -> None:
    _say_refused(desk, order.order_id, reason, now)
    desk.stores.stack.replace_instrument(completed(order, Outcome.REFUSED, now, reason))


def _say_refused(desk: OrderDesk, order_id: str, reason: str, now: datetime) -> None:
    desk.note("refused", order_id, now, reason)
    desk.tell(f"order/{order_id}", f"{order_id} is refused", reason, Severity.CRITICAL)


def _spawn(desk: OrderDesk, order: InstrumentOrder, now: datetime) -> int:
    if order.plan is None:
        planned_order = _plan(desk, order, now)
        if planned_order is None:
            return 0
        order = planned_order
    return insert_children(desk, order, now)


def insert_children(desk: OrderDesk, order: InstrumentOrder, now: datetime) -> int:
    """Insert the children of a stored plan that are not there yet; how many."""
    there = {child.number for child in desk.stores.stack.contracts_of(order.order_id)}
    inserted = 0
    for child in order.plan or ():
        if child.number in there:
            continue
        try:
            desk.stores.stack.insert_contract(
                ContractOrder(
                    parent=order.order_id,
                    number=child.number,
                    strategy=order.strategy,
                    instrument=order.instrument,
                    legs=child.legs,
                    order_type=child.order_type,
                    algo=child.algo,
                    limit_price=child.limit_price,
                    reference=child.reference,
                    generated_at=now,
                )
            )
        except AlreadyExists:
            continue
        inserted += 1
    return inserted


def _plan(desk: OrderDesk, order: InstrumentOrder, now: datetime) -> InstrumentOrder | None:
    """The order with its plan stored; None if nothing can be planned now, or it ended."""
    stack = desk.stores.stack
    try:
        desk.instruments.get(order.instrument)
    except DataError as unknown:
        _refuse(desk, order, str(unknown), now)
        return None
    if desk.stores.locks.of(order.instrument):
        return None
    view = settled_view(desk, order.instrument, now)
    legs = split(order.quantity, view)
    if not legs:
        return None
    algo = desk.algo(order.instrument, order.order_type)
    children = planned(order, legs, algo, lambda source, target: shift_price(desk, order.instrument, source, target))
    if isinstance(children, Refused):
        _refuse(desk, order, children.reason, now)
        return None
    return stack.replace_instrument(replace(order, plan=children))


def view_of(desk: OrderDesk, instrument: str, now: datetime) -> RollView:
    """Contracts in force, roll state, and the position in the priced contract with all live contract orders filled;
    DataError if there are no prices."""
    in_use = desk.prices.last_contracts(instrument, now)
    if not in_use:
        raise DataError(f"{instrument} has no multiple prices: build, import or update them first")
    price = in_use["PRICE"]
    held = desk.stores.ledger.positions().contracts.get((instrument, price), 0)
    coming = 0
    for child in desk.stores.stack.active_contracts(instrument=instrument):
        left = unfilled(child.legs, desk.stores.ledger.of_contract_order(child.order_id))
        coming += sum(leg.quantity for leg in left if leg.contract == price)
    return RollView(price, in_use["FORWARD"], desk.stores.rolls.get(instrument).state, held + coming)


def settled_view(desk: OrderDesk, instrument: str, now: datetime) -> RollView:
    """The view, after a forced state whose position is gone was set back to Passive."""
    view = view_of(desk, instrument, now)
    held = desk.stores.ledger.positions().contracts.get((instrument, view.price), 0)
    if not view.state.is_forced or held or view.position:
        return view
    standing = desk.stores.rolls.get(instrument)
    following = change(standing.state, RollState.PASSIVE, position=0)
    if isinstance(following, Refused):
        return view
    reason = f"nothing is held in {view.price} any more"
    desk.stores.rolls.change(
        standing, RollChange(instrument, next_number(standing), now, WHO, standing.state, following, (reason,))
    )
    return RollView(view.price, view.forward, following, view.position)


def shift_price(desk: OrderDesk, instrument: str, source: str, target: str) -> float | None:
    """What the target contract was worth more than the source at their last common bar."""
    ours = desk.prices.bars(instrument, source)["close"].dropna()
    theirs = desk.prices.bars(instrument, target)["close"].dropna()
    common = ours.index.intersection(theirs.index)
    if common.empty:
        return None
    return float(theirs[common[-1]] - ours[common[-1]])
