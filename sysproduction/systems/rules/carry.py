"""Carry: what holding earns if prices stay where they are, in units of risk."""

from sysproduction.systems.smoothing import Panel, ewma


def carry(raw_carry: Panel, smooth_days: int = 90) -> Panel:
    """Annual carry over annual volatility, smoothed exponentially with `smooth_days` as centre of mass.

    Carver, Systematic Trading (2015), appendix B.
    """
    return ewma(raw_carry, com=smooth_days)
