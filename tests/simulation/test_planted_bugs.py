"""The net catches fish: each bug that is planted into the product makes the killed journey of an order unsound."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from sysproduction.domain import limits, risk
from sysproduction.domain.errors import AlreadyExists, OutcomeUnknown
from sysproduction.domain.fills import Fill
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.limits import TradeLimit
from sysproduction.domain.order_states import BrokerEvent, BrokerStatus
from sysproduction.orders import breaks, completion, evidence, routing, spawning
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.kill_switch import KillWord
from sysproduction.stores.order_controls import Lock, LockKind, Locks, SetLimit, Word
from sysproduction.stores.order_stack import OrderStack
from tests.fakes import ProgramDied
from tests.rolling_market import JUN, NOW
from tests.simulation.exchange_of_one import Answer
from tests.simulation.order_world import CORN, AtStep, OrderWorld, assert_sound

ANSWERS = (Answer.ACCEPT, Answer.LOST, Answer.NEVER_ARRIVED, Answer.LATE)
Plant = Callable[[pytest.MonkeyPatch], None]


def play(folder: Path) -> None:
    """Every crash of a journey of three contracts, and days on which nothing may be sent; AssertionError if unsound."""
    numbers = count()
    for answer in ANSWERS:
        _played(folder / str(next(numbers)), answer, None)
    for answer in (Answer.ACCEPT, Answer.LOST):
        for side in ("before", "after"):
            steps = count()
            while _played(folder / str(next(numbers)), answer, AtStep(next(steps), side)):
                pass
    _halted(folder / "halted")
    _locked(folder / "locked")
    _corrected(folder / "corrected")
    _limited(folder / "limited")
    _strange(folder / "strange")


def _played(folder: Path, answer: Answer, fault: AtStep | None) -> bool:
    """One journey; whether it was cut off."""
    world = OrderWorld(folder)
    world.broker.answers.append(answer)
    world.decide(2)
    desk = world.start(fault)
    try:
        for _ in range(8):
            world.turn(desk)
    except ProgramDied:
        world.advance()
        world.settle(10)
    assert_sound(world, wanted={JUN: 2})
    return fault is not None and fault.struck


def _limited(folder: Path) -> None:
    world = OrderWorld(folder)
    desk = world.start()
    desk.stores.limits.put(SetLimit(TradeLimit(CORN, None, 1, 1), Word("me", NOW, "thin")))
    world.decide(3)
    for _ in range(6):
        world.turn(desk)
    assert world.held() == {JUN: 1}, "more was traded than the limit allows, or less"


def _strange(folder: Path) -> None:
    """A position that no order of ours made."""
    world = OrderWorld(folder)
    world.decide(1)
    world.settle()
    world.broker.fills.append(replace(world.broker.fills[0], execution_id="X", client_order_id=None))
    desk = world.start()
    world.turn(desk)
    assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): 1}, "a fill was invented"
    assert [lock.kind for lock in Locks(world.documents).of(CORN)] == [LockKind.BREAK], "a break was not noticed"


def _halted(folder: Path) -> None:
    world = OrderWorld(folder)
    desk = world.start()
    desk.stores.kill_switch.set(KillWord(KillState.HALT, "me", NOW, "stop"))
    world.decide(2)
    for _ in range(4):
        world.turn(desk)
    assert world.broker.submissions.total() == 0, "an order was sent while the switch was at HALT"


def _locked(folder: Path) -> None:
    world = OrderWorld(folder)
    desk = world.start()
    desk.stores.locks.lock(Lock(CORN, LockKind.MANUAL, Word("me", NOW, "odd")))
    for _ in range(3):
        world.turn(desk)
    assert [lock.kind for lock in Locks(world.documents).of(CORN)] == [LockKind.MANUAL], "a manual lock was lost"


def _corrected(folder: Path) -> None:
    """An execution is corrected, then taken back, and every word is repeated."""
    world = OrderWorld(folder)
    world.decide(1)
    world.settle()
    first = world.broker.fills[0]
    world.broker.fills[:] = [replace(first, revision=1, quantity=2), first, replace(first, revision=1, quantity=2)]
    process(world)
    assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): 2}, "a correction was lost or doubled"
    world.broker.fills.append(replace(first, revision=2, quantity=0))
    process(world)
    assert FillLedger(world.documents).positions().contracts == {}, "an execution that was taken back still counts"


def process(world: OrderWorld) -> None:
    evidence.process_fills_stack(world.start(), world.broker.now)


def timeout_is_absence(patch: pytest.MonkeyPatch) -> None:
    true = routing.store_event

    def store(desk, order, event, now, **more):  # type: ignore[no-untyped-def]
        return true(desk, order, BrokerEvent.ABSENT if event is BrokerEvent.OUTCOME_LOST else event, now, **more)

    patch.setattr(routing, "store_event", store)


def timeout_is_acknowledgement(patch: pytest.MonkeyPatch) -> None:
    true = evidence.store_event

    def store(desk, order, event, now, **more):  # type: ignore[no-untyped-def]
        if event is BrokerEvent.ABSENT:
            event = BrokerEvent.SEEN_WORKING
        return true(desk, order, event, now, **more)

    patch.setattr(evidence, "store_event", store)


def submit_again_at_once(patch: pytest.MonkeyPatch) -> None:
    true = routing._submit

    def submit(desk, order, now):  # type: ignore[no-untyped-def]
        true(desk, order, now)
        stored = desk.stores.stack.get_broker(order.client_order_id)
        if stored.status is BrokerStatus.UNKNOWN:
            true(desk, stored, now)

    patch.setattr(routing, "_submit", submit)


def submit_before_the_intent(patch: pytest.MonkeyPatch) -> None:
    true = OrderStack.insert_broker

    def insert(self, order):  # type: ignore[no-untyped-def]
        return order

    def submit(desk, order, now):  # type: ignore[no-untyped-def]
        ticket = routing.OrderTicket(order.client_order_id, order.instrument, order.legs, order.order_type)
        try:
            desk.broker.submit(ticket)
        except OutcomeUnknown:
            return
        try:
            true(desk.stores.stack, replace(order, status=BrokerStatus.WORKING))
        except AlreadyExists:
            return

    patch.setattr(OrderStack, "insert_broker", insert)
    patch.setattr(routing, "_submit", submit)


def unknown_orders_hold_nothing_up(patch: pytest.MonkeyPatch) -> None:
    true = OrderStack.brokers_of

    def of(self, key):  # type: ignore[no-untyped-def]
        return [
            replace(order, active=False) if order.status is BrokerStatus.UNKNOWN else order for order in true(self, key)
        ]

    patch.setattr(OrderStack, "brokers_of", of)
    patch.setattr(routing, "may_send", lambda *_a, **_k: None)


def fills_are_counted_as_they_come(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(Fill, "execution", property(lambda self: f"{self.account}/{self.execution_id}/{next(numbers)}"))


def corrections_are_ignored(patch: pytest.MonkeyPatch) -> None:
    true = FillLedger.record
    patch.setattr(FillLedger, "record", lambda self, fill: False if fill.revision else true(self, fill))


def children_are_made_again(patch: pytest.MonkeyPatch) -> None:
    true, numbers = spawning.insert_children, count(100)

    def insert(desk, order, now):  # type: ignore[no-untyped-def]
        renumbered = tuple(replace(child, number=next(numbers)) for child in order.plan)
        return true(desk, replace(order, plan=renumbered), now)

    patch.setattr(spawning, "insert_children", insert)


def plans_are_not_finished(patch: pytest.MonkeyPatch) -> None:
    true = spawning._spawn

    def spawn(turn, order):  # type: ignore[no-untyped-def]
        return true(turn, order) if order.plan is None else 0

    patch.setattr(spawning, "_spawn", spawn)


def orders_end_with_what_works(patch: pytest.MonkeyPatch) -> None:
    true = completion._outcome_of
    patch.setattr(completion, "_outcome_of", lambda desk, child, *, final: true(desk, child, final=True))


def the_gate_is_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "may_send", lambda *_a, **_k: None)


def the_switch_is_read_as_normal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sysproduction.stores.kill_switch.KillSwitch.state", lambda self: KillState.NORMAL)


def every_lock_is_the_machines(patch: pytest.MonkeyPatch) -> None:
    def unlock(desk, broken, now):  # type: ignore[no-untyped-def]
        for lock in desk.stores.locks.all():
            if lock.instrument not in broken:
                desk.stores.locks.unlock(lock.instrument, lock.kind)

    patch.setattr(breaks, "_unlock", unlock)


def rejections_are_not_believed(patch: pytest.MonkeyPatch) -> None:
    """A refused submission is taken for one that works: what is wanted is never traded."""
    true = routing.store_event

    def store(desk, order, event, now, **more):  # type: ignore[no-untyped-def]
        return true(desk, order, BrokerEvent.REJECTED if event is BrokerEvent.OUTCOME_LOST else event, now, **more)

    patch.setattr(routing, "store_event", store)


def executions_are_read_from_now_on_only(patch: pytest.MonkeyPatch) -> None:
    true = evidence._record_executions

    def record(desk, live, now):  # type: ignore[no-untyped-def]
        desk.memory.asked_at = desk.memory.asked_at or now
        desk.memory.swept_at = now
        patch.setattr(evidence, "OVERLAP", evidence.timedelta(0))
        return true(desk, live, now)

    patch.setattr(evidence, "_record_executions", record)


def status_is_believed_before_executions(patch: pytest.MonkeyPatch) -> None:
    """Quantities come from the order's status instead of its executions."""
    true = evidence._record

    def record(desk, execution, live, now):  # type: ignore[no-untyped-def]
        return true(desk, replace(execution, execution_id=execution.client_order_id), live, now)

    patch.setattr(evidence, "_record", record)


def attempts_share_an_identifier(patch: pytest.MonkeyPatch) -> None:
    from sysproduction.domain import orders

    true = orders.client_order_id
    patch.setattr(orders, "client_order_id", lambda parent, _attempt: true(parent, 1))


def breaks_are_mended_by_inventing_fills(patch: pytest.MonkeyPatch) -> None:
    def invent(desk, found, now):  # type: ignore[no-untyped-def]
        for one in found:
            missing = one.theirs - one.ours
            desk.stores.ledger.record(
                Fill(f"made-up-{now}", 0, "A", "trend", one.instrument, one.contract, missing, 1.0, now)
            )

    patch.setattr(breaks, "_lock", invent)


def breaks_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(breaks, "find_breaks", lambda _ours, _theirs: [])


def limits_count_nothing(patch: pytest.MonkeyPatch) -> None:
    for module in (limits, risk):
        patch.setattr(module, "counted", lambda _limit, _sent, _now: 0)


def fills_go_to_another_strategy(patch: pytest.MonkeyPatch) -> None:
    true = evidence._fill

    def fill(execution, order, now):  # type: ignore[no-untyped-def]
        made = true(execution, order, now)
        return made if made is None else replace(made, strategy="other")

    patch.setattr(evidence, "_fill", fill)


PLANTS: tuple[Plant, ...] = (
    timeout_is_absence,
    timeout_is_acknowledgement,
    submit_again_at_once,
    submit_before_the_intent,
    unknown_orders_hold_nothing_up,
    fills_are_counted_as_they_come,
    corrections_are_ignored,
    children_are_made_again,
    plans_are_not_finished,
    orders_end_with_what_works,
    the_gate_is_open,
    the_switch_is_read_as_normal,
    every_lock_is_the_machines,
    rejections_are_not_believed,
    executions_are_read_from_now_on_only,
    status_is_believed_before_executions,
    attempts_share_an_identifier,
    breaks_are_mended_by_inventing_fills,
    breaks_are_not_looked_for,
    limits_count_nothing,
    fills_go_to_another_strategy,
)


def test_the_product_as_it_is_is_sound(tmp_path: Path) -> None:
    """Without a planted bug nothing is caught."""
    play(tmp_path)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    """By an invariant of the journey."""
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        play(tmp_path)
