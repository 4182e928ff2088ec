"""Instruments put together: weights that follow which of them have positions, and the positions in the portfolio."""

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.forecasts import WEIGHT_SPAN
from sysproduction.systems.smoothing import Panel, ewma, forward_filled


def instrument_weights(positions: Panel, shares: NDArray[np.float64]) -> Panel:
    """The weight of each instrument by day: its share once it has had a position, and 0 before (all shares where none
    has), smoothed and normalised to a sum of 1. `shares` is one number an instrument, or a panel."""
    there = ~np.isnan(forward_filled(positions))
    there |= ~there.any(axis=1, keepdims=True)
    weights = ewma(np.where(there, shares, 0.0), span=WEIGHT_SPAN)
    weights *= 1.0 / weights.sum(axis=1, keepdims=True)
    return weights


def portfolio_position(subsystem: Panel, weights: Panel, multiplier: float | NDArray[np.float64]) -> Panel:
    """Contracts in the portfolio, not rounded: the subsystem's times weight times diversification multiplier (one
    number, or a column of one a day)."""
    return subsystem * weights * multiplier
