"""Rules that compare an instrument with its asset class, or with where it was: relative momentum and mean reversion."""

from math import ceil

import numpy as np

from sysproduction.systems.rolling import mean
from sysproduction.systems.smoothing import Panel, differences, ewma, shifted


def relative_momentum(normalised_price: Panel, class_price: Panel, horizon: int) -> Panel:
    """How much faster the normalised price has risen a day, over `horizon` days, than that of its asset class, smoothed
    over a quarter of the horizon. Half of the days must have a change.

    Carver, Advanced Futures Trading Strategies (2023), strategy 19: cross-sectional momentum.
    """
    ahead = differences(normalised_price - class_price)
    return ewma(mean(ahead, horizon, ceil(horizon / 2)), span=max(horizon // 4, 1))


def mean_reversion(normalised_price: Panel, horizon: int) -> Panel:
    """How far the normalised price lies below its own mean of the last `horizon` days.

    Carver, Advanced Futures Trading Strategies (2023), part four: fast mean reversion to an equilibrium, here of the
    normalised price, which makes instruments comparable. Half of the days must have a price.
    """
    return mean(normalised_price, horizon, ceil(horizon / 2)) - normalised_price


def relative_mean_reversion(normalised_price: Panel, class_price: Panel, horizon: int) -> Panel:
    """What has outperformed its asset class over `horizon` days will give some of it back: minus the outperformance.

    Carver, Advanced Futures Trading Strategies (2023), strategy 20 (cross-sectional mean reversion).
    """
    ahead = normalised_price - class_price
    return np.negative(ahead - shifted(ahead, horizon)) / horizon
