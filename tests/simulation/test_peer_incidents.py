"""What went wrong elsewhere, replayed: each test is named by the program and the report in which it happened."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sysproduction.domain.broker import OrderReport
from sysproduction.domain.errors import AlreadyExists, OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.gate_facts import GateRules, KillState
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import InstrumentOrder, Leg, OrderType, Outcome, PlannedChild, size_of
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.evidence import process_fills_stack
from sysproduction.orders.removal import safe_stack_removal
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.kill_switch import KillSwitch, KillWord
from sysproduction.stores.order_controls import LockKind, Locks
from sysproduction.stores.order_stack import OrderStack
from tests.fakes import ProgramDied
from tests.rolling_market import JUN, NOW
from tests.simulation.exchange_of_one import Answer, ExchangeOfOne
from tests.simulation.order_world import CORN, OrderWorld, assert_sound

HOURS = 200
"""Turns of 20 seconds: more than an hour."""


@dataclass
class OddBroker(ExchangeOfOne):
    """A broker with the oddities of a real one: what it hides, forgets, or loses at this moment."""

    hides_executions: bool = False
    forgets: bool = False
    loses_modifications: bool = False
    modified: list[float] = field(default_factory=list)

    def executions(self, since):  # type: ignore[no-untyped-def]
        return [] if self.hides_executions else super().executions(since)

    def find(self, client_order_id: str) -> OrderReport | None:
        return None if self.forgets else super().find(client_order_id)

    def open_orders(self):  # type: ignore[no-untyped-def]
        return [] if self.forgets else super().open_orders()

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        if self.loses_modifications:
            self.modified.append(limit_price)
            raise OutcomeUnknown("the connection broke")
        return super().modify(client_order_id, limit_price)


@pytest.fixture
def world(tmp_path: Path) -> OrderWorld:
    """One instrument, and a broker with oddities."""
    return OrderWorld(tmp_path, broker=OddBroker(NOW))


def odd(world: OrderWorld) -> OddBroker:
    assert isinstance(world.broker, OddBroker)
    return world.broker


def turns(world: OrderWorld, desk: OrderDesk) -> None:
    """Some rounds of the stack handler."""
    for _ in range(10):
        world.turn(desk)


def submitted(world: OrderWorld) -> int:
    """Calls that the broker got."""
    return sum(world.broker.submissions.values())


def statuses(world: OrderWorld) -> list[BrokerStatus]:
    """Of everything that was ever sent."""
    found = [OrderStack(world.documents).get_broker(name) for name in sorted(world.broker.submissions)]
    return [order.status for order in found if order is not None]


def ledger_of(world: OrderWorld) -> FillLedger:
    return FillLedger(world.documents)


def test_hummingbot_493_a_timeout_is_not_a_failure(world: OrderWorld) -> None:
    """There, a submission whose answer came too late was sent again: two live orders."""
    world.broker.answers.append(Answer.LATE)
    world.decide(2)
    world.settle()
    assert submitted(world) == 1
    assert_sound(world, wanted={JUN: 2})


def test_nautilus_an_order_that_stays_unconfirmed_is_not_rejected(world: OrderWorld) -> None:
    """There, a submission without an answer became REJECTED after some tries: silence is no answer, however long."""
    world.broker.answers.append(Answer.LOST)
    world.broker.is_dry = True
    world.decide(1)
    desk = world.start()
    world.turn(desk)
    world.broker.is_away = True
    for _ in range(HOURS):
        world.turn(desk)
    assert not statuses(world)[0].is_terminal
    assert submitted(world) == 1
    world.broker.is_away = world.broker.is_dry = False
    world.settle()
    assert_sound(world, wanted={JUN: 1})


def test_hummingbot_an_order_that_is_not_found_three_times_is_not_failed(world: OrderWorld) -> None:
    """There, three answers `not found` made an order FAILED while it worked on; here a human is asked, and nothing is
    sent in its place."""
    world.broker.is_dry = True
    world.decide(1)
    desk = world.start()
    world.turn(desk)
    odd(world).forgets = True
    for _ in range(20):
        world.turn(desk)
    assert submitted(world) == 1
    assert not statuses(world)[0].is_terminal
    assert any(alert.key.startswith("contradiction/") for alert in world.notifier.alerts)
    odd(world).forgets = world.broker.is_dry = False
    world.settle()
    assert_sound(world, wanted={JUN: 1})


def test_freqtrade_what_cannot_be_fetched_at_the_start_is_not_cancelled(world: OrderWorld) -> None:
    """There, an order that could not be asked after at the start of the program counted as cancelled."""
    world.broker.is_dry = True
    world.decide(1)
    world.turn(world.start())
    world.broker.is_away = True
    desk = world.start()
    for _ in range(20):
        world.turn(desk)
    assert statuses(world) == [BrokerStatus.WORKING]
    world.broker.is_away = world.broker.is_dry = False
    world.settle()
    assert submitted(world) == 1
    assert_sound(world, wanted={JUN: 1})


def test_pysystemtrade_an_order_is_recorded_before_it_is_sent(world: OrderWorld) -> None:
    """There, a program that died after the submission left a live order that no database knew."""
    world.decide(1)

    def dies(side: str, operation: str, collection: str) -> None:
        if (side, operation) == ("after", "broker.submit"):
            raise ProgramDied

    desk = world.start(dies)
    with pytest.raises(ProgramDied):
        turns(world, desk)
    assert [OrderStack(world.documents).get_broker(name) is None for name in world.broker.orders] == [False]
    world.settle()
    assert submitted(world) == 1
    assert_sound(world, wanted={JUN: 1})


def test_pysystemtrade_two_writers_cannot_take_one_order_id(world: OrderWorld) -> None:
    """There, identifiers came from a counter that was read and then written, and orders were written back whole."""
    first, second = OrderStack(world.documents), OrderStack(world.documents)
    order = InstrumentOrder("trend", CORN, "day#1", 1, OrderType.MARKET, NOW, "me")
    first.insert_instrument(order)
    with pytest.raises(AlreadyExists):
        second.insert_instrument(order)
    one, other = world.start(), world.start()
    for _ in range(6):
        world.turn(one)
        world.turn(other)
    assert submitted(world) == 1
    assert_sound(world, wanted={JUN: 1})


@pytest.mark.parametrize("order_type", [OrderType.LIMIT, OrderType.PANIC, OrderType.MARKET])
def test_pysystemtrade_limit_and_panic_orders_pass_the_same_checks(world: OrderWorld, order_type: OrderType) -> None:
    """There, limit orders skipped the limits of size and panic orders every check."""
    world.decide(9)
    world.settle()
    world.broker.orders.clear()
    limit = 99.0 if order_type is OrderType.LIMIT else None
    order = InstrumentOrder("trend", CORN, "day#-9", -9, order_type, NOW, "me", limit)
    if order_type is OrderType.PANIC:
        order = replace(order, plan=(PlannedChild(1, (Leg(JUN, -9),), order_type, "market"),))
    OrderStack(world.documents).insert_instrument(order)
    KillSwitch(world.documents, world.run).set(KillWord(KillState.HALT, "me", NOW, "because"))
    turns(world, world.start())
    assert world.broker.orders == {}
    KillSwitch(world.documents, world.run).set(KillWord(KillState.NORMAL, "me", NOW, "because"))
    desk = replace(world.start(), rules=GateRules(size_max=4))
    for _ in range(3):
        turns(world, desk)
    sizes = [size_of(order.ticket.legs) for order in world.broker.orders.values()]
    assert max(sizes) <= 4
    assert sum(sizes) == 9
    assert world.held() == {}


def test_pysystemtrade_an_overfill_is_a_fact_and_not_ignored(world: OrderWorld) -> None:
    """There, a fill beyond the order was logged and left out of the positions."""
    world.decide(2)
    world.settle()
    last = world.broker.fills[-1]
    world.broker.fills.append(replace(last, execution_id="more", at=world.broker.now))
    world.settle()
    assert world.held() == {JUN: 3}
    assert ledger_of(world).positions().contracts == {(CORN, JUN): 3}
    assert ledger_of(world).positions().strategies == {("trend", CORN): 3}


def test_nautilus_4564_an_amendment_without_connection_makes_no_second_order(world: OrderWorld) -> None:
    """There, an order that was amended while the connection was lost became two live orders; the hidden one was filled
    six hours later."""
    odd(world).loses_modifications = world.broker.is_dry = True
    world.decide(1, order_type=OrderType.BEST)
    desk = world.start()
    for _ in range(25):
        world.turn(desk)
    assert odd(world).modified
    assert len(world.broker.open_orders()) == 1
    world.broker.is_dry = False
    world.settle()
    assert submitted(world) == 1
    assert_sound(world, wanted={JUN: 1})


def test_lean_ib_249_fills_during_a_disconnect_are_found_afterwards(world: OrderWorld) -> None:
    """There, what was filled while the gateway was away never reached the ledger."""
    world.decide(3)
    desk = world.start()
    world.turn(desk)
    world.broker.is_away = True
    for _ in range(HOURS):
        world.turn(desk)
    assert ledger_of(world).positions().contracts != {(CORN, JUN): 3}
    world.broker.is_away = False
    for _ in range(4):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 3})


def test_lean_ib_242_what_was_sent_into_a_restart_is_traded_once(world: OrderWorld) -> None:
    """There, eight requests that were sent in the second of the nightly restart were lost."""
    world.broker.answers += [Answer.NEVER_ARRIVED] * 8
    for number in range(1, 9):
        world.decide(number)
    world.settle(40)
    assert world.held() == {JUN: 36}
    assert ledger_of(world).positions().contracts == {(CORN, JUN): 36}
    assert all(calls == 1 for calls in world.broker.submissions.values())


def test_lean_ib_246_a_broker_that_is_away_is_not_well(world: OrderWorld) -> None:
    """There, the heartbeat counted `disconnected` as healthy, and three days of rejections were seen by nobody."""
    world.broker.answers += [Answer.REJECT] * 3
    for number in (1, 2, 3):
        world.decide(number)
    world.settle()
    assert len({alert.key for alert in world.notifier.alerts if alert.key.startswith("rejected/")}) == 3
    world.broker.is_away = True
    desk = world.start()
    with pytest.raises(Unavailable):
        process_fills_stack(desk, world.broker.now)
    assert desk.memory.reconciled is False


def test_nautilus_4736_a_warm_restart_invents_no_fill(world: OrderWorld) -> None:
    """There, reconciliation at the start made up an opposite fill, and the strategy believed that it was flat."""
    world.decide(2)
    world.settle()
    before = ledger_of(world).since(0)
    hidden, world.broker.fills = world.broker.fills, []
    desk = world.start()
    for _ in range(10):
        world.turn(desk)
    assert ledger_of(world).since(0) == before
    assert ledger_of(world).positions().strategies == {("trend", CORN): 2}
    assert [lock.kind for lock in Locks(world.documents).of(CORN)] == [LockKind.BREAK]
    world.broker.fills = hidden
    for _ in range(3):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 2})


def test_nautilus_5000_a_restart_drops_no_working_order(world: OrderWorld) -> None:
    """There, a restart after SIGKILL forgot fourteen orders that worked."""
    world.broker.is_dry = True
    for number in range(1, 15):
        world.decide(number)
    world.turn(world.start())
    assert len(world.broker.open_orders()) == 14
    for _ in range(3):
        world.turn(world.start())
    assert (
        len(OrderStack(world.documents).active_brokers()) == len(world.broker.open_orders()) == submitted(world) == 14
    )
    world.broker.is_dry = False
    world.settle(20)
    assert ledger_of(world).positions().contracts == {(CORN, JUN): 105}
    assert world.held() == {JUN: 105}


def test_nautilus_3176_a_restart_doubles_no_order(world: OrderWorld) -> None:
    """There, a program that began again submitted what already worked."""
    world.broker.is_dry = True
    world.decide(3)
    for _ in range(10):
        world.turn(world.start())
    assert submitted(world) == len(world.broker.open_orders()) == 1
    world.broker.is_dry = False
    world.settle()
    assert_sound(world, wanted={JUN: 3})


def test_knight_orders_that_are_not_seen_as_filled_are_not_sent_again(world: OrderWorld) -> None:
    """There, a router did not see that its orders were filled, and sent 212 parents' children four million times."""
    odd(world).hides_executions = True
    world.decide(3)
    desk = world.start()
    for _ in range(HOURS):
        world.turn(desk)
    assert submitted(world) == 1
    assert sum(size_of(order.ticket.legs) for order in world.broker.orders.values()) == 3
    odd(world).hides_executions = False
    for _ in range(40):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 3})


def test_ib4m_80_an_execution_told_under_two_identifiers_is_a_break(world: OrderWorld) -> None:
    """There, one execution came twice under different identifiers; the positions tell that something is wrong, and
    nothing more is traded."""
    world.decide(1)
    world.settle()
    twin = replace(world.broker.fills[0], execution_id="twin", at=world.broker.now)
    told, broker = world.broker.fills, odd(world)
    desk = world.start()

    def positions():  # type: ignore[no-untyped-def]
        return ExchangeOfOne.positions(replace(broker, fills=told[:1]))

    broker.positions = positions  # type: ignore[method-assign]
    told.append(twin)
    world.decide(2)
    for _ in range(6):
        world.turn(desk)
    assert [lock.kind for lock in Locks(world.documents).of(CORN)] == [LockKind.BREAK]
    assert submitted(world) == 1


def test_ib_a_corrected_execution_replaces_the_earlier_one(world: OrderWorld) -> None:
    """An execution whose identifier changes after its last dot only is the same one, told better."""
    world.decide(2)
    world.settle()
    first = world.broker.fills[0]
    world.broker.fills[0] = replace(first, revision=1, price=101.5, at=world.broker.now)
    for _ in range(2):
        world.settle()
    assert_sound(world, wanted={JUN: 2})
    prices = [fill.price for fill in ledger_of(world).of_execution(first.account, first.execution_id)]
    assert prices == [100.0, 101.5]


def test_pysystemtrade_an_order_that_is_not_at_the_broker_is_not_taken_for_cancelled(world: OrderWorld) -> None:
    """There, the end of the day assumed that what it did not find was cancelled, and forgot it."""
    world.broker.is_dry = True
    world.decide(1)
    desk = world.start()
    world.turn(desk)
    odd(world).forgets = True
    seconds = iter(range(0, 10_000, 10))
    safe_stack_removal(
        desk, now=lambda: world.broker.now, monotonic=lambda: float(next(seconds)), sleep=lambda _seconds: None
    )
    assert not statuses(world)[0].is_terminal
    assert any(alert.key == "removal" for alert in world.notifier.alerts)
    (order,) = OrderStack(world.documents).contracts_of("trend/CORN/day#1")
    assert order.active


def test_pysystemtrade_a_kill_between_fill_and_position_changes_neither(world: OrderWorld) -> None:
    """There, positions were written beside fills: a kill in between lost a trade, or counted it twice."""
    world.decide(3)

    def dies(side: str, operation: str, collection: str) -> None:
        if (side, operation, collection) == ("after", "insert", "fills"):
            raise ProgramDied

    for _ in range(3):
        desk = world.start(dies)
        with pytest.raises(ProgramDied):
            turns(world, desk)
        world.advance()
    world.settle()
    assert_sound(world, wanted={JUN: 3})
    (order,) = OrderStack(world.documents).contracts_of("trend/CORN/day#3")
    assert order.outcome is Outcome.FILLED
