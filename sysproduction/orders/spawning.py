"""Instrument orders become contract orders: the plan is stored first, then its children are inserted."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from sysproduction.domain.alerts import Severity
from sysproduction.domain.errors import AlreadyExists, Conflict, DataError, Refused
from sysproduction.domain.fills import unfilled
from sysproduction.domain.orders import ContractOrder, InstrumentOrder, Outcome, PlannedChild
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.roll_states import RollState, change
from sysproduction.domain.spawning import RollView, planned, split
from sysproduction.orders.completion import completed
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.stores.order_stack import Malformed
from sysproduction.stores.roll_states import RollChange, next_number


@dataclass
class _Turn:
    """Where instruments stand, read once a turn, and kept up to date with what the turn itself makes."""

    desk: OrderDesk
    now: datetime
    _views: dict[str, RollView] = field(default_factory=dict)
    _unknown: dict[str, str] = field(default_factory=dict)

    @cached_property
    def children(self) -> list[ContractOrder]:
        """What is worked on."""
        return self.desk.stores.stack.active_contracts()

    @cached_property
    def there(self) -> set[tuple[str, int]]:
        """The same by parent and number."""
        return {(child.parent, child.number) for child in self.children}

    @cached_property
    def locked(self) -> set[str]:
        """Instruments with a lock."""
        return {lock.instrument for lock in self.desk.stores.locks.all()}

    def unknown(self, instrument: str) -> str:
        """What is wrong with this instrument's name; empty if it is known."""
        if instrument not in self._unknown:
            self._unknown[instrument] = ""
            try:
                self.desk.instruments.get(instrument)
            except DataError as error:
                self._unknown[instrument] = str(error)
        return self._unknown[instrument]

    def view(self, instrument: str) -> RollView:
        """As settled_view."""
        if instrument not in self._views:
            self._views[instrument] = settled_view(self.desk, instrument, self.now, self.children)
        return self._views[instrument]

    def made(self, instrument: str, plan: tuple[PlannedChild, ...]) -> None:
        """These children are to come."""
        view = self._views[instrument]
        coming = sum(leg.quantity for child in plan for leg in child.legs if leg.contract == view.price)
        self._views[instrument] = replace(view, position=view.position + coming)


def spawn_children_from_new_instrument_orders(desk: OrderDesk, now: datetime) -> MethodResult:
    """Plan every new instrument order by its instrument's roll state, and insert the children that plans lack. What
    cannot be traded, for it is malformed or of no known instrument, ends refused, with its reason."""
    orders, malformed = desk.stores.stack.sorted_out()
    problems = [_refuse_malformed(desk, order, now) for order in malformed]
    desk.memory.spawned &= {order.order_id for order in orders}
    unfinished = [order for order in orders if order.order_id not in desk.memory.spawned]
    unwanted = desk.stores.stack.end_wishes.all() if unfinished else {}
    turn, written = _Turn(desk, now), 0
    for order in unfinished:
        if order.plan is not None and all((order.order_id, child.number) in turn.there for child in order.plan):
            desk.memory.spawned.add(order.order_id)
            continue
        if order.plan is None and order.order_id in unwanted:
            continue
        try:
            written += _spawn(turn, order)
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


def _spawn(turn: _Turn, order: InstrumentOrder) -> int:
    if order.plan is None:
        planned_order = _plan(turn, order)
        if planned_order is None:
            return 0
        order = planned_order
    written = insert_children(turn.desk, order, turn.now)
    turn.desk.memory.spawned.add(order.order_id)
    return written


def insert_children(desk: OrderDesk, order: InstrumentOrder, now: datetime) -> int:
    """Insert the children of a stored plan that are not there yet; how many."""
    inserted = 0
    for child in order.plan or ():
        try:
            made = desk.stores.stack.insert_contract(
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
        desk.memory.unsent.add(made.order_id)
        inserted += 1
    return inserted


def _plan(turn: _Turn, order: InstrumentOrder) -> InstrumentOrder | None:
    """The order with its plan stored; None if nothing can be planned now, or it ended."""
    desk, now = turn.desk, turn.now
    unknown = turn.unknown(order.instrument)
    if unknown:
        _refuse(desk, order, unknown, now)
        return None
    if order.instrument in turn.locked:
        return None
    legs = split(order.quantity, turn.view(order.instrument))
    if not legs:
        return None
    algo = desk.algo(order.instrument, order.order_type)
    children = planned(order, legs, algo, lambda source, target: shift_price(desk, order.instrument, source, target))
    if isinstance(children, Refused):
        _refuse(desk, order, children.reason, now)
        return None
    stored = desk.stores.stack.replace_instrument(replace(order, plan=children))
    desk.stores.ledger.follow_new(order.order_id)
    turn.made(order.instrument, children)
    return stored


def view_of(desk: OrderDesk, instrument: str, now: datetime, live: Sequence[ContractOrder]) -> RollView:
    """Contracts in force, roll state, and the position in the priced contract with all `live` contract orders filled;
    DataError if there are no prices."""
    in_use = desk.prices.last_contracts(instrument, now)
    if not in_use:
        raise DataError(f"{instrument} has no multiple prices: build, import or update them first")
    price = in_use["PRICE"]
    held = desk.stores.ledger.positions().contracts.get((instrument, price), 0)
    coming = 0
    for child in live:
        if child.instrument != instrument:
            continue
        left = unfilled(child.legs, desk.stores.ledger.seen_of(child.parent, child.order_id))
        coming += sum(leg.quantity for leg in left if leg.contract == price)
    return RollView(price, in_use["FORWARD"], desk.stores.rolls.get(instrument).state, held + coming)


def settled_view(
    desk: OrderDesk, instrument: str, now: datetime, live: Sequence[ContractOrder] | None = None
) -> RollView:
    """The view, after a forced state whose position is gone was set back to Passive; `live` are the contract orders
    that are worked on, None: look them up."""
    if live is None:
        live = desk.stores.stack.active_contracts(instrument=instrument)
    view = view_of(desk, instrument, now, live)
    if not view.state.is_forced or view.position:
        return view
    held = desk.stores.ledger.positions().contracts.get((instrument, view.price), 0)
    if held:
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
