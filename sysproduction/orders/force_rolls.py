"""Positions that a forced roll state wants out of the priced contract."""

from collections.abc import Mapping
from datetime import datetime

from sysproduction.domain.errors import AlreadyExists, Conflict, DataError
from sysproduction.domain.fills import Key
from sysproduction.domain.orders import ROLL_STRATEGY, InstrumentOrder, Leg, OrderType, PlannedChild
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.spawning import RollView, roll_plan
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.spawning import insert_children, settled_view


def generate_force_roll_orders(desk: OrderDesk, now: datetime) -> MethodResult:
    """For each instrument in a forced state with a position in its priced contract: one roll, inserted with its plan.
    Before it, and in any state, what is left of a roll of which only one leg was traded.

    Nothing is made while a contract order of the instrument is worked on, or while an order of a strategy waits that
    would itself close a part of the position.
    """
    made, problems = 0, []
    forced = {code for code, standing in desk.stores.rolls.all().items() if standing.state.is_forced}
    halves = {code: left for (who, code), left in _held(desk).items() if who == ROLL_STRATEGY}
    for instrument in sorted(forced | halves.keys()):
        try:
            made += _roll(desk, instrument, halves.get(instrument, 0), now)
        except Conflict:
            continue
        except DataError as error:
            problems.append(Problem(instrument, ProblemKind.MISSING, str(error)))
    return MethodResult(made, made, tuple(problems))


def _held(desk: OrderDesk) -> Mapping[Key, int]:
    return desk.stores.ledger.positions().strategies


def _roll(desk: OrderDesk, instrument: str, left: int, now: datetime) -> int:
    """How many orders were made; `left` is what rolls of the instrument add up to, which should be nothing."""
    stack = desk.stores.stack
    if stack.active_contracts(instrument=instrument) or desk.stores.locks.of(instrument):
        return 0
    view = settled_view(desk, instrument, now)
    waiting = stack.active_instruments(instrument=instrument)
    if any(order.plan is not None for order in waiting):
        return 0
    if left:
        return _insert(desk, _rest(desk, instrument, view, left, now), now)
    if not view.state.is_forced or not view.position:
        return 0
    if view.state is not RollState.CLOSE and any(order.quantity * view.position < 0 for order in waiting):
        return 0
    return _insert(desk, _order(desk, instrument, view, now), now)


def _insert(desk: OrderDesk, order: InstrumentOrder, now: datetime) -> int:
    stack = desk.stores.stack
    try:
        stored = stack.insert_instrument(order)
    except AlreadyExists:
        return 0
    desk.note("rolls", stored.order_id, now, stored.why)
    return insert_children(desk, stored, now)


def _order(desk: OrderDesk, instrument: str, view: RollView, now: datetime) -> InstrumentOrder:
    closes = view.state is RollState.CLOSE
    strategy = _largest_holder(desk, instrument) if closes else ROLL_STRATEGY
    return InstrumentOrder(
        strategy=strategy,
        instrument=instrument,
        decision=_decision(desk, strategy, instrument, f"{view.state}-{view.price}"),
        quantity=-view.position if closes else 0,
        order_type=OrderType.ROLL,
        generated_at=now,
        by=WHO,
        why=f"roll state {view.state}: {view.position:+d} in {view.price}",
        plan=roll_plan(view, desk.algo(instrument, OrderType.ROLL)),
    )


def _rest(desk: OrderDesk, instrument: str, view: RollView, left: int, now: datetime) -> InstrumentOrder:
    """The leg that is missing: it closes in the priced contract what still has to leave it, else trades the forward."""
    closing = view.state.is_forced and view.position * left > 0
    leg = Leg(view.price if closing else view.forward, -left)
    return InstrumentOrder(
        strategy=ROLL_STRATEGY,
        instrument=instrument,
        decision=_decision(desk, ROLL_STRATEGY, instrument, f"Rest-{leg.contract}"),
        quantity=-left,
        order_type=OrderType.ROLL,
        generated_at=now,
        by=WHO,
        why=f"a roll was traded in part: {left:+d} is left of it",
        plan=(PlannedChild(1, (leg,), OrderType.ROLL, desk.algo(instrument, OrderType.ROLL)),),
    )


def _decision(desk: OrderDesk, strategy: str, instrument: str, name: str) -> str:
    """The name with the first number that no order has."""
    number = 1
    while desk.stores.stack.get_instrument(f"{strategy}/{instrument}/{name}-{number}") is not None:
        number += 1
    return f"{name}-{number}"


def _largest_holder(desk: OrderDesk, instrument: str) -> str:
    """The strategy that holds most of the instrument; the first by name of equals."""
    held = {s: abs(q) for (s, code), q in _held(desk).items() if code == instrument}
    return max(sorted(held), key=lambda strategy: held[strategy], default=ROLL_STRATEGY)
