"""Figures that describe a series of daily returns in percent of a fixed capital."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.volatility import DAYS_A_YEAR, ROOT_OF_YEAR


@dataclass(frozen=True, slots=True)
class Statistics:
    """Annual figures count 256 days a year and include flat days; `skew` is of daily returns, `worst_drawdown` and
    `mean_drawdown` (percent of capital, 0 or negative) of the sum of returns, `t_statistic` of the mean against 0.
    `days` counts returns that are not missing. None where a figure does not exist."""

    annual_mean: float | None
    annual_std: float | None
    sharpe: float | None
    sortino: float | None
    skew: float | None
    worst_drawdown: float | None
    mean_drawdown: float | None
    t_statistic: float | None
    days: int


def statistics(returns: NDArray[np.float64]) -> Statistics:
    """Statistics of one series; missing days are left out.

    Sharpe (1994), The Sharpe ratio; Sortino and Price (1994): the annual mean over the root of the mean square of
    losses; Fisher-Pearson skewness of the days as they are, without a correction for small samples.
    """
    known = returns[~np.isnan(returns)]
    days = len(known)
    if days == 0:
        return Statistics(None, None, None, None, None, None, None, None, 0)
    mean, std = float(known.mean()), float(known.std(ddof=1)) if days > 1 else 0.0
    fall = drawdown(known)
    downside = float(np.sqrt(np.mean(np.minimum(known, 0.0) ** 2)))
    return Statistics(
        annual_mean=mean * DAYS_A_YEAR,
        annual_std=std * ROOT_OF_YEAR,
        sharpe=_over(mean * ROOT_OF_YEAR, std),
        sortino=_over(mean * ROOT_OF_YEAR, downside),
        skew=_skewness(known),
        worst_drawdown=float(fall.min()),
        mean_drawdown=float(fall.mean()),
        t_statistic=_over(mean * float(np.sqrt(days)), std),
        days=days,
    )


def drawdown(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the sum of returns lies below its highest value so far, day by day (0 or negative)."""
    curve = np.nancumsum(returns)
    return np.asarray(curve - np.maximum.accumulate(curve))


def _over(value: float, scale: float) -> float | None:
    return value / scale if scale > 0.0 else None


def _skewness(values: NDArray[np.float64]) -> float | None:
    off = values - values.mean()
    second = float(np.mean(off**2))
    return float(np.mean(off**3) / second**1.5) if second > 0.0 else None
