"""Breaks with the broker: found within one cycle, locked, told, and mended by what a named human signs, never else."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from sysproduction.control.hand_fills import Balance, balance
from sysproduction.control.order_entry import EntryDesk
from sysproduction.control.reconciling import Signature, accept, view
from sysproduction.domain.broker import Execution, OrderTicket, ReportedStatus
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.orders.routing import create_broker_orders_from_contract_orders
from sysproduction.orders.spawning import spawn_children_from_new_instrument_orders
from sysproduction.stores import audit
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_controls import Locks
from sysproduction.stores.order_stack import OrderStack
from tests.rolling_market import JUN, NOW, SEP
from tests.simulation.exchange_of_one import Answer, Standing
from tests.simulation.order_world import CORN, OrderWorld, assert_sound


@pytest.fixture
def world(tmp_path: Path) -> OrderWorld:
    """Two contracts of CORN are held by the strategy trend, and nothing works."""
    made = OrderWorld(tmp_path)
    for contract, expiry in ((JUN, date(2024, 6, 14)), (SEP, date(2024, 9, 14))):
        Contracts(made.documents).put(ContractRecord(CORN, contract, True, expiry, False, NOW, NOW))
    made.decide(2)
    made.settle()
    return made


def desk_on(world: OrderWorld) -> EntryDesk:
    return EntryDesk(world.documents, world.series, ["trend", "carry"], "ann", world.broker.now, "saw it")


def stranger(world: OrderWorld, quantity: int, *, name: str = "X1", days_ago: float = 0.0) -> Execution:
    """An execution of no order of ours; those of more than four days ago are no longer told."""
    at = world.broker.now - timedelta(days=days_ago)
    made = replace(world.broker.fills[0], execution_id=name, client_order_id=None, quantity=quantity, price=77.0, at=at)
    world.broker.fills.append(made)
    return made


def proposed(world: OrderWorld) -> list[str]:
    """Identifiers of what waits for a signature."""
    return [row["proposal"] for row in view(desk_on(world), world.broker).findings if row["proposal"]]


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


def test_where_all_agree_nothing_is_found(world: OrderWorld) -> None:
    """Nothing is stored either, by the stack handler or by whoever looks."""
    seen = view(desk_on(world), world.broker)
    assert (seen.compared, seen.findings, seen.locked) == (True, [], [])
    assert list(world.documents.find("reconcile_proposals")) == []


def test_an_execution_of_nobody_is_signed_and_then_followed(world: OrderWorld) -> None:
    """It locks, is told and proposed; accepted, it is the broker's own fact, whose later correction counts too."""
    told = stranger(world, 3)
    desk = world.start()
    world.turn(desk)
    assert [lock.instrument for lock in Locks(world.documents).all()] == [CORN]
    assert f"break/{CORN}" in world.notifier.keys_told()
    [identifier] = proposed(world)
    assert not isinstance(accept(desk_on(world), world.broker, identifier, Signature()), Refused)
    world.turn(desk)
    assert Locks(world.documents).all() == []
    [fill] = FillLedger(world.documents).of_execution("A", "X1")
    assert (fill.quantity, fill.price, fill.strategy, fill.by) == (3, 77.0, "trend", "ann")
    assert "is accepted by ann: saw it" in refusal(accept(desk_on(world), world.broker, identifier, Signature()))
    world.broker.fills[-1] = replace(told, revision=1, quantity=2)
    world.turn(desk)
    assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): 4}
    assert_sound(world, wanted={JUN: 4})
    signed = [entry.what for entry in audit.read(world.documents, subject=CORN) if entry.who == "ann"]
    assert signed == ["reconcile accept"]


def test_a_difference_that_no_execution_tells_needs_a_price(world: OrderWorld) -> None:
    """The machine invents none; the same difference again is another proposal."""
    desk = world.start()
    for name, held in (("X1", 3), ("X2", 4)):
        stranger(world, 1, name=name, days_ago=6)
        world.turn(desk)
        [identifier] = proposed(world)
        assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): held - 1}
        assert "give --price" in refusal(accept(desk_on(world), world.broker, identifier, Signature()))
        assert "no strategy x" in refusal(accept(desk_on(world), world.broker, identifier, Signature("x", 99.0)))
        assert not isinstance(accept(desk_on(world), world.broker, identifier, Signature(None, 99.0)), Refused)
        world.turn(desk)
        assert_sound(world, wanted={JUN: held})
    del world.broker.fills[-1]
    world.turn(desk)
    [back] = proposed(world)
    assert not isinstance(accept(desk_on(world), world.broker, back, Signature(None, 98.0)), Refused)
    stranger(world, 1, name="X3", days_ago=6)
    [again] = proposed(world)
    assert again == f"{identifier}-2"
    assert not isinstance(accept(desk_on(world), world.broker, again, Signature(None, 97.0)), Refused)
    world.turn(desk)
    assert_sound(world, wanted={JUN: 4})


def test_two_executions_are_signed_one_by_one_for_whom_they_are(world: OrderWorld) -> None:
    """Where two strategies hold the instrument the human says whose; the lock stands until both are signed."""
    world.decide(1, strategy="carry")
    world.settle()
    stranger(world, 1, name="X1")
    stranger(world, 2, name="X2")
    desk = world.start()
    world.turn(desk)
    first, second = proposed(world)
    assert "--strategy" in refusal(accept(desk_on(world), world.broker, first, Signature()))
    assert "leave --price out" in refusal(accept(desk_on(world), world.broker, first, Signature("carry", 1.0)))
    assert not isinstance(accept(desk_on(world), world.broker, first, Signature("carry")), Refused)
    world.turn(desk)
    assert len(Locks(world.documents).all()) == 1
    assert not isinstance(accept(desk_on(world), world.broker, second, Signature("trend")), Refused)
    world.turn(desk)
    assert Locks(world.documents).all() == []
    assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): 6} == {(CORN, JUN): world.held()[JUN]}


def test_what_no_longer_holds_cannot_be_signed(world: OrderWorld) -> None:
    """Gone at the broker, or unknown, or while the broker is away."""
    stranger(world, 3)
    world.turn(world.start())
    [identifier] = proposed(world)
    world.broker.is_away = True
    seen = view(desk_on(world), world.broker)
    assert (seen.compared, seen.locked, [row["proposal"] for row in seen.findings]) == (False, [CORN], [identifier])
    with pytest.raises(Unavailable):
        accept(desk_on(world), world.broker, identifier, Signature())
    world.broker.is_away = False
    del world.broker.fills[-1]
    assert "is gone" in refusal(accept(desk_on(world), world.broker, identifier, Signature()))
    assert "no proposal R0" in refusal(accept(desk_on(world), world.broker, "R0", Signature()))
    assert len(FillLedger(world.documents).since(0)) == 2


def test_what_a_human_recorded_by_hand_is_not_proposed_again(world: OrderWorld) -> None:
    """Positions agree, so the execution is shown and nothing is asked for."""
    stranger(world, 1)
    balance(desk_on(world), Balance("trend", CORN, JUN, "1", 77.0))
    [row] = view(desk_on(world), world.broker).findings
    assert (row["kind"], row["proposal"]) == ("execution", None)
    world.turn(world.start())
    assert Locks(world.documents).all() == []


def test_an_unknown_outcome_ends_by_a_named_human(world: OrderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the broker cannot say, nothing is sent again before; then the trade goes on."""
    world.broker.answers.append(Answer.NEVER_ARRIVED)
    world.decide(1)
    desk = world.start()

    def silent(_client_order_id: str) -> None:
        raise Unavailable("cannot say")

    with monkeypatch.context() as patch:
        patch.setattr(world.broker, "find", silent)
        for _ in range(5):
            world.turn(desk)
        [sent] = OrderStack(world.documents).active_brokers()
        assert (sent.status, len(world.broker.submissions)) == (BrokerStatus.UNKNOWN, 2)
        [identifier] = proposed(world)
        assert not isinstance(accept(desk_on(world), None, identifier, Signature()), Refused)
    ended = OrderStack(world.documents).get_broker(sent.client_order_id)
    assert ended is not None
    assert (ended.status, ended.why) == (BrokerStatus.CANCELLED, "ann: saw it")
    for _ in range(4):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 3})


def test_an_order_that_we_do_not_know_is_told_within_one_cycle(world: OrderWorld) -> None:
    """Also that it is gone; there is nothing to sign."""
    ticket = OrderTicket("X", CORN, (Leg(SEP, 5),), BrokerOrderType.LIMIT, 1.0)
    world.broker.orders["X"] = Standing(ticket, "B99", ReportedStatus.WORKING)
    desk = world.start()
    world.turn(desk)
    assert "strange-orders/B99" in world.notifier.keys_told()
    [row] = [one for one in view(desk_on(world), world.broker).findings if one["kind"] == "foreign order"]
    assert (row["proposal"], "B99" in row["found"]) == (None, True)
    del world.broker.orders["X"]
    world.turn(desk)
    assert world.notifier.keys_told("recovery") == ["strange-orders/B99"]


def test_an_order_that_ended_here_and_works_there_is_ended_there(world: OrderWorld) -> None:
    """And told."""
    [client_order_id, *_] = world.broker.orders
    stack = OrderStack(world.documents)
    order = stack.get_broker(client_order_id)
    assert order is not None
    stack.replace_broker(replace(order, status=BrokerStatus.CANCELLED))
    world.broker.orders[client_order_id].status = ReportedStatus.WORKING
    world.broker.orders[client_order_id].filled = -9
    desk = world.start()
    for _ in range(2):
        world.turn(desk)
    assert world.broker.open_orders() == []
    assert f"orphan/{client_order_id}" in world.notifier.keys_told()


def test_a_new_program_sends_nothing_before_it_has_compared(world: OrderWorld) -> None:
    """Start-up is recovery; and so is the return of a broker that was away, whichever method noticed."""
    world.decide(3)
    desk, now = world.start(), world.broker.now
    sent = len(world.broker.submissions)
    spawn_children_from_new_instrument_orders(desk, now)
    for _ in range(3):
        create_broker_orders_from_contract_orders(desk, now, base_currency="USD")
    assert len(world.broker.submissions) == sent
    world.turn(desk)
    assert len(world.broker.submissions) == sent + 1
    for _ in range(4):
        world.turn(desk)
    world.decide(4)
    world.broker.is_away = True
    world.turn(desk)
    world.broker.is_away = False
    spawn_children_from_new_instrument_orders(desk, now)
    create_broker_orders_from_contract_orders(desk, now, base_currency="USD")
    assert len(world.broker.submissions) == sent + 1
    world.settle()
    assert_sound(world, wanted={JUN: 9})


def test_an_order_that_the_broker_denies_after_it_took_it_waits_for_a_human(world: OrderWorld) -> None:
    """It is a contradiction, which is told; one that was never answered is settled by the broker's own word."""
    world.decide(9)
    desk = world.start()
    world.turn(desk)
    [sent] = OrderStack(world.documents).active_brokers()
    del world.broker.orders[sent.client_order_id]
    world.broker.fills[:] = [fill for fill in world.broker.fills if fill.client_order_id != sent.client_order_id]
    world.turn(desk)
    assert f"contradiction/{sent.client_order_id}" in world.notifier.keys_told()
    [identifier] = proposed(world)
    assert not isinstance(accept(desk_on(world), world.broker, identifier, Signature()), Refused)
    assert proposed(world) == []


@pytest.mark.parametrize("replaced", [False, True])
def test_an_order_that_comes_back_is_kept_unless_another_took_its_place(
    world: OrderWorld, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """A human signed that it was over, and was wrong: all that is wanted is traded, and never more."""
    world.broker.answers.append(Answer.LATE)
    world.decide(9)
    desk = world.start()
    world.turn(desk)
    monkeypatch.setattr(world.broker, "_fill_one", lambda _order: None)
    [identifier] = proposed(world)
    assert not isinstance(accept(desk_on(world), None, identifier, Signature()), Refused)
    [coming], world.broker.coming = world.broker.coming, []
    if replaced:
        world.turn(desk)
    world.broker.orders[coming.client_order_id] = Standing(coming, "B77", ReportedStatus.WORKING)
    world.turn(desk)
    live = OrderStack(world.documents).active_brokers()
    assert [order.client_order_id == coming.client_order_id for order in live] == [not replaced]
    assert f"orphan/{coming.client_order_id}" in world.notifier.keys_told()
    monkeypatch.undo()
    for _ in range(11):
        world.turn(desk)
    assert world.held() == {JUN: 11}
    assert FillLedger(world.documents).positions().contracts == {(CORN, JUN): 11}
