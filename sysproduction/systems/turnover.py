"""How often a year an average position is turned over, and how long one is held."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.smoothing import Panel, differences, ewma, zero_filled
from sysproduction.systems.volatility import DAYS_A_YEAR

SMOOTHING_COM: Final = 250


def turnover(position: Panel, average_position: Panel) -> NDArray[np.float64]:
    """Average positions traded a year, one number an instrument: the mean daily change of position over the smoothed
    average position, times 256; NaN without one.

    Carver, Systematic Trading (2015), chapter 12.
    """
    steps = _steps(position, average_position)
    counts = np.sum(~np.isnan(steps), axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(DAYS_A_YEAR * np.nansum(steps, axis=0) / counts)


def turnover_so_far(position: Panel, average_position: Panel) -> Panel:
    """The same day by day from what was known until then; 0 at first."""
    steps = _steps(position, average_position)
    counts = np.cumsum(~np.isnan(steps), axis=0)
    return np.asarray(DAYS_A_YEAR * np.cumsum(zero_filled(steps), axis=0) / np.maximum(counts, 1))


def holding_days(turnover_a_year: NDArray[np.float64]) -> NDArray[np.float64]:
    """Business days for which an average position is held: a round trip is two trades."""
    with np.errstate(divide="ignore"):
        return np.asarray(2.0 * DAYS_A_YEAR / turnover_a_year)


def _steps(position: Panel, average_position: Panel) -> Panel:
    usual = ewma(average_position, com=SMOOTHING_COM, observations_min=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(differences(position / usual)))
