"""What a dynamic strategy starts from, and what an override leaves of a choice."""

import pytest

from sysproduction.domain.optimal_positions import Choice, OptimalPosition
from sysproduction.domain.required_trades import Holding, Restraints, required_trade
from sysproduction.strategies.choosing import start


@pytest.mark.parametrize(
    ("holding", "restraints", "bounds"),
    [
        (Holding(5, outstanding=4), Restraints(limit=3), (-3, 3)),
        (Holding(5), Restraints(limit=10, limit_of_all=3), (-3, 3)),
        (Holding(5, others=2), Restraints(limit_of_all=6), (-8, 4)),
        (Holding(5, others=9), Restraints(limit=4, limit_of_all=6), (-4, 0)),
        (Holding(5), Restraints(reduce_only="said"), (0, 5)),
        (Holding(-5), Restraints(reduce_only="said", limit=2), (-2, 0)),
        (Holding(5), Restraints(factor=0.0), (0, 0)),
        (Holding(5), Restraints(factor=0.0, no_trade="said", limit=1), (5, 5)),
    ],
)
def test_bounds_of_a_start(holding: Holding, restraints: Restraints, bounds: tuple[int, int]) -> None:
    """The tightest limit binds, own or of all; no-trade beats close beats reduce-only; orders that are under way do not
    count as held."""
    begun = start(holding, restraints)
    assert begun.held == holding.position
    assert begun.constraint.bounds(begun.held) == bounds


def chosen(position: int, factor: float = 1.0) -> OptimalPosition:
    at = float(position)
    return OptimalPosition("CORN", at, at, 2 * at, choice=Choice(0, position, position, factor=factor))


@pytest.mark.parametrize(
    ("applied", "now", "target"), [(1.0, 0.5, 4), (0.5, 0.5, 8), (0.5, 0.25, 4), (0.5, 1.0, 8), (0.5, 0.0, 0)]
)
def test_an_override_is_not_applied_twice(applied: float, now: float, target: int) -> None:
    """What was in the optimum already does not scale the position again; what was tightened since then does, and what
    was relaxed waits for the next decision."""
    assert required_trade(chosen(8, applied), Holding(), Restraints(factor=now)).target == target


def test_what_was_closed_stays_closed() -> None:
    """A choice under a factor of zero is zero, whatever the factor is now."""
    assert required_trade(chosen(0, 0.0), Holding(), Restraints()).quantity == 0


def test_restraints_that_came_later_bind_at_the_order() -> None:
    """A limit, a list and a lock set after the decision hold for its orders."""
    assert required_trade(chosen(8), Holding(), Restraints(limit=3)).quantity == 3
    assert required_trade(chosen(8), Holding(2), Restraints(reduce_only="said")).quantity == 0
    assert required_trade(chosen(8), Holding(2), Restraints(no_trade="said")).quantity == 0
