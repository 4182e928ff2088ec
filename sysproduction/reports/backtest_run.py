"""A finished backtest as its report needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

INSTRUMENTS_BY_DAY: Final = 20
"""Up to so many instruments are drawn day by day, more of them week by week."""

TOTAL: Final = "TOTAL"


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """The tables that a run has written, by their columns, with days as index; `series` by instrument."""

    title: str
    summary: Mapping[str, Any]
    portfolio: pd.DataFrame
    series: Mapping[str, pd.DataFrame]

    def curve(self, column: str) -> "pd.Series[float]":
        """Sum of daily percents so far."""
        return self.portfolio[column].fillna(0.0).cumsum()

    def drawdown(self) -> "pd.Series[float]":
        """How far the net curve lies below its highest value so far, 0 or negative."""
        net = self.curve(f"{TOTAL}_net")
        return net - np.maximum(net.cummax(), 0.0)

    def costs(self, instrument: str) -> "pd.Series[float]":
        """Daily percent that was paid, 0 or negative."""
        return self.portfolio[f"{instrument}_net"] - self.portfolio[f"{instrument}_gross"]

    def drawn(self, instrument: str) -> pd.DataFrame:
        """The instrument's steps on the days that are drawn."""
        table = self.series[instrument]
        by_day = len(self.series) <= INSTRUMENTS_BY_DAY
        return table if by_day else table[pd.DatetimeIndex(table.index).weekday == 4]
