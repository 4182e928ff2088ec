"""Diversification multipliers estimated from correlations."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.system_options import MultiplierEstimate
from sysproduction.systems.correlations import Matrix, correlations, floored
from sysproduction.systems.fitting import Fit, within
from sysproduction.systems.smoothing import Panel, ewma


def fitted_correlations(
    sample: Panel, ends: NDArray[np.int64], fits: Sequence[Fit], estimate: MultiplierEstimate
) -> list[Matrix]:
    """For each fit the correlations of the columns of a weekly sample, negative ones as 0. A sample of three dimensions
    (weeks x instruments x columns) is pooled over its instruments."""
    found = []
    for fit in fits:
        rows = sample[within(fit, ends)]
        found.append(floored(correlations(rows.reshape(-1, sample.shape[-1]), estimate.weeks_min)))
    return found


def multiplier(
    weights: NDArray[np.float64], matrices: Sequence[Matrix], fits: Sequence[Fit], estimate: MultiplierEstimate
) -> NDArray[np.float64]:
    """One over the standard deviation of the weighted sum of columns with unit deviations: 1 before the first fit and
    where there are no weights, at most the cap, smoothed. `weights` are days x ... x columns and sum to 1; the result
    has one number for each of their rows.

    Carver, Systematic Trading (2015), appendix D.
    """
    raw = np.ones(weights.shape[:-1])
    for fit, matrix in zip(fits, matrices, strict=True):
        held = np.nan_to_num(weights[fit.row : fit.end])
        variance = np.einsum("...i,...i->...", held @ matrix, held)
        with np.errstate(divide="ignore"):
            raw[fit.row : fit.end] = np.where(variance > 0.0, np.minimum(variance**-0.5, estimate.cap), 1.0)
    flat = raw.reshape(len(raw), -1)
    return np.asarray(ewma(flat, span=estimate.smoothing_days).reshape(raw.shape))
