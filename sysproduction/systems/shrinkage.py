"""Shares of rules or instruments by the best Sharpe ratio, from means and correlations that are shrunk."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.system_options import WeightEstimate
from sysproduction.systems.compiling import compiled
from sysproduction.systems.correlations import Matrix, correlations, positive, shrunk
from sysproduction.systems.fitting import WEEKS_A_YEAR, Fit, within
from sysproduction.systems.smoothing import Panel


def fitted_weights(
    sample: Panel, ends: NDArray[np.int64], fits: Sequence[Fit], estimate: WeightEstimate
) -> list[NDArray[np.float64]]:
    """For each fit the shares of the columns of a weekly sample of returns. A sample of three dimensions (weeks x
    instruments x columns) is pooled over its instruments."""
    return [weights(sample[within(fit, ends)].reshape(-1, sample.shape[-1]), estimate) for fit in fits]


def weights(returns: Matrix, estimate: WeightEstimate) -> NDArray[np.float64]:
    """Shares (0 or more, sum 1) of the columns of weekly returns, all taken to have the same volatility. Columns with
    fewer than `weeks_min` returns get the mean Sharpe ratio and correlation; if no shrunk Sharpe ratio is above 0, the
    shares are those of least risk.

    Carver, Systematic Trading (2015), chapter 4 and appendix C: shrinkage of a portfolio of equal volatilities.
    """
    ratios = sharpe_ratios(returns, estimate.weeks_min)
    prior = float(np.nanmean(ratios)) if np.isfinite(ratios).any() else 1.0
    measured = np.where(np.isnan(ratios), prior, ratios)
    wanted = (1.0 - estimate.sharpe_shrinkage) * measured + estimate.sharpe_shrinkage * prior
    if not (wanted > 0.0).any():
        wanted = np.ones_like(wanted)
    matrix = shrunk(correlations(returns, estimate.weeks_min), estimate.correlation_shrinkage)
    return best_shares(wanted, positive(matrix))


def sharpe_ratios(returns: Matrix, weeks_min: int) -> NDArray[np.float64]:
    """Annual Sharpe ratio of each column of weekly returns; NaN with fewer than `weeks_min`, or without variation."""
    known = np.isfinite(returns)
    counts = known.sum(axis=0)
    values = np.where(known, returns, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values.sum(axis=0) / counts
        deviation = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (counts - 1))
        ratios = np.sqrt(WEEKS_A_YEAR) * mean / deviation
    return np.where((counts >= max(weeks_min, 2)) & (deviation > 0.0), ratios, np.nan)


def best_shares(ratios: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """The shares, 0 or more with sum 1, of the highest Sharpe ratio; one ratio at least must be above 0.

    Markowitz (1952), Portfolio selection. They are proportional to the amounts y >= 0 of least y'My/2 - ratios'y, which
    coordinate descent finds: M must be positive definite.
    """
    amounts = _least(np.ascontiguousarray(ratios), np.ascontiguousarray(matrix))
    return np.asarray(amounts / amounts.sum())


@compiled
def _least(ratios: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    count = len(ratios)
    amounts, pull = np.zeros(count), ratios.copy()  # pull: ratios - matrix @ amounts
    for _ in range(10_000):
        moved = 0.0
        for i in range(count):
            new = max(0.0, amounts[i] + pull[i] / matrix[i, i])
            change = new - amounts[i]
            if change != 0.0:
                amounts[i] = new
                pull -= change * matrix[:, i]
                moved = max(moved, abs(change))
        if moved <= 1e-12:
            break
    return amounts
