"""What an operator types about orders, on stores in memory and a stack handler that works on them."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from sysproduction.control import hand_fills, order_entry
from sysproduction.control.hand_fills import Balance, HandFill
from sysproduction.control.order_entry import EntryDesk, Trade
from sysproduction.control.panic import panic
from sysproduction.domain.errors import OutcomeUnknown, Refused
from sysproduction.domain.fills import Positions
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import OrderType, Outcome
from sysproduction.domain.panic import closing_legs
from sysproduction.orders.breaks import check_external_position_break
from sysproduction.orders.routing import create_broker_orders_from_contract_orders
from sysproduction.orders.spawning import spawn_children_from_new_instrument_orders
from sysproduction.stores import audit
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.kill_switch import KillWord
from sysproduction.stores.order_stack import OrderStack
from tests.fakes import FaultyDocuments, OnWrite, ProgramDied
from tests.rolling_market import JUN, NOW, SEP
from tests.simulation.exchange_of_one import Answer
from tests.simulation.order_world import CORN, AtStep, OrderWorld, assert_sound


@pytest.fixture
def world(tmp_path: Path) -> OrderWorld:
    """CORN with two living contracts and one that has expired."""
    made = OrderWorld(tmp_path)
    for contract, expiry in ((JUN, date(2024, 6, 14)), (SEP, date(2024, 9, 14)), ("20240300", date(2024, 3, 14))):
        Contracts(made.documents).put(ContractRecord(CORN, contract, True, expiry, False, NOW, NOW))
    return made


def desk_on(world: OrderWorld, why: str = "because") -> EntryDesk:
    return EntryDesk(world.documents, world.series, ["trend", "carry"], "ann", world.broker.now, why)


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


def test_a_manual_trade_is_made_once_and_audited(world: OrderWorld) -> None:
    """It is filled like any other; the same command again on the same day is refused, another reason is another one."""
    order = order_entry.trade(desk_on(world), Trade("trend", CORN, "-2", OrderType.MARKET))
    assert not isinstance(order, Refused)
    assert "ordered today already" in refusal(
        order_entry.trade(desk_on(world), Trade("trend", CORN, "-2", OrderType.MARKET))
    )
    world.settle()
    assert_sound(world, wanted={JUN: -2})
    told = [(e.who, e.what, e.why) for e in audit.read(world.documents, subject=order.order_id) if e.who == "ann"]
    assert told[0] == ("ann", "manual trade", "because")
    again = order_entry.trade(desk_on(world, "and more"), Trade("trend", CORN, "-2", OrderType.MARKET))
    assert not isinstance(again, Refused)


def test_a_limit_of_the_priced_contract_travels_to_the_broker(world: OrderWorld) -> None:
    """To the contract that is traded, rounded to its tick."""
    order = order_entry.trade(desk_on(world), Trade("trend", CORN, "1", OrderType.LIMIT, 99.9))
    assert not isinstance(order, Refused)
    world.turn(world.start())
    [ticket] = [one.ticket for one in world.broker.orders.values()]
    assert ticket.limit_price == 99.75


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Trade("trend", CORN, "0"), "whole number other than 0"),
        (Trade("trend", CORN, "1.5"), "whole number"),
        (Trade("trend", CORN, "many"), "whole number"),
        (Trade("trend", CORN, "99999999"), "whole number other than 0"),
        (Trade("trned", CORN, "1"), "no strategy trned (carry, trend)"),
        (Trade("trend", "CRON", "1"), "CRON"),
        (Trade("trend", CORN, "1", OrderType.LIMIT), "--limit"),
        (Trade("trend", CORN, "1", OrderType.LIMIT, float("nan")), "write a number"),
        (Trade("trend", CORN, "1", OrderType.MARKET, 100.0), "takes no --limit"),
        (Trade("trend", CORN, "1", OrderType.PANIC), "not panic"),
    ],
)
def test_a_bad_manual_trade_is_refused_and_nothing_is_stored(world: OrderWorld, wanted: Trade, words: str) -> None:
    """With the reason in words."""
    assert words in refusal(order_entry.trade(desk_on(world), wanted))
    assert OrderStack(world.documents).active_instruments() == []
    [entry] = audit.read(world.documents)
    assert (entry.who, entry.what, words in entry.details["reason"]) == ("ann", "manual trade: refused", True)


@pytest.mark.parametrize("level", ["instrument", "contract", "broker"])
def test_a_cancelled_order_ends_with_what_was_filled(world: OrderWorld, level: str) -> None:
    """Whichever level was named: one contract of five is filled, then nothing works and nothing more is sent."""
    world.decide(5)
    desk = world.start()
    world.turn(desk)
    stack = desk.stores.stack
    [sent] = stack.active_brokers()
    named = {"instrument": sent.instrument_order, "contract": sent.parent, "broker": sent.client_order_id}[level]
    assert not isinstance(order_entry.cancel(desk_on(world), named), Refused)
    assert "already" in refusal(order_entry.cancel(desk_on(world), named))
    for _ in range(4):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 1})
    [child] = stack.contracts_of("trend/CORN/day#5")
    family = stack.get_instrument("trend/CORN/day#5")
    assert family is not None
    assert (child.outcome, family.outcome) == (Outcome.PARTLY_FILLED, Outcome.PARTLY_FILLED)
    assert stack.end_wishes.all() == {}
    assert "has ended" in refusal(order_entry.cancel(desk_on(world), named))
    assert "no order" in refusal(order_entry.cancel(desk_on(world), "trend/CORN/nothing"))


def test_a_cancel_passes_a_halt_and_an_order_that_was_not_spawned_just_ends(world: OrderWorld) -> None:
    """The kill switch stops orders, not their end."""
    world.run.mkdir(exist_ok=True)
    world.decide(5)
    desk = world.start()
    world.turn(desk)
    desk.stores.kill_switch.set(KillWord(KillState.HALT, "ann", NOW, "x"))
    world.decide(7, strategy="carry")
    for order_id in ("trend/CORN/day#5", "carry/CORN/day#7"):
        assert not isinstance(order_entry.cancel(desk_on(world), order_id), Refused)
    for _ in range(3):
        world.turn(desk)
    assert world.broker.open_orders() == []
    never = desk.stores.stack.get_instrument("carry/CORN/day#7")
    assert never is not None
    assert (never.outcome, never.plan) == (Outcome.UNFILLED, None)


def test_a_balance_trade_moves_both_position_tables_once(world: OrderWorld) -> None:
    """It has an archived family, nothing is sent, and the command that was cut off may be given again."""
    made = hand_fills.balance(desk_on(world), Balance("trend", CORN, JUN, "3", 101.5))
    assert not isinstance(made, Refused)
    assert made.by == "ann"
    assert "on record" in refusal(hand_fills.balance(desk_on(world), Balance("trend", CORN, JUN, "3", 101.5)))
    held = FillLedger(world.documents).positions()
    assert (dict(held.strategies), dict(held.contracts)) == ({("trend", CORN): 3}, {(CORN, JUN): 3})
    family = OrderStack(world.documents).get_instrument(made.instrument_order or "")
    assert family is not None
    assert (family.active, family.outcome) == (False, Outcome.FILLED)
    assert world.broker.orders == {}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Balance("trend", CORN, "20240300", "3", 1.0), "expired"),
        (Balance("trend", CORN, "20241100", "3", 1.0), "no contract"),
        (Balance("trend", CORN, "June", "3", 1.0), "expected YYYYMM00"),
        (Balance("trend", CORN, JUN, "0.5", 1.0), "whole number"),
        (Balance("trend", CORN, JUN, "1", float("inf")), "write a number"),
        (Balance("_ROLL", CORN, JUN, "1", 1.0), "no strategy _ROLL"),
    ],
)
def test_a_bad_balance_trade_is_refused_and_nothing_is_recorded(world: OrderWorld, wanted: Balance, words: str) -> None:
    """Unknown, expired, malformed."""
    assert words in refusal(hand_fills.balance(desk_on(world), wanted))
    assert FillLedger(world.documents).since(0) == []


def test_what_is_held_of_an_expired_contract_can_be_settled_but_not_more(world: OrderWorld) -> None:
    """As a cash settlement does."""
    early = replace(desk_on(world), now=NOW - timedelta(days=70))
    assert not isinstance(hand_fills.balance(early, Balance("trend", CORN, "20240300", "2", 1.0)), Refused)
    assert "expired" in refusal(hand_fills.balance(desk_on(world), Balance("trend", CORN, "20240300", "-3", 1.0)))
    assert not isinstance(hand_fills.balance(desk_on(world), Balance("trend", CORN, "20240300", "-2", 1.0)), Refused)
    assert FillLedger(world.documents).positions() == Positions()


def test_a_fill_by_hand_is_the_same_fact_as_the_brokers_word_on_it(world: OrderWorld) -> None:
    """An order of unknown outcome is filled by hand under the broker's execution id; its word later adds nothing."""
    world.broker.answers.append(Answer.LOST)
    world.decide(1)
    desk = world.start()
    check_external_position_break(desk, world.broker.now)
    spawn_children_from_new_instrument_orders(desk, world.broker.now)
    create_broker_orders_from_contract_orders(desk, world.broker.now, base_currency="USD")
    world.advance()
    world.broker.is_away = True
    [sent] = desk.stores.stack.active_brokers()
    assert sent.status is BrokerStatus.UNKNOWN
    [told] = world.broker.fills
    key = sent.client_order_id
    made = hand_fills.fill(desk_on(world), HandFill(key, "1", told.price, None, told.execution_id, told.account))
    assert not isinstance(made, Refused)
    stored = desk.stores.stack.get_broker(key)
    assert stored is not None
    assert stored.status is BrokerStatus.FILLED
    world.broker.is_away = False
    world.settle()
    assert_sound(world, wanted={JUN: 1})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_order_id": "SP?"}, "no broker order"),
        ({"quantity": "-1"}, "is left of"),
        ({"quantity": "3"}, "is left of"),
        ({"quantity": "0"}, "whole number"),
        ({"contract": SEP}, "--contract"),
        ({"price": float("nan")}, "write a number"),
        ({"execution_id": "E7"}, "go together"),
    ],
)
def test_a_bad_fill_by_hand_is_refused(world: OrderWorld, changes: dict[str, object], words: str) -> None:
    """Beyond what is left, of the wrong sign, in another contract, of no order."""
    world.broker.answers.append(Answer.NEVER_ARRIVED)
    world.decide(2)
    world.turn(world.start())
    sent = OrderStack(world.documents).brokers_of("trend/CORN/day#2/1")[0]
    wanted = replace(HandFill(sent.client_order_id, "1", 100.0), **changes)  # type: ignore[arg-type]
    assert words in refusal(hand_fills.fill(desk_on(world), wanted))
    assert FillLedger(world.documents).since(0) == []


def test_a_working_order_is_not_filled_by_hand(world: OrderWorld) -> None:
    """The broker tells of its fills."""
    world.decide(5)
    world.turn(world.start())
    [sent] = OrderStack(world.documents).active_brokers()
    assert "cancel it first" in refusal(hand_fills.fill(desk_on(world), HandFill(sent.client_order_id, "1", 100.0)))


def test_panic_flattens_what_is_held_through_the_gate(world: OrderWorld) -> None:
    """Both strategies and both contracts come to nothing, what was working is cancelled, a second panic is refused."""
    world.decide(3)
    world.decide(-1, strategy="carry")
    world.settle()
    desk = world.start()
    world.decide(9)
    world.turn(desk)
    assert "HALT" in refusal(panic(desk_on(world), KillState.HALT))
    orders = panic(desk_on(world), KillState.NORMAL)
    assert not isinstance(orders, Refused)
    assert {order.order_type for order in orders} == {OrderType.PANIC}
    assert "no panic order" in refusal(panic(desk_on(world), KillState.NORMAL, CORN))
    for _ in range(10):
        world.turn(desk)
    if not isinstance(panic(desk_on(world), KillState.NORMAL, CORN), Refused):
        for _ in range(10):
            world.turn(desk)
    held = FillLedger(world.documents).positions()
    assert held == Positions()
    assert world.held() == {}
    assert world.broker.open_orders() == []
    assert "GOLD" in refusal(panic(desk_on(world), KillState.NORMAL, "GOLD"))


@pytest.mark.parametrize(
    ("strategies", "contracts"),
    [
        ({"trend": 3}, {JUN: 2, SEP: 1}),
        ({"trend": 3, "carry": -1}, {JUN: 2}),
        ({"trend": 2}, {JUN: 3, SEP: -1}),
        ({}, {JUN: 2, SEP: -2}),
        ({"trend": 2, "carry": -2}, {}),
    ],
)
def test_closing_legs_bring_every_contract_and_every_strategy_to_nothing(
    strategies: dict[str, int], contracts: dict[str, int]
) -> None:
    """However strategies and contracts are spread; without a contract there is nothing to trade."""
    held = Positions(
        {(name, CORN): quantity for name, quantity in strategies.items()},
        {(CORN, contract): quantity for contract, quantity in contracts.items()},
    )
    legs = closing_legs(held, CORN)
    if not contracts:
        assert legs == {}
        return
    by_strategy = {name: sum(leg.quantity for leg in some) for name, some in legs.items()}
    assert {name: -by_strategy[name] for name in strategies} == strategies
    for contract, quantity in contracts.items():
        assert sum(leg.quantity for some in legs.values() for leg in some if leg.contract == contract) == -quantity


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_cancel_killed_anywhere_is_finished_by_the_next_program(tmp_path: Path, side: str) -> None:
    """Also when it died between storing that it asks and asking."""
    number = 0
    while True:
        made = OrderWorld(tmp_path / str(number))
        made.decide(9)
        made.turn(made.start())
        assert not isinstance(order_entry.cancel(desk_on(made), "trend/CORN/day#9"), Refused)
        fault = AtStep(number, side)
        desk = made.start(fault)
        try:
            for _ in range(4):
                made.turn(desk)
        except ProgramDied:
            made.settle(4)
        assert made.broker.open_orders() == []
        assert 1 <= made.held()[JUN] <= 3
        assert_sound(made, wanted=made.held())
        if not fault.struck:
            break
        number += 1
    assert number >= 5


def test_a_cancel_without_an_answer_is_asked_again(world: OrderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """After half a minute, not at every turn."""
    world.decide(9)
    desk = world.start()
    world.turn(desk)
    order_entry.cancel(desk_on(world), "trend/CORN/day#9")
    asked, cancel = [], world.broker.cancel

    def deaf(client_order_id: str) -> Refused | None:
        asked.append(world.broker.now)
        if len(asked) == 1:
            raise OutcomeUnknown("no answer")
        return cancel(client_order_id)

    monkeypatch.setattr(world.broker, "cancel", deaf)
    for _ in range(6):
        world.turn(desk)
    assert [(later - asked[0]).total_seconds() for later in asked] == [0.0, 40.0]
    assert_sound(world, wanted={JUN: 3})


def test_a_panic_of_opposite_strategies_reduces_first(world: OrderWorld) -> None:
    """At REDUCE the part that only closes the contract passes; what two strategies have against each other stays."""
    world.decide(3)
    world.decide(-1, strategy="carry")
    world.settle()
    desk = world.start()
    world.run.mkdir(exist_ok=True)
    assert desk.stores.kill_switch.set(KillWord(KillState.REDUCE, "ann", NOW, "x")) is None
    assert not isinstance(panic(desk_on(world), KillState.REDUCE), Refused)
    for _ in range(10):
        world.turn(desk)
    assert world.held() == {}
    held = FillLedger(world.documents).positions()
    assert (dict(held.contracts), dict(held.strategies)) == ({}, {("carry", CORN): -1, ("trend", CORN): 1})


def test_a_panic_that_was_cut_off_is_completed_by_the_next(world: OrderWorld) -> None:
    """Each strategy gets its order once, under one number."""
    world.decide(3)
    world.decide(2, strategy="carry")
    world.settle()
    documents = FaultyDocuments(world.documents, OnWrite(3, ProgramDied()))
    with pytest.raises(ProgramDied):
        panic(replace(desk_on(world), documents=documents), KillState.NORMAL)
    [first] = OrderStack(world.documents).active_instruments()
    orders = panic(desk_on(world), KillState.NORMAL)
    assert not isinstance(orders, Refused)
    assert [order.order_id for order in (first, *orders)] == ["carry/CORN/panic-1", "trend/CORN/panic-1"]
    for _ in range(2):
        world.settle()
    assert world.held() == {}
    assert FillLedger(world.documents).positions() == Positions()
