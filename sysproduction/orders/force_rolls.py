"""Positions that a forced roll state wants out of the priced contract."""

from datetime import datetime

from sysproduction.domain.errors import AlreadyExists, Conflict, DataError
from sysproduction.domain.orders import ROLL_STRATEGY, InstrumentOrder, OrderType
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.spawning import RollView, roll_plan
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.spawning import insert_children, settled_view


def generate_force_roll_orders(desk: OrderDesk, now: datetime) -> MethodResult:
    """For each instrument in a forced state with a position in its priced contract: one roll, inserted with its plan.

    Nothing is made while a contract order of the instrument is worked on, or while an order of a strategy waits that
    would itself close a part of the position.
    """
    made, problems = 0, []
    forced = sorted(code for code, standing in desk.stores.rolls.all().items() if standing.state.is_forced)
    for instrument in forced:
        try:
            made += _roll(desk, instrument, now)
        except Conflict:
            continue
        except DataError as error:
            problems.append(Problem(instrument, ProblemKind.MISSING, str(error)))
    return MethodResult(made, made, tuple(problems))


def _roll(desk: OrderDesk, instrument: str, now: datetime) -> int:
    stack = desk.stores.stack
    if stack.active_contracts(instrument=instrument) or desk.stores.locks.of(instrument):
        return 0
    view = settled_view(desk, instrument, now)
    waiting = stack.active_instruments(instrument=instrument)
    if not view.state.is_forced or not view.position or any(order.plan is not None for order in waiting):
        return 0
    if view.state is not RollState.CLOSE and any(order.quantity * view.position < 0 for order in waiting):
        return 0
    order = _order(desk, instrument, view, now)
    try:
        stored = stack.insert_instrument(order)
    except AlreadyExists:
        return 0
    desk.note("rolls", stored.order_id, now, stored.why)
    return insert_children(desk, stored, now)


def _order(desk: OrderDesk, instrument: str, view: RollView, now: datetime) -> InstrumentOrder:
    closes = view.state is RollState.CLOSE
    strategy = _largest_holder(desk, instrument) if closes else ROLL_STRATEGY
    number = 1
    while desk.stores.stack.get_instrument(f"{strategy}/{instrument}/{_decision(view, number)}") is not None:
        number += 1
    return InstrumentOrder(
        strategy=strategy,
        instrument=instrument,
        decision=_decision(view, number),
        quantity=-view.position if closes else 0,
        order_type=OrderType.ROLL,
        generated_at=now,
        by=WHO,
        why=f"roll state {view.state}: {view.position:+d} in {view.price}",
        plan=roll_plan(view, desk.algo(instrument, OrderType.ROLL)),
    )


def _decision(view: RollView, number: int) -> str:
    return f"{view.state}-{view.price}-{number}"


def _largest_holder(desk: OrderDesk, instrument: str) -> str:
    """The strategy that holds most of the instrument; the first by name of equals."""
    held = {s: abs(q) for (s, code), q in desk.stores.ledger.positions().strategies.items() if code == instrument}
    return max(sorted(held), key=lambda strategy: held[strategy], default=ROLL_STRATEGY)
