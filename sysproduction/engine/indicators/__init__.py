"""Indicators of bars, each in one pass over a history and bar by bar, bit for bit the same."""

from sysproduction.engine.indicators.base import Indicator, Stream

__all__ = ["Indicator", "Stream"]
