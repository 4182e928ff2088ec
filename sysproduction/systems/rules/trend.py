"""Rules that follow trends: crossovers, their acceleration, breakouts, and crossovers of normalised prices."""

from math import ceil

import numpy as np

from sysproduction.systems.rolling import extremes
from sysproduction.systems.smoothing import Panel, ewma, forward_filled, shifted


def ewmac(price: Panel, vol: Panel, Lfast: int, Lslow: int) -> Panel:
    """Exponential moving average crossover in units of daily volatility.

    Carver, Systematic Trading (2015), appendix B: mean of span Lfast less mean of span Lslow, over volatility.
    """
    return (ewma(price, span=Lfast) - ewma(price, span=Lslow)) / forward_filled(vol)


def accel(price: Panel, vol: Panel, Lfast: int) -> Panel:
    """Whether a trend grows: ewmac(Lfast, 4 Lfast) less its own value Lfast days before.

    Carver, Advanced Futures Trading Strategies (2023), strategy 23.
    """
    crossover = ewmac(price, vol, Lfast, 4 * Lfast)
    return crossover - shifted(crossover, Lfast)


def breakout(price: Panel, lookback: int) -> Panel:
    """Where the price stands in its range of `lookback` days, from -20 to 20, smoothed over a quarter of them.

    Carver, Advanced Futures Trading Strategies (2023), strategy 21.
    """
    high, low = extremes(price, lookback, ceil(lookback / 2))
    with np.errstate(invalid="ignore"):
        position = 40.0 * (price - (high + low) / 2.0) / (high - low)
    span = max(int(lookback / 4), 1)
    return ewma(position, span=span, observations_min=ceil(span / 2))


def normalised_momentum(normalised_price: Panel, Lfast: int, Lslow: int) -> Panel:
    """Crossover of the normalised price, whose daily volatility is 1 by construction.

    Carver, Advanced Futures Trading Strategies (2023), strategy 17.
    """
    return ewma(normalised_price, span=Lfast) - ewma(normalised_price, span=Lslow)
