"""Forecast scalars estimated from the size of a rule's forecasts so far."""

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.system_options import Pooling, ScalarEstimate
from sysproduction.systems.forecasts import FORECAST_AVERAGE
from sysproduction.systems.smoothing import Panel
from sysproduction.systems.volatility import DAYS_A_YEAR

SIZE_MIN: Final = 1e-12


def forecast_scalar(raw: Panel, estimate: ScalarEstimate) -> NDArray[np.float64]:
    """The scalar of each day: 10 over the mean, of the days so far, of what the instruments' absolute raw forecasts
    have as their median (or mean) that day. NaN before `days_min` days with a forecast.

    Carver, Systematic Trading (2015), appendix D.
    """
    sizes = _pooled(np.abs(raw), estimate.average)
    known = np.isfinite(sizes)
    days = len(sizes) if estimate.years is None else round(estimate.years * DAYS_A_YEAR)
    total, count = _sums(np.where(known, sizes, 0.0), days), _sums(known.astype(float), days)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        enough = (count >= estimate.days_min) & (mean > SIZE_MIN)
        return np.where(enough, FORECAST_AVERAGE / mean, np.nan)


def _pooled(sizes: Panel, average: Pooling) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # days without any forecast are NaN, as they should be
        pool = np.nanmedian if average is Pooling.MEDIAN else np.nanmean
        return np.asarray(pool(sizes, axis=1))


def _sums(values: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """The sum of the last `days` values, or of all if there are fewer."""
    sums = np.cumsum(values)
    sums[days:] -= sums[:-days].copy() if days < len(sums) else 0.0
    return sums
