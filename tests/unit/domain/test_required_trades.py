"""Trades that optimal positions require, under overrides, limits and lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sysproduction.domain.optimal_positions import OptimalPosition
from sysproduction.domain.required_trades import Holding, Restraints, required_trade

WHOLE = some.integers(-50, 50)
EDGES = some.tuples(some.floats(-40, 40), some.floats(0, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))
FREE = Restraints()


def band(lower: float, upper: float) -> OptimalPosition:
    return OptimalPosition("CORN", lower, upper, (lower + upper) / 2)


def quantity(optimal: OptimalPosition, holding: Holding, restraints: Restraints = FREE) -> int:
    return required_trade(optimal, holding, restraints).quantity


@pytest.mark.parametrize(("position", "expected"), [(0, 4), (3, 1), (4, 0), (5, 0), (6, 0), (7, -1), (-2, 6)])
def test_one_trades_to_the_edge_of_the_band(position: int, expected: int) -> None:
    """And not at all inside it; edges are rounded half to even."""
    assert quantity(band(4.4, 6.5), Holding(position)) == expected


def test_what_is_outstanding_is_not_ordered_again() -> None:
    """Neither on the same day nor on the next."""
    assert quantity(band(5, 5), Holding(2, outstanding=3)) == 0
    assert quantity(band(5, 5), Holding(2, outstanding=1)) == 2


def test_an_order_that_ends_inside_the_band_is_not_taken_back() -> None:
    """Only what would end outside is corrected, to the edge."""
    assert quantity(band(3, 6), Holding(0, outstanding=5)) == 0
    assert quantity(band(3, 6), Holding(0, outstanding=8)) == -2


@given(EDGES, WHOLE, WHOLE)
def test_no_trade_inside_the_band(edges: tuple[float, float], position: int, others: int) -> None:
    """Whatever others hold."""
    optimal = band(*edges)
    trade = required_trade(optimal, Holding(position, others=others), FREE)
    if round(optimal.lower) <= position <= round(optimal.upper):
        assert trade.quantity == 0
    else:
        assert trade.target in (round(optimal.lower), round(optimal.upper))


def test_an_override_scales_the_band() -> None:
    """So that it settles: the scaled position stays where it is the next day; 0 closes."""
    assert quantity(band(8, 12), Holding(10), Restraints(factor=0.5)) == -4
    assert quantity(band(8, 12), Holding(6), Restraints(factor=0.5)) == 0
    closed = required_trade(band(8, 12), Holding(6), Restraints(factor=0.0))
    assert (closed.quantity, closed.why) == (-6, "closed by an override")


@given(EDGES, WHOLE, WHOLE)
def test_reduce_only_makes_positions_smaller(edges: tuple[float, float], position: int, outstanding: int) -> None:
    """It neither enlarges nor turns them, whatever is outstanding."""
    trade = required_trade(band(*edges), Holding(position, outstanding), Restraints(reduce_only="listed"))
    assert abs(position + trade.quantity) <= abs(position)
    assert (position + trade.quantity) * position >= 0


def test_no_trade_trades_nothing() -> None:
    """Also when something is outstanding, and when it would reduce."""
    trade = required_trade(band(8, 12), Holding(20, 3), Restraints(no_trade="trading.no_trade", factor=0.0))
    assert (trade.quantity, trade.why) == (0, "trading.no_trade")


@given(EDGES, WHOLE, some.integers(0, 30), some.integers(0, 30), WHOLE)
def test_limits_bind(edges: tuple[float, float], position: int, own: int, of_all: int, others: int) -> None:
    """The smaller one wins; a limit that others have used up leaves zero, and opens nothing against them."""
    restraints = Restraints(limit=own, limit_of_all=of_all)
    trade = required_trade(band(*edges), Holding(position, others=others), restraints)
    assert abs(trade.target) <= own
    assert abs(trade.target + others) <= max(of_all, abs(others))
    assert abs(trade.target + others) <= of_all or trade.target == 0 or trade.target * others < 0


def test_a_position_over_its_limit_is_reduced_although_the_band_wants_it() -> None:
    """And the reason is said."""
    trade = required_trade(band(8, 12), Holding(10), Restraints(limit=4))
    assert (trade.quantity, trade.why) == (-6, "limited to +4 instead of +10")


def test_a_dropped_instrument_is_closed() -> None:
    """Its target is zero, and the order says why."""
    trade = required_trade(OptimalPosition("CORN", 0.0, 0.0, 0.0, dropped=True), Holding(-3), FREE)
    assert (trade.quantity, trade.why) == (3, "dropped from the system")
