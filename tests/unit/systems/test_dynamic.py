"""Optimisation of whole contracts: objective, constraints, buffer."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.errors import DataError
from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.dynamic import (
    UNLIMITED,
    Constraint,
    Optimised,
    Portfolio,
    contract_risk,
    optimise,
    tightest,
    tracking_error,
)

FREE = Dynamic(shadow_cost=0.0, tracking_error_buffer=0.0)
COSTLY = Dynamic(shadow_cost=10.0, tracking_error_buffer=0.0)
BUFFERED = Dynamic(shadow_cost=10.0, tracking_error_buffer=0.02)


def portfolio(optimum, held=None, *, correlation=None, vol=None, cost=None) -> Portfolio:
    """A portfolio of contracts with an annual risk of 2 % of capital each, unless told otherwise."""
    count = len(optimum)
    matrix = np.eye(count) if correlation is None else np.asarray(correlation, dtype=float)
    risk = contract_risk(np.full(count, 0.02) if vol is None else np.asarray(vol, dtype=float), matrix)
    return Portfolio(
        tuple(f"I{i}" for i in range(count)),
        np.asarray(optimum, dtype=float),
        np.zeros(count, dtype=np.int64) if held is None else np.asarray(held, dtype=np.int64),
        risk,
        np.zeros(count) if cost is None else np.asarray(cost, dtype=float),
    )


def run(found: Portfolio, how: Dynamic = FREE, constraints=None) -> Optimised:
    return optimise(found, constraints or [Constraint()] * len(found.optimum), how)


def objective(x, found: Portfolio, how: Dynamic) -> float:
    spent = how.shadow_cost * np.abs(x - found.held) @ found.cost
    return tracking_error(x - found.optimum, found.risk) + float(spent)


def brute_force(found: Portfolio, how: Dynamic, low, high) -> float:
    grids = product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))
    return min(objective(np.array(x), found, how) for x in grids)


@st.composite
def portfolios(draw, largest=4, correlated=True):
    count = draw(st.integers(1, largest))
    numbers = st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 3))
    optimum = draw(st.lists(numbers, min_size=count, max_size=count))
    held = draw(st.lists(st.integers(-4, 4), min_size=count, max_size=count))
    vol = draw(st.lists(st.floats(0.002, 0.1), min_size=count, max_size=count))
    cost = draw(st.lists(st.floats(0, 0.002), min_size=count, max_size=count))
    loads = np.array(draw(st.lists(st.floats(-0.9, 0.9), min_size=count, max_size=count)))
    matrix = np.outer(loads, loads) if correlated else np.zeros((count, count))
    np.fill_diagonal(matrix, 1.0)
    return portfolio(optimum, held, correlation=matrix, vol=vol, cost=cost)


@st.composite
def constraints_of(draw, count):
    limit = st.one_of(st.none(), st.integers(0, 5))
    one = st.builds(
        Constraint,
        limits=st.tuples(limit, limit),
        reduce_only=st.booleans(),
        close=st.sampled_from([False, False, False, True]),
        no_trade=st.sampled_from([False, False, False, True]),
    )
    return draw(st.lists(one, min_size=count, max_size=count))


def test_without_costs_uncorrelated_positions_are_rounded():
    """Without costs, correlation or buffer each position is its optimum to the nearest contract."""
    assert run(portfolio([1.4, -2.6, 0.2])).positions.tolist() == [1, -3, 0]


def test_a_correlated_instrument_stands_in():
    """Risk that whole contracts cannot give in one instrument is taken in another that moves with it."""
    found = run(portfolio([0.45, 0.45], correlation=[[1.0, 0.95], [0.95, 1.0]]))
    assert sorted(found.positions.tolist()) == [0, 1]


def test_costs_keep_what_is_held():
    """A contract that is expensive to trade is left where it is; a cheap one follows its optimum."""
    found = run(portfolio([2.0, 2.0], [1, 1], cost=[0.1, 1e-6]), COSTLY)
    assert found.positions.tolist() == [1, 2]


def test_no_position_against_its_optimum():
    """Nothing is held against the sign of its own optimum, even where that would hedge another."""
    found = run(portfolio([0.6, 0.1], correlation=[[1.0, 0.9], [0.9, 1.0]], vol=[0.05, 0.01]))
    assert (found.best >= 0).all()


def test_within_the_buffer_nothing_is_traded():
    """A held portfolio within the tracking-error buffer of the best one is left alone."""
    found = run(portfolio([10.0, 5.0], [9, 5], vol=[0.01, 0.01]), Dynamic(0.0, 0.015))
    assert found.best.tolist() == [10, 5]
    assert found.positions.tolist() == [9, 5]
    assert found.cost == 0.0


def test_outside_the_buffer_part_is_traded():
    """Outside the buffer only the share of the way is traded that leads to its edge: (0.10 - 0.04)/0.10 of 10."""
    found = run(portfolio([10.0], [0], vol=[0.01]), Dynamic(0.0, 0.04))
    assert found.positions.tolist() == [6]
    assert found.distance == pytest.approx(0.10)
    assert found.tracking_error == pytest.approx(0.04)


def test_defect_2_the_tightest_limit_is_in_force():
    """Defect 2: of a limit of 10 for the instrument and 3 for the strategy the 3 is in force, in either order."""
    for limits in ((10, 3), (3, 10), (3, None), (None, 3)):
        assert run(portfolio([8.0]), FREE, [Constraint(limits=limits)]).positions.tolist() == [3]
    assert tightest([None, None]) == UNLIMITED
    with pytest.raises(DataError, match="negative"):
        tightest([4, -1])


def test_defect_12_the_buffer_step_never_breaks_a_limit():
    """Defect 12: a position above its limit is brought to the limit at once, although the buffer would let part of the
    way, or all of it, wait."""
    limited = [Constraint(limits=(4,))]
    within = run(portfolio([9.0], [10], vol=[0.001]), Dynamic(0.0, 0.05), limited)
    assert within.distance < 0.05
    assert within.positions.tolist() == [4]
    partly = run(portfolio([9.0], [10], vol=[0.01]), Dynamic(0.0, 0.03), limited)
    assert partly.positions.tolist() == [4]


def test_defect_12_a_dropped_instrument_is_closed():
    """Defect 12: an instrument that left the system and must be closed is closed whatever the buffer says."""
    found = run(portfolio([0.0, 3.0], [2, 3], vol=[0.001, 0.01]), BUFFERED, [Constraint(close=True), Constraint()])
    assert found.positions.tolist() == [0, 3]


def test_what_may_only_be_reduced():
    """A reduce-only instrument never grows and never turns, and goes to its optimum when that is smaller."""
    only = [Constraint(reduce_only=True)]
    for optimum, held, wanted in ((5.0, 2, 2), (1.0, 4, 1), (-3.0, 2, 0), (3.0, 0, 0), (-1.0, -6, -1)):
        assert run(portfolio([optimum], [held]), FREE, only).positions.tolist() == [wanted]


def test_what_may_not_be_traded():
    """An instrument that may not be traded stays as it is, above a limit and when it should be closed too."""
    fixed = [Constraint(limits=(1,), close=True, reduce_only=True, no_trade=True)]
    assert run(portfolio([-5.0], [7]), FREE, fixed).positions.tolist() == [7]


def test_the_others_make_up_for_a_fixed_one():
    """The portfolio is optimal around positions that cannot be changed: a twin of theirs is not bought as well."""
    twins = portfolio([2.0, 2.0], [4, 0], correlation=[[1.0, 0.99], [0.99, 1.0]])
    assert run(twins, FREE, [Constraint(no_trade=True), Constraint()]).positions.tolist() == [4, 0]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"optimum": [np.nan, 1.0]}, "no usable optimal position of I0"),
        ({"optimum": [1.0, 1.0], "cost": [0.0, np.nan]}, "no usable cost of I1"),
        ({"optimum": [1.0, 1.0], "vol": [0.0, 0.1]}, "no usable risk of I0"),
    ],
)
def test_missing_figures_are_named(change, what):
    """A missing figure is an error that names the instrument, never a position of nonsense."""
    with pytest.raises(DataError, match=what):
        run(portfolio(**change))


def test_no_instruments_no_positions():
    """An empty portfolio is optimal as it is."""
    assert run(portfolio([])).positions.tolist() == []


@given(st.data(), st.sampled_from([FREE, COSTLY, BUFFERED]))
@settings(max_examples=200, deadline=None)
def test_constraints_always_hold(data, how):
    """Whatever the optimum, the buffer and what is held: limits, reduce-only, close and no-trade are kept."""
    found = data.draw(portfolios())
    constraints = data.draw(constraints_of(len(found.optimum)))
    done = run(found, how, constraints)
    for constraint, held, position in zip(constraints, found.held.tolist(), done.positions.tolist(), strict=True):
        if constraint.no_trade:
            assert position == held
        elif constraint.close:
            assert position == 0
        else:
            assert all(limit is None or abs(position) <= limit for limit in constraint.limits)
            if constraint.reduce_only:
                assert min(held, 0) <= position <= max(held, 0)


@given(portfolios(largest=1), st.sampled_from([FREE, COSTLY]))
@settings(max_examples=100, deadline=None)
def test_one_instrument_is_solved_exactly(found, how):
    """For one instrument no number of contracts on the side of the optimum is better."""
    low, high = (0, 6) if found.optimum[0] >= 0 else (-6, 0)
    low, high = (0, 0) if found.optimum[0] == 0 else (low, high)
    best = objective(run(found, how).best, found, how)
    assert best <= brute_force(found, how, [low], [high]) + 1e-9


@given(portfolios(correlated=False))
@settings(max_examples=60, deadline=None)
def test_uncorrelated_instruments_are_solved_exactly(found):
    """Without correlation and costs no combination of contracts is better."""
    low, high = np.minimum(np.floor(found.optimum), 0), np.maximum(np.ceil(found.optimum), 0)
    best = objective(run(found).best, found, FREE)
    assert best <= brute_force(found, FREE, low.astype(int), high.astype(int)) + 1e-9


@given(portfolios(), st.sampled_from([FREE, COSTLY]))
@settings(max_examples=150, deadline=None)
def test_no_neighbour_is_better(found, how):
    """No step of one contract in one instrument, nor one in each of two, improves on what the search found."""
    best = run(found, how).best
    here, signs = objective(best, found, how), np.sign(found.optimum)
    for step in product((-1, 0, 1), repeat=len(best)):
        near = best + np.array(step)
        if np.count_nonzero(step) <= 2 and (near * signs >= 0).all() and not near[signs == 0].any():
            assert objective(near, found, how) >= here - 1e-9


def test_close_to_brute_force():
    """Of 300 correlated portfolios of 2 to 4 instruments with costs, at least 90 % get the best of all combinations of
    contracts, and the mean objective is within 0.5 % of it."""
    random = np.random.default_rng(7)
    ours, best = [], []
    for _ in range(300):
        count = int(random.integers(2, 5))
        loads = random.uniform(-0.9, 0.9, count)
        matrix = np.outer(loads, loads)
        np.fill_diagonal(matrix, 1.0)
        found = portfolio(
            random.uniform(-3, 3, count),
            random.integers(-3, 4, count),
            correlation=matrix,
            vol=random.uniform(0.005, 0.08, count),
            cost=random.uniform(0, 5e-4, count),
        )
        low, high = np.where(found.optimum < 0, -5, 0), np.where(found.optimum > 0, 5, 0)
        best.append(brute_force(found, COSTLY, low, high))
        ours.append(objective(run(found, COSTLY).best, found, COSTLY))
    gap = np.array(ours) - np.array(best)
    assert (gap < 1e-9).mean() >= 0.9
    assert gap.mean() <= 0.005 * np.mean(best)


def test_far_optimum():
    """An optimum of a hundred thousand contracts is found too, in long steps first."""
    found = run(portfolio([123_456.4, -98_765.6], vol=[1e-6, 1e-6]))
    assert found.best.tolist() == [123_456, -98_766]
