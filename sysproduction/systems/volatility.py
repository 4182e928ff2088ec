"""Daily volatility in price points: a short and a very long exponentially weighted deviation, mixed."""

from typing import Final

import numpy as np

from sysproduction.systems.smoothing import Panel, differences, ewm_std, ewma

DAYS_A_YEAR: Final = 256
"""Business days that a year counts as."""

ROOT_OF_YEAR: Final = 16.0
"""Annual over daily volatility: the root of DAYS_A_YEAR."""

SPAN: Final = 35
SLOW_SPAN: Final = 10 * DAYS_A_YEAR
SLOW_SHARE: Final = 0.3
OBSERVATIONS_MIN: Final = 10
FLOOR: Final = 1e-10


def daily_volatility(price: Panel) -> Panel:
    """Standard deviation of daily price changes, in points, known from the tenth change on.

    Carver, Advanced Futures Trading Strategies (2023), strategy 3: 0.7 x the deviation with a span of 35 days plus
    0.3 x its ten-year mean. Never below FLOOR.
    """
    fast = ewm_std(differences(price), span=SPAN, observations_min=OBSERVATIONS_MIN)
    slow = ewma(fast, span=SLOW_SPAN)
    mixed = SLOW_SHARE * slow + (1.0 - SLOW_SHARE) * fast
    return np.where(mixed < FLOOR, FLOOR, mixed)
