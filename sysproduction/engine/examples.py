"""Strategies on bars to begin with, to measure with, and to copy from."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sysproduction.domain.events import Action, Side
from sysproduction.engine.indicators import ATR, SMA, DonchianLower, DonchianUpper
from sysproduction.engine.parameters import ParamSpec
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy


class MovingAverageCross(Strategy):
    """Long while the fast average of the close is above the slow one, flat while it is below."""

    parameters: ClassVar = {
        "fast": ParamSpec(20, min=1, step=5),
        "slow": ParamSpec(100, min=2, step=10),
        "quantity": ParamSpec(1, min=1),
    }
    fast: int
    slow: int
    quantity: int

    def setup(self) -> None:
        """Two averages."""
        self.fast_average = self.indicator(SMA(self.fast))
        self.slow_average = self.indicator(SMA(self.slow))

    def on_bar(self, bar: Bar) -> None:
        """Buy above, sell below."""
        del bar
        fast, slow = self.fast_average.now, self.slow_average.now
        if fast > slow:
            if self.position == 0:
                self.buy(self.quantity, action=Action.ENTRY_LONG)
        elif fast < slow and self.position > 0:
            self.sell(self.position, action=Action.EXIT_LONG)

    def wake(self, symbol: str) -> npt.NDArray[np.bool_]:
        """Where the averages cross, and at the first bar that has both."""
        side = np.sign(self.fast_average.full[symbol] - self.slow_average.full[symbol])
        before = np.concatenate([[np.nan], side[:-1]])
        crosses: npt.NDArray[np.bool_] = ~np.isnan(side) & (side != before)
        return crosses


class ChannelBreakout(Strategy):
    """Buys above the highest and sells below the lowest price of some bars, with a stop a few true ranges away and a
    profit target twice as far; of these the first that trades cancels the other."""

    parameters: ClassVar = {
        "channel": ParamSpec(20, min=2, step=10),
        "stop_ranges": ParamSpec(3.0, min=0.1, step=0.5),
        "quantity": ParamSpec(1, min=1),
    }
    channel: int
    stop_ranges: float
    quantity: int

    def setup(self) -> None:
        """The channel and the true range."""
        self.top = self.indicator(DonchianUpper(self.channel))
        self.bottom = self.indicator(DonchianLower(self.channel))
        self.true_range = self.indicator(ATR(self.channel))

    def on_bar(self, bar: Bar) -> None:
        """While flat, enter where the bar closes outside the channel of the bars before it."""
        if self.position != 0:
            return
        away = self.stop_ranges * self.true_range.now
        if bar.close > self.top[-2]:
            self._enter(Side.BUY, bar.close, away)
        elif bar.close < self.bottom[-2]:
            self._enter(Side.SELL, bar.close, -away)

    def _enter(self, side: Side, close: float, away: float) -> None:
        self.bracket(side, self.quantity, stop_loss=close - away, take_profit=close + 2 * away)
