"""Raw forecasts to one combined forecast per instrument: scaled, capped, weighted, diversified."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.smoothing import Panel, ewma, forward_filled, zero_filled

WEIGHT_SPAN: Final = 125
"""Days over which a change of weights is spread."""

FORECAST_AVERAGE: Final = 10.0
"""The size of forecast that an average position is for."""


def capped(raw: Panel, scalar: float | Panel, cap: float) -> Panel:
    """The raw forecast times its scalar (one number, or one a day), cut off at plus and minus `cap`."""
    return np.clip(raw * scalar, -cap, cap)


def forecast_weights(
    forecasts: Sequence[Panel], shares: Sequence[float | Panel], covered: NDArray[np.bool_]
) -> list[Panel]:
    """The weight of each rule by day and instrument: its share while it has a forecast, and 0 else (all shares where no
    rule has one), smoothed and normalised to a sum of 1; NaN where the instrument is not `covered`."""
    there = [~np.isnan(forecast) for forecast in forecasts]
    nowhere = ~np.logical_or.reduce(there)
    weights, total = [], np.zeros(covered.shape, order="F")
    for known, share in zip(there, shares, strict=True):
        known |= nowhere
        wanted = np.where(known, share, 0.0)
        wanted[~covered] = np.nan
        weights.append(ewma(wanted, span=WEIGHT_SPAN))
        total += weights[-1]
    total[~covered] = np.nan
    for weight in weights:
        weight /= total
    return weights


def combined_forecast(
    forecasts: Sequence[Panel], weights: Sequence[Panel], multiplier: float | Panel, cap: float
) -> Panel:
    """Weighted sum of the forecasts, missing ones as 0, times the diversification multiplier, cut off at the cap."""
    total = np.zeros_like(forecasts[0])
    for forecast, weight in zip(forecasts, weights, strict=True):
        total += weight * zero_filled(forecast)
    return np.clip(total * multiplier, -cap, cap)


def filled(forecasts: Mapping[str, Panel], names: Sequence[str], covered: NDArray[np.bool_]) -> list[Panel]:
    """The named forecasts, each carried forward to the end of what is `covered`."""
    return [np.where(covered, forward_filled(forecasts[name]), np.nan) for name in names]
