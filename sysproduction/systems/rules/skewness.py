"""Skew: assets whose returns are negatively skewed pay a premium for bearing it."""

from sysproduction.systems.rolling import skewness
from sysproduction.systems.smoothing import Panel, ewma


def skew(percentage_returns: Panel, lookback: int = 365, smooth: int = 90) -> Panel:
    """Minus the skewness of the percentage returns of the last `lookback` days, smoothed with a span of `smooth`.

    Carver, Advanced Futures Trading Strategies (2023), strategy 24. Half of the days must have returns.
    """
    return ewma(-skewness(percentage_returns, lookback, max(lookback // 2, 3)), span=smooth)
