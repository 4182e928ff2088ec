"""Folds of fills give one answer for any order and repetition of the same facts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.fills import (
    Fill,
    Positions,
    applied,
    average_prices,
    commission_of,
    filled,
    is_complete,
    latest,
    positions,
    spread_price,
    unfilled,
)
from sysproduction.domain.orders import Leg
from tests.fill_tapes import fill, tapes

BUY_TWO_SELL_ONE = (Leg("20241200", 2), Leg("20250300", -1))


def told(facts: list[Fill]) -> dict[tuple[str, str], int]:
    """Contract positions the long way: the last revision of each execution, one at a time."""
    table: dict[tuple[str, str], int] = {}
    for execution in {fact.execution for fact in facts}:
        last = max((fact for fact in facts if fact.execution == execution), key=lambda fact: fact.revision)
        table[last.instrument, last.contract] = table.get((last.instrument, last.contract), 0) + last.quantity
    return {key: quantity for key, quantity in table.items() if quantity}


def check(facts: list[Fill], tape: list[Fill], cut: int) -> None:
    """One answer for the facts and for the tape, at once or in two parts."""
    expected = positions(facts)
    assert expected.contracts == told(facts)
    assert positions(tape) == expected
    assert (filled(tape), average_prices(tape)) == (filled(facts), average_prices(facts))
    held, counting = Positions(), dict[str, Fill]()
    for part in (tape[:cut], tape[cut:]):
        changes = [(one, counting.get(one.execution)) for one in latest(part)]
        held = applied(held, changes)
        counting = {one.execution: one for one in latest([*counting.values(), *part])}
    assert held == expected
    assert sum(expected.strategies.values()) == sum(expected.contracts.values())


@given(tapes(), st.integers(0, 20))
def test_any_permutation_duplication_and_correction_of_a_tape_gives_one_position(
    told_by: tuple[list[Fill], list[Fill]], cut: int
) -> None:
    """Positions, quantities and averages do not depend on how often and in which order fills are told."""
    check(*told_by, cut)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(tapes(), st.integers(0, 20))
def test_a_hundred_thousand_tapes(told_by: tuple[list[Fill], list[Fill]], cut: int) -> None:
    """The same over 100,000 tapes."""
    check(*told_by, cut)


def test_the_last_revision_counts_and_zero_takes_an_execution_back() -> None:
    """A corrected quantity replaces the first; an execution that was taken back leaves nothing, not even its key."""
    first = fill(quantity=5)
    smaller, gone = replace(first, revision=1, quantity=3), replace(first, revision=2, quantity=0)
    assert positions([smaller, first]).strategies == {("trend", "CORN"): 3}
    assert positions([gone, first, smaller]) == Positions()
    assert (filled([gone, first]), average_prices([gone, first])) == ({}, {})


def test_a_correction_may_move_a_fill_to_another_contract() -> None:
    """What counted before is taken out where it was."""
    first = fill(quantity=2)
    moved = replace(first, revision=1, contract="20250300")
    assert applied(positions([first]), [(moved, first)]).contracts == {("CORN", "20250300"): 2}


def test_equal_execution_ids_of_two_accounts_are_two_executions() -> None:
    """Identity is the account and the execution."""
    assert positions([fill(), fill(account="DU2")]).of_instrument("CORN") == 2


def test_averages_are_weighted_by_quantity_and_exact_in_any_order() -> None:
    """Ten fills at prices that floats cannot hold give the same average forwards and backwards."""
    several = [fill(f"e{n}", n + 1, price=0.1 * n + 0.7) for n in range(10)]
    assert average_prices(several) == average_prices(several[::-1])
    assert average_prices([fill("a", 1, price=10.0), fill("b", 3, price=14.0)]) == {"20241200": 13.0}
    assert commission_of([fill("a", commission=0.1), fill("b", commission=0.2), fill("a", commission=0.1)]) == 0.1 + 0.2


def test_completeness_and_the_rest_are_by_leg() -> None:
    """An order is complete when every leg is; an overfilled leg leaves no rest, whatever its sign."""
    half = [fill("a", 2)]
    assert not is_complete(BUY_TWO_SELL_ONE, half)
    assert unfilled(BUY_TWO_SELL_ONE, half) == (Leg("20250300", -1),)
    both = [*half, fill("b", -2, contract="20250300")]
    assert is_complete(BUY_TWO_SELL_ONE, both)
    assert unfilled(BUY_TWO_SELL_ONE, both) == ()
    assert unfilled(BUY_TWO_SELL_ONE, []) == BUY_TWO_SELL_ONE


@pytest.mark.parametrize(
    ("legs", "price"),
    [
        ((Leg("a", 3),), 10.0),
        ((Leg("a", -3),), 10.0),
        ((Leg("a", -2), Leg("b", 2)), -2.5),
        ((Leg("a", 2), Leg("b", -2)), -2.5),
        ((Leg("a", 4), Leg("b", -2)), 7.5),
    ],
)
def test_a_spread_is_priced_with_its_first_leg_positive(legs: tuple[Leg, ...], price: float) -> None:
    """Sum of price x leg / highest common factor; of a single leg it is the price, bought or sold."""
    assert spread_price(legs, {"a": 10.0, "b": 12.5}) == price
    assert spread_price(legs, {}) is None
