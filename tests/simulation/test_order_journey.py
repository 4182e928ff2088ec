"""The journey of an order, killed at every write and every call, with every answer that a broker can give."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sysproduction.domain.orders import Outcome
from sysproduction.domain.roll_states import RollState
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from tests.fakes import ProgramDied
from tests.rolling_market import JUN, SEP
from tests.simulation.exchange_of_one import Answer
from tests.simulation.order_world import CORN, AtStep, OrderWorld, assert_sound


@pytest.mark.parametrize("answer", [Answer.ACCEPT, Answer.LOST, Answer.NEVER_ARRIVED, Answer.LATE])
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, side: str, answer: Answer) -> None:
    """Whatever the broker answered to the first submission, a program that begins anew finishes the same trade."""
    number = 0
    while True:
        world = OrderWorld(tmp_path / str(number))
        world.broker.answers.append(answer)
        world.decide(3)
        fault = AtStep(number, side)
        desk = world.start(fault)
        try:
            for _ in range(12):
                world.turn(desk)
        except ProgramDied:
            world.advance()
            world.settle()
        assert_sound(world, wanted={JUN: 3})
        (order,) = OrderStack(world.documents).contracts_of("trend/CORN/day#3")
        assert order.outcome is Outcome.FILLED
        if not fault.struck:
            break
        number += 1
    assert number >= 12


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_forced_roll_killed_anywhere_is_made_once(tmp_path: Path, side: str) -> None:
    """The position moves to the forward contract as a whole, and strategies do not notice."""
    number = 0
    while True:
        world = OrderWorld(tmp_path / str(number))
        world.decide(2)
        world.settle()
        world.set_state(RollState.FORCE)
        fault = AtStep(number, side)
        desk = world.start(fault)
        try:
            for _ in range(12):
                world.turn(desk)
        except ProgramDied:
            world.advance()
            world.settle()
        assert_sound(world, wanted={SEP: 2})
        assert FillLedger(world.documents).positions().strategies == {("trend", CORN): 2}
        if not fault.struck:
            break
        number += 1
    assert number >= 10


@pytest.mark.parametrize(
    ("state", "held", "quantity", "wanted"),
    [
        (RollState.NO_ROLL, 2, 3, {JUN: 5}),
        (RollState.PASSIVE, 0, 2, {SEP: 2}),
        (RollState.PASSIVE, 2, 1, {JUN: 2, SEP: 1}),
        (RollState.PASSIVE, 2, -1, {JUN: 1}),
        (RollState.PASSIVE, 2, -5, {SEP: -3}),
        (RollState.NO_OPEN, 2, -1, {JUN: 1}),
        (RollState.CLOSE, 2, 0, {}),
        (RollState.FORCE_OUTRIGHT, 2, 0, {SEP: 2}),
    ],
)
def test_spawning_honours_the_roll_state(
    tmp_path: Path, state: RollState, held: int, quantity: int, wanted: dict[str, int]
) -> None:
    """Open in the forward contract and close in the priced one while the roll is passive; forced states roll."""
    world = OrderWorld(tmp_path)
    if held:
        world.decide(held)
        world.settle()
    world.set_state(state)
    if quantity:
        world.decide(quantity)
    world.settle()
    assert world.held() == wanted
    assert world.broker.wrong == []


def test_a_rejection_ends_the_order_and_is_told(tmp_path: Path) -> None:
    """It is not sent again, and a human knows."""
    world = OrderWorld(tmp_path)
    world.broker.answers.append(Answer.REJECT)
    world.decide(2)
    world.settle()
    assert world.held() == {}
    (order,) = OrderStack(world.documents).contracts_of("trend/CORN/day#2")
    assert (order.active, order.outcome) == (False, Outcome.REFUSED)
    assert sum(world.broker.submissions.values()) == 1
    assert any(alert.key.startswith("rejected/") for alert in world.notifier.alerts)


def test_an_unknown_outcome_ends_by_evidence_only(tmp_path: Path) -> None:
    """As long as the broker is silent nothing is sent again, for however long; its word settles it."""
    world = OrderWorld(tmp_path)
    world.broker.answers.append(Answer.NEVER_ARRIVED)
    world.decide(1)
    desk = world.start()
    world.turn(desk)
    world.broker.is_away = True
    for _ in range(50):
        world.turn(desk)
    assert sum(world.broker.submissions.values()) == 1
    world.broker.is_away = False
    world.settle()
    assert_sound(world, wanted={JUN: 1})


def test_a_position_that_nobody_knows_of_locks_the_instrument_until_it_is_gone(tmp_path: Path) -> None:
    """Nothing is sent meanwhile; the machine takes back only its own lock."""
    world = OrderWorld(tmp_path)
    world.decide(1)
    world.settle()
    stranger = world.broker.fills[0]
    world.broker.fills.append(replace(stranger, execution_id="X", client_order_id=None))
    desk = world.start()
    world.decide(2)
    for _ in range(5):
        world.turn(desk)
    assert world.held() == {JUN: 2}
    assert any(alert.key == f"break/{CORN}" for alert in world.notifier.alerts)
    assert any(alert.key.startswith("stranger/") for alert in world.notifier.alerts)
    del world.broker.fills[1]
    for _ in range(8):
        world.turn(desk)
    assert_sound(world, wanted={JUN: 3})


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_rejection_killed_anywhere_ends_the_order_once(tmp_path: Path, side: str) -> None:
    """Whatever was cut off, the order is refused, told, and not sent again."""
    number = 0
    while True:
        world = OrderWorld(tmp_path / str(number))
        world.broker.answers.append(Answer.REJECT)
        world.decide(2)
        fault = AtStep(number, side)
        desk = world.start(fault)
        try:
            for _ in range(8):
                world.turn(desk)
        except ProgramDied:
            world.advance()
            world.settle()
        assert_sound(world, wanted={})
        (order,) = OrderStack(world.documents).contracts_of("trend/CORN/day#2")
        assert order.outcome is Outcome.REFUSED
        assert world.broker.submissions.total() == 1
        assert any(alert.key.startswith("rejected/") for alert in world.notifier.alerts)
        if not fault.struck:
            break
        number += 1
    assert number >= 6


@pytest.mark.parametrize("answer", list(Answer))
@pytest.mark.parametrize("state", [RollState.FORCE, RollState.FORCE_OUTRIGHT])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_roll_killed_anywhere_is_whole_with_any_answer(
    tmp_path: Path, side: str, state: RollState, answer: Answer
) -> None:
    """As one order or as two: the first of them refused, lost, late or never arrived, the position moves once."""
    number = 0
    while True:
        world = OrderWorld(tmp_path / str(number))
        world.decide(2)
        world.settle()
        world.broker.answers.append(answer)
        world.set_state(state)
        fault = AtStep(number, side)
        desk = world.start(fault)
        try:
            for _ in range(14):
                world.turn(desk)
        except ProgramDied:
            world.advance()
            world.settle(16)
        assert_sound(world, wanted={SEP: 2})
        if not fault.struck:
            break
        number += 1
    assert number >= 10


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_cancel_killed_anywhere_is_asked_for_until_it_is_over(tmp_path: Path, side: str) -> None:
    """An order that nobody fills is cancelled after ten minutes and sent anew, once at a time."""
    number = 0
    while True:
        world = OrderWorld(tmp_path / str(number))
        world.broker.is_dry = True
        world.decide(2)
        world.turn(world.start())
        world.broker.now += timedelta(minutes=11)
        fault = AtStep(number, side)
        desk = world.start(fault)
        with suppress(ProgramDied):
            for _ in range(3):
                world.turn(desk)
        world.broker.is_dry = False
        world.broker.now += timedelta(minutes=2)
        world.settle()
        assert_sound(world, wanted={JUN: 2})
        if not fault.struck:
            break
        number += 1
    assert number >= 4
