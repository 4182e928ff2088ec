"""Figures of returns, and how often positions are turned over."""

import numpy as np
import pytest

from sysproduction.systems.statistics import statistics
from sysproduction.systems.turnover import holding_days, turnover, turnover_so_far


def test_figures_of_a_short_series() -> None:
    """Each figure is what its definition gives for four days, a missing one left out."""
    found = statistics(np.array([1.0, -2.0, np.nan, 3.0, 0.0]))
    known = np.array([1.0, -2.0, 3.0, 0.0])
    std = known.std(ddof=1)
    assert found.days == 4
    assert found.annual_mean == pytest.approx(0.5 * 256)
    assert found.annual_std == pytest.approx(std * 16)
    assert found.sharpe == pytest.approx(0.5 * 16 / std)
    assert found.sortino == pytest.approx(0.5 * 16 / np.sqrt(4.0 / 4.0))
    assert found.t_statistic == pytest.approx(0.5 * 2 / std)
    assert found.worst_drawdown == -2.0
    assert found.mean_drawdown == pytest.approx((0.0 - 2.0 + 0.0 + 0.0) / 4)
    off = known - 0.5
    assert found.skew == pytest.approx(np.mean(off**3) / np.mean(off**2) ** 1.5)


@pytest.mark.parametrize("returns", [np.array([]), np.array([np.nan]), np.zeros(5)])
def test_figures_that_do_not_exist_are_none(returns: np.ndarray) -> None:
    """Without returns, or without any that differ, there is no ratio and no skew."""
    found = statistics(returns)
    assert (found.sharpe, found.skew, found.t_statistic) == (None, None, None)


def test_turnover_counts_average_positions() -> None:
    """Trading one average position every fourth day is 64 a year, held for eight days."""
    position = np.tile([0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0], 200)[:, None]
    traded = turnover(position, np.full_like(position, 5.0))
    assert traded[0] == pytest.approx(64.0, rel=0.01)
    assert holding_days(traded)[0] == pytest.approx(8.0, rel=0.01)
    so_far = turnover_so_far(position, np.full_like(position, 5.0))
    assert so_far[-1, 0] == pytest.approx(traded[0])
