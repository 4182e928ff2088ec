"""A day's result: exact by instrument, shared by strategies, with nothing made up where a price is missing."""

from collections import defaultdict
from datetime import UTC, datetime
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.fills import Fill, Positions, positions
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.domain.pnl import DayBook, Line, Mark, Terms, day_lines, opening_positions

AT = datetime(2024, 5, 1, tzinfo=UTC)
CORN, JUN, SEP = "CORN", "20240600", "20240900"
MARKS = {(CORN, JUN): Mark(100.0, 104.0), (CORN, SEP): Mark(110.0, 113.0)}
TERMS = {CORN: Terms(50.0, 0.5)}

TRADES = st.lists(
    st.tuples(
        st.sampled_from(["trend", "carry"]),
        st.sampled_from([JUN, SEP]),
        st.integers(-5, 5).filter(bool),
        st.integers(90, 120),
        st.integers(0, 3),
    ),
    max_size=8,
)


def fills(trades: list, rolls: list[int], name: str) -> list[Fill]:  # type: ignore[type-arg]
    """Trades of strategies, and whole rolls."""
    made = list(trades)
    for quantity in rolls:
        made += [(ROLL_STRATEGY, JUN, -quantity, 101, 1), (ROLL_STRATEGY, SEP, quantity, 111, 1)]
    return [
        Fill(f"{name}{number}", 0, "A", strategy, CORN, contract, quantity, float(price), AT, float(commission))
        for number, (strategy, contract, quantity, price, commission) in enumerate(made)
    ]


def book(before: list[Fill], today: list[Fill], marks: dict[tuple[str, str], Mark] | None = None) -> DayBook:
    return DayBook(positions(before), today, MARKS if marks is None else marks, TERMS, {CORN: JUN})


def by_strategy(lines: list[Line]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for line in lines:
        found[line.strategy] += line.total
    return dict(found)


@given(earlier=TRADES, later=TRADES, rolls=st.lists(st.integers(1, 4), max_size=2))
def test_the_lines_add_up_to_what_the_account_gained(earlier: list, later: list, rolls: list[int]) -> None:  # type: ignore[type-arg]
    """The value of all contracts now, less that at the start, less what was paid."""
    before, today = fills(earlier, [], "b"), fills(later, rolls, "t")
    lines, left_out = day_lines(book(before, today))
    opening, held = positions(before), positions([*before, *today])
    gained = fsum(q * (MARKS[key].price or 0.0) for key, q in held.contracts.items())
    gained -= fsum(q * (MARKS[key].before or 0.0) for key, q in opening.contracts.items())
    gained -= fsum(fill.quantity * fill.price for fill in today)
    costs = fsum(fill.commission for fill in today)
    assert left_out == []
    assert fsum(line.total for line in lines) == pytest.approx(gained * 25 - costs * 0.5, abs=1e-6)
    assert opening_positions(held, today) == opening


def test_strategies_against_each_other_have_their_own_results() -> None:
    """Also where nothing is held of them together."""
    before = fills([("trend", JUN, 2, 100, 0), ("carry", JUN, -2, 100, 0)], [], "b")
    assert by_strategy(day_lines(book(before, []))[0]) == {"trend": 200.0, "carry": -200.0}


def test_a_roll_is_shared_by_those_who_hold() -> None:
    """In proportion; no line of its own is left."""
    before = fills([("trend", JUN, 3, 100, 0), ("carry", JUN, 1, 100, 0)], [], "b")
    found = by_strategy(day_lines(book(before, fills([], [4], "r")))[0])
    whole = (4 * 4 + 4 * (101 - 104) + 4 * (113 - 111)) * 25 - 2 * 0.5
    assert found == {"trend": pytest.approx(whole * 3 / 4), "carry": pytest.approx(whole / 4)}


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({}, "CORN 20240600: no price before and now"),
        ({(CORN, JUN): Mark(None, 104.0)}, "CORN 20240600: no price before and now"),
        ({(CORN, JUN): Mark(100.0, 104.0)}, "CORN 20240900: no price for what was traded"),
    ],
)
def test_what_has_no_price_is_left_out_and_said(marks: dict[tuple[str, str], Mark], words: str) -> None:
    """Costs still count."""
    before, today = fills([("trend", JUN, 1, 100, 0)], [], "b"), fills([("trend", SEP, 1, 100, 2)], [], "t")
    lines, left_out = day_lines(book(before, today, marks))
    assert words in left_out
    assert fsum(line.costs for line in lines) == -1.0
    assert fsum(line.trading for line in lines) == 0.0


def test_without_an_exchange_rate_an_instrument_is_left_out() -> None:
    """As a whole."""
    held = Positions({("trend", CORN): 1}, {(CORN, JUN): 1})
    assert day_lines(DayBook(held, [], MARKS, {}, {CORN: JUN})) == ([], ["CORN: no point size or exchange rate"])
