"""Correlations with gaps, diversification multipliers and shares of the best Sharpe ratio."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.system_options import MultiplierEstimate, WeightEstimate
from sysproduction.systems.correlations import UNKNOWN, correlations, floored, positive, shrunk
from sysproduction.systems.fitting import Fit
from sysproduction.systems.multipliers import multiplier
from sysproduction.systems.shrinkage import best_shares, sharpe_ratios, weights


def matrix_of(loads) -> np.ndarray:
    matrix = np.outer(loads, loads)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def sample(seed: int, rows: int = 200, columns: int = 4) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, columns)) + random.normal(size=(rows, 1))
    values[random.uniform(size=values.shape) < 0.2] = np.nan
    return values


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_correlations_of_pairs(seed):
    """Correlations equal those of pandas over the rows in which both columns are known."""
    values = sample(seed)
    expected = pd.DataFrame(values).corr(min_periods=20).to_numpy()
    np.testing.assert_allclose(correlations(values, 20), expected, atol=1e-12)


def test_weighted_correlations():
    """Rows of no importance count for nothing."""
    values = sample(1)
    importance = np.r_[np.zeros(100), np.ones(100)]
    np.testing.assert_allclose(correlations(values, 20, importance), correlations(values[100:], 20), atol=1e-12)


def test_unknown_correlations():
    """A column with too little data gets the mean of the others; with nothing known, there is no diversification."""
    values = sample(2)
    values[10:, 3] = np.nan
    found = correlations(values, 20)
    pairs = found[np.triu_indices(3, 1)]
    np.testing.assert_allclose(found[3, :3], pairs.mean())
    assert correlations(np.full((5, 3), np.nan), 2)[0, 1] == UNKNOWN
    assert correlations(np.ones((50, 2)), 2)[0, 1] == UNKNOWN


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_mended_matrices_are_positive(seed):
    """However the pairs contradict each other, the mended matrix has ones, symmetry and positive eigenvalues."""
    random = np.random.default_rng(seed)
    matrix = random.uniform(-1, 1, (6, 6))
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T + np.eye(6)
    mended = positive(matrix)
    np.testing.assert_allclose(np.diag(mended), 1.0)
    np.testing.assert_allclose(mended, mended.T)
    assert np.linalg.eigvalsh(mended)[0] > 0.0


def test_shrinkage_ends():
    """Shrinkage of 0 changes nothing, of 1 makes all pairs alike."""
    matrix = matrix_of([0.9, 0.5, -0.4])
    np.testing.assert_array_equal(shrunk(matrix, 0.0), matrix)
    pairs = shrunk(matrix, 1.0)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(pairs, matrix[np.triu_indices(3, 1)].mean())


def test_multiplier_of_equal_shares():
    """Two uncorrelated halves give the root of 2; opposite ones no more, for negative correlations count as 0; alike
    ones give 1; a cap holds; without weights there is nothing to multiply; and it is 1 before the first fit."""
    halves = np.full((4, 2), 0.5)
    estimate = MultiplierEstimate(smoothing_days=1)

    def last(correlation, cap=2.5, shares=halves):
        matrix = floored(np.array([[1.0, correlation], [correlation, 1.0]]))
        found = multiplier(shares, [matrix], [Fit(0, 2, 4)], MultiplierEstimate(cap=cap, smoothing_days=1))
        assert found[:2].tolist() == [1.0, 1.0]
        return found[-1]

    assert estimate.cap == 2.5
    assert last(0.0) == pytest.approx(2**0.5)
    assert last(-0.9) == pytest.approx(2**0.5)
    assert last(1.0) == pytest.approx(1.0)
    assert last(0.0, cap=1.2) == pytest.approx(1.2)
    assert last(0.0, shares=np.full((4, 2), np.nan)) == 1.0


def test_multiplier_is_smoothed():
    """A new fit moves the multiplier gradually: after one span it has come most of the way, never past the fit."""
    fits = [Fit(0, 100, 400)]
    found = multiplier(np.full((400, 2), 0.5), [np.eye(2)], fits, MultiplierEstimate(smoothing_days=50))
    assert (np.diff(found[99:]) > 0).all()
    assert 1.0 < found[105] < found[399] < 2**0.5


@given(st.lists(st.floats(-1, 2), min_size=2, max_size=5), st.integers(0, 500))
@settings(max_examples=60, deadline=None)
def test_best_shares_are_best(ratios, seed):
    """Shares are 0 or more, sum to 1, and no small move of share from one to another gives a higher Sharpe ratio."""
    ratios = np.array([*ratios, 0.5])
    matrix = matrix_of(np.random.default_rng(seed).uniform(-0.8, 0.8, len(ratios)))
    found = best_shares(ratios, matrix)
    assert found.min() >= 0.0
    assert found.sum() == pytest.approx(1.0)

    def ratio(shares):
        return shares @ ratios / np.sqrt(shares @ matrix @ shares)

    for source in np.flatnonzero(found > 1e-3):
        for target in range(len(found)):
            moved = found.copy()
            moved[source] -= 1e-4
            moved[target] += 1e-4
            assert ratio(moved) <= ratio(found) + 1e-9


def test_shares_follow_what_was_measured():
    """With little shrinkage the better of two gets more; with all of it both get the same; data that is too short is
    not believed."""
    random = np.random.default_rng(4)
    returns = random.normal([0.3, 0.0], 1.0, (500, 2))
    assert weights(returns, WeightEstimate(sharpe_shrinkage=0.0))[0] > 0.8
    np.testing.assert_allclose(weights(returns, WeightEstimate(sharpe_shrinkage=1.0)), 0.5, atol=1e-6)
    np.testing.assert_allclose(weights(returns[:20], WeightEstimate(sharpe_shrinkage=0.0)), 0.5, atol=1e-6)


def test_a_twin_shares():
    """Two instruments that are nearly one get together what a third one, which moves alone, gets by itself."""
    random = np.random.default_rng(6)
    first = random.normal(size=2000)
    returns = np.column_stack([first, first + 0.1 * random.normal(size=2000), random.normal(size=2000)]) + 0.05
    found = weights(returns, WeightEstimate(sharpe_shrinkage=1.0, correlation_shrinkage=0.0))
    np.testing.assert_allclose([found[:2].sum(), found[2]], 0.5, atol=0.03)


def test_losers_only():
    """Where nothing earned anything the shares of least risk hold, not nonsense."""
    returns = np.random.default_rng(8).normal(-0.5, 1.0, (300, 3))
    found = weights(returns, WeightEstimate())
    assert found.min() >= 0.0
    assert found.sum() == pytest.approx(1.0)


def test_sharpe_ratios():
    """A weekly mean over its deviation times the root of 52; NaN where there are too few weeks or no variation."""
    returns = np.column_stack([sample(9, 100, 1)[:, 0], np.ones(100), np.full(100, np.nan)])
    known = returns[~np.isnan(returns[:, 0]), 0]
    found = sharpe_ratios(returns, 20)
    assert found[0] == pytest.approx(known.mean() / known.std(ddof=1) * 52**0.5)
    assert np.isnan(found[1:]).all()
