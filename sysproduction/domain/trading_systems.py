"""A trading system as configured: its rules, weights, risk target, buffering and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sysproduction.domain.system_options import Dynamic, Estimate


class Quirk(StrEnum):
    """A defect of the reference implementation that can be reproduced for comparison."""

    END_OF_SAMPLE_COSTS = "end_of_sample_costs"
    """Costs are scaled by volatility, price and turnover of the whole sample, which nobody knew at the time."""

    DEAD_SERIES = "dead_series"
    """A series whose last 180 days did not move makes net returns infinite or missing, the portfolio's too."""

    NEGATIVE_PRICE = "negative_price"
    """A negative contract price turns the sign of the position."""

    ZERO_FORECAST = "zero_forecast"
    """A raw forecast of exactly zero counts as missing, so that the one before it stays."""

    FREE_COMMISSION = "free_commission"
    """Percentage commissions are of the back-adjusted price, so that a trade at a negative or a missing one pays none;
    and the first position of an unbuffered system costs nothing."""

    MISSING_COSTS = "missing_costs"
    """Total costs are missing, not zero, before the first and after the last day that has any."""


class BufferMethod(StrEnum):
    """What the width of the band in which positions are left alone is measured by."""

    FORECAST = "forecast"
    POSITION = "position"
    NONE = "none"


class CostMethod(StrEnum):
    """Costs of each trade and roll in money, a steady drag in Sharpe ratio units, or none."""

    CASH = "cash"
    SHARPE = "sharpe"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One variation of a trading rule: what is called with which arguments, and what its raw forecast is multiplied by
    to average 10 in size (None: nothing, until a scalar is estimated)."""

    name: str
    function: str
    scalar: float | None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Buffering:
    """The band has `size` of an average position (forecast) or of the position itself on either side. Outside it one
    trades to its edge, or else to the optimum; `round`: in whole contracts."""

    method: BufferMethod = BufferMethod.FORECAST
    size: float = 0.1
    trade_to_edge: bool = True
    round: bool = True


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """A system. Weights are shares that sum to 1; like multipliers and scalars they hold until the first fit of what
    `estimate` replaces. `capital` is in the base currency and `percentage_vol_target` the annual standard deviation
    aimed at, in percent of it. With `dynamic`, whole contracts are found by optimisation instead of buffering. `start`
    and `end` cut the recorded prices (None: all)."""

    instruments: tuple[str, ...]
    rules: tuple[RuleSpec, ...]
    forecast_weights: Mapping[str, float]
    instrument_weights: Mapping[str, float]
    capital: float
    base_currency: str
    forecast_div_multiplier: float = 1.0
    instrument_div_multiplier: float = 1.0
    forecast_cap: float = 20.0
    percentage_vol_target: float = 20.0
    buffer: Buffering = Buffering()
    costs: CostMethod = CostMethod.CASH
    start: datetime | None = None
    end: datetime | None = None
    reproduce: frozenset[Quirk] = frozenset()
    estimate: Estimate = field(default_factory=Estimate)
    dynamic: Dynamic | None = None
