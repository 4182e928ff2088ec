"""Indicators of bars, each in one pass over a history and bar by bar, bit for bit the same."""

from sysproduction.engine.indicators.averages import EMA, SMA, Difference, detrend, macd, macd_histogram, macd_signal
from sysproduction.engine.indicators.base import Indicator, Stream
from sysproduction.engine.indicators.prices import Close, High, Low, Open, Volume
from sysproduction.engine.indicators.ranges import (
    ROC,
    BollingerBandwidth,
    BollingerLower,
    BollingerUpper,
    Deviation,
    DonchianLower,
    DonchianUpper,
    PeriodHigh,
    PeriodLow,
)
from sysproduction.engine.indicators.wilder import ADX, ATR, RSI, MinusDI, ParabolicSAR, PlusDI

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "ROC",
    "RSI",
    "SMA",
    "BollingerBandwidth",
    "BollingerLower",
    "BollingerUpper",
    "Close",
    "Deviation",
    "Difference",
    "DonchianLower",
    "DonchianUpper",
    "High",
    "Indicator",
    "Low",
    "MinusDI",
    "Open",
    "ParabolicSAR",
    "PeriodHigh",
    "PeriodLow",
    "PlusDI",
    "Stream",
    "Volume",
    "detrend",
    "macd",
    "macd_histogram",
    "macd_signal",
]
