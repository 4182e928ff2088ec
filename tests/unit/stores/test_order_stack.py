"""Orders come back from the stack as they went in, are decided once and never overwritten unseen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import (
    AlgoPhase,
    AlgoState,
    BrokerOrder,
    BrokerOrderType,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
    Outcome,
    PlannedChild,
    Reference,
    client_order_id,
)
from sysproduction.stores.order_stack import OrderStack

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
SEEN = Reference(450.25, "20241200", AT)
LEGS = (Leg("20241200", -2), Leg("20250300", 2))
WANTED = InstrumentOrder("trend", "CORN", "2024-05-01#ab12", 3, OrderType.BEST, AT, "generator", reference=SEEN)
CHILD = ContractOrder(WANTED.order_id, 1, "trend", "CORN", LEGS, OrderType.BEST, "best", 450.0, SEEN, generated_at=AT)
SENT = BrokerOrder(CHILD.order_id, 1, WANTED.order_id, "trend", "CORN", LEGS, BrokerOrderType.LIMIT, AT, 450.0)


@pytest.fixture
def stack() -> OrderStack:
    return OrderStack(MemoryDocuments())


def test_every_field_of_an_instrument_order_survives(stack: OrderStack) -> None:
    """What is read equals what was stored, plan, outcome and version included."""
    stored = stack.insert_instrument(WANTED)
    assert stored == replace(WANTED, version=1)
    plan = (
        PlannedChild(1, LEGS, OrderType.LIMIT, "limit", 450.0, SEEN),
        PlannedChild(2, LEGS[:1], OrderType.ROLL, "x"),
    )
    done = replace(stored, plan=plan, active=False, completed_at=AT, outcome=Outcome.PARTLY_FILLED, why="expired")
    assert stack.replace_instrument(done) == replace(done, version=2) == stack.get_instrument(WANTED.order_id)
    assert isinstance(stack.get_instrument(WANTED.order_id).outcome, Outcome)


def test_every_field_of_contract_and_broker_orders_survives(stack: OrderStack) -> None:
    """What is read equals what was stored, the algorithm's memory and the status included."""
    child = stack.insert_contract(CHILD)
    stepped = replace(child, algo_state=AlgoState(AlgoPhase.AGGRESSIVE, AT, 450.0, 450.25), outcome=Outcome.FILLED)
    assert stack.replace_contract(stepped) == replace(stepped, version=2) == stack.get_contract(CHILD.order_id)
    sent = stack.insert_broker(SENT)
    working = replace(sent, status=BrokerStatus.WORKING, broker_id="77", why="acknowledged")
    assert stack.replace_broker(working) == replace(working, version=2) == stack.get_broker(SENT.client_order_id)
    assert isinstance(stack.get_broker(SENT.client_order_id).status, BrokerStatus)


def test_a_decision_a_child_and_an_attempt_exist_once(stack: OrderStack) -> None:
    """The same order again is refused by the store, whatever else is in it."""
    for insert, order in (
        (stack.insert_instrument, WANTED),
        (stack.insert_contract, CHILD),
        (stack.insert_broker, SENT),
    ):
        insert(order)
        with pytest.raises(AlreadyExists):
            insert(replace(order, why="again"))


def test_of_two_writers_the_second_is_told(stack: OrderStack) -> None:
    """A replacement that starts from an old version is a Conflict, on every level."""
    for insert, replace_order, order in (
        (stack.insert_instrument, stack.replace_instrument, WANTED),
        (stack.insert_contract, stack.replace_contract, CHILD),
        (stack.insert_broker, stack.replace_broker, SENT),
    ):
        stored = insert(order)
        replace_order(stored)
        with pytest.raises(Conflict):
            replace_order(stored)


def test_what_is_done_leaves_the_active_lists_and_nothing_else(stack: OrderStack) -> None:
    """An order that is not active is still found by its identifier and below its parent."""
    order = stack.insert_instrument(WANTED)
    child = stack.insert_contract(CHILD)
    sent = stack.insert_broker(SENT)
    assert stack.active_instruments() == [order] == stack.active_instruments("trend", "CORN")
    assert stack.active_contracts(instrument="CORN") == [child]
    assert stack.active_contracts("carry") == []
    assert stack.active_brokers("trend") == [sent]
    assert stack.active_brokers(instrument="GOLD") == []
    stack.replace_instrument(replace(order, active=False))
    stack.replace_contract(replace(child, active=False))
    stack.replace_broker(replace(sent, active=False))
    assert stack.active_instruments() == stack.active_contracts() == stack.active_brokers() == []
    assert [one.number for one in stack.contracts_of(WANTED.order_id)] == [1]
    assert [one.attempt for one in stack.brokers_of(CHILD.order_id)] == [1]
    assert [one.attempt for one in stack.brokers_of_instrument(WANTED.order_id)] == [1]


def test_children_come_in_the_order_of_their_numbers(stack: OrderStack) -> None:
    """Also beyond nine, where text would sort otherwise."""
    for number in (10, 2, 1):
        stack.insert_contract(replace(CHILD, number=number))
        stack.insert_broker(replace(SENT, attempt=number))
    assert [one.number for one in stack.contracts_of(WANTED.order_id)] == [1, 2, 10]
    assert [one.attempt for one in stack.brokers_of(CHILD.order_id)] == [1, 2, 10]
    assert [one.attempt for one in stack.active_brokers()] == [1, 2, 10]


def test_what_was_sent_counts_from_its_moment_on_but_for_what_the_broker_never_had(stack: OrderStack) -> None:
    """Cancelled and rejected orders were sent too; the bound is included; strategy and instrument narrow it."""
    statuses = (BrokerStatus.REJECTED, BrokerStatus.CANCELLED, BrokerStatus.ABSENT, BrokerStatus.WORKING)
    for minutes, status in enumerate(statuses):
        at = AT + timedelta(minutes=minutes)
        stack.insert_broker(replace(SENT, attempt=minutes + 1, submitted_at=at, status=status))
    assert [order.attempt for order in stack.sent_since(AT)] == [1, 2, 4]
    assert [order.attempt for order in stack.sent_since(AT + timedelta(minutes=1), "CORN", "trend")] == [2, 4]
    assert stack.sent_since(AT, "GOLD") == stack.sent_since(AT, strategy="carry") == []


def test_client_order_ids_derive_from_the_attempt_and_fit_a_reference_field() -> None:
    """Twenty characters, the same each time, another for each attempt and parent."""
    assert SENT.client_order_id == client_order_id("trend/CORN/2024-05-01#ab12/1", 1)
    assert SENT.client_order_id.startswith("SP")
    assert len(SENT.client_order_id) == 20
    several = {client_order_id(parent, attempt) for parent in ("a/1", "a/11") for attempt in (1, 2, 11)}
    assert len(several) == 6
