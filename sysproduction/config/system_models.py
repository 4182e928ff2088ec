"""What the YAML of a trading system may say."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from sysproduction.config import words
from sysproduction.config.fields import Flag, Strict, Text
from sysproduction.config.problems import Unfit, closest
from sysproduction.config.process_models import Arguments
from sysproduction.domain.system_options import (
    Dynamic,
    Estimate,
    MultiplierEstimate,
    Pooling,
    ScalarEstimate,
    WeightEstimate,
)
from sysproduction.domain.trading_systems import Buffering, BufferMethod, CostMethod, Quirk

ALL = "all"
QUIRKS = tuple(quirk.value for quirk in Quirk)
SUM_TOLERANCE = 0.01
"""Weights may miss a sum of 1 by this much, for they are often rounded; they are normalised anyway."""

_BUFFERING, _DYNAMIC = Buffering(), Dynamic()
_SCALAR, _MULTIPLIER, _WEIGHT = ScalarEstimate(), MultiplierEstimate(), WeightEstimate()


def _quirks(value: Any) -> frozenset[Quirk]:
    if value == ALL:
        return frozenset(Quirk)
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise Unfit
    for name in names:
        if name not in QUIRKS:
            near = closest(name, (*QUIRKS, ALL)) if isinstance(name, str) else None
            raise Unfit(f"holds {name!r}, which is none of {', '.join((*QUIRKS, ALL))}", suggestion=near)
    return frozenset(Quirk(name) for name in names)


def _codes(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(code, str) and code for code in value):
        raise Unfit
    if not value:
        raise Unfit("is an empty list: name the instruments, or leave the key out")
    if len(set(value)) < len(value):
        raise Unfit("names an instrument twice")
    return tuple(value)


def _summing(weights: dict[str, float]) -> dict[str, float]:
    if not weights:
        raise Unfit("is empty: give each a share, such as 0.5; shares sum to 1")
    total = sum(weights.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise Unfit(f"the shares sum to {total:.6g}, but must sum to 1")
    return weights


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise Unfit(suggestion=value.upper() if re.fullmatch(r"[A-Za-z]{3}", value) else None)
    return value


def _last_moment(value: Any) -> datetime | None:
    """As a moment; a date alone is its whole day."""
    found = words.moment(value)
    alone = isinstance(value, str) and len(value) == len("2010-01-01")
    return found + timedelta(days=1, microseconds=-1) if found is not None and alone else found


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weights = Annotated[
    dict[str, Share], Field(description="a map from names to shares from 0 to 1"), AfterValidator(_summing)
]
Multiplier = Annotated[float, Field(ge=1, le=20, allow_inf_nan=False, description="a number from 1 to 20")]
_MOMENT = Field(description="a date such as 2010-01-01, a moment such as 2010-01-01T07:00, or null")
Moment = Annotated[datetime | None, PlainValidator(words.moment), _MOMENT]
LastMoment = Annotated[datetime | None, PlainValidator(_last_moment), _MOMENT]

Years = Annotated[
    float | None,
    Field(gt=0, le=200, allow_inf_nan=False, description="a number of years, or null for everything before"),
]
Shrinkage = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="a share from 0 to 1")]
WeeksMin = Annotated[int, Field(ge=2, le=10_000, description="a whole number of weeks from 2 to 10000")]


class RuleModel(Strict):
    """One variation of a trading rule; see RuleSpec."""

    function: Text
    arguments: Arguments = Field(default={})
    scalar: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False, description="a number above 0")


class Switched(Strict):
    """A section that is also switched on by `true`, or by being there, and off by `false`."""

    enabled: Flag = False

    @model_validator(mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {"enabled": value}
        return {"enabled": True, **value} if isinstance(value, dict) else value


class ScalarModel(Switched):
    """See ScalarEstimate."""

    average: Literal["median", "mean"] = Field(default=_SCALAR.average.value, description="median or mean")
    years: Years = _SCALAR.years
    days_min: int = Field(default=_SCALAR.days_min, ge=1, le=100_000, description="a whole number of days from 1")

    def estimate(self) -> ScalarEstimate | None:
        """The frozen value, None if switched off."""
        return ScalarEstimate(Pooling(self.average), self.years, self.days_min) if self.enabled else None


class MultiplierModel(Switched):
    """See MultiplierEstimate."""

    years: Years = _MULTIPLIER.years
    cap: float = Field(default=_MULTIPLIER.cap, ge=1, le=20, allow_inf_nan=False, description="a number from 1 to 20")
    smoothing_days: int = Field(
        default=_MULTIPLIER.smoothing_days, ge=1, le=10_000, description="a whole number of days from 1 to 10000"
    )
    weeks_min: WeeksMin = _MULTIPLIER.weeks_min

    def estimate(self) -> MultiplierEstimate | None:
        """The frozen value, None if switched off."""
        return MultiplierEstimate(self.years, self.cap, self.smoothing_days, self.weeks_min) if self.enabled else None


class WeightModel(Switched):
    """See WeightEstimate."""

    years: Years = _WEIGHT.years
    sharpe_shrinkage: Shrinkage = _WEIGHT.sharpe_shrinkage
    correlation_shrinkage: Shrinkage = _WEIGHT.correlation_shrinkage
    weeks_min: WeeksMin = _WEIGHT.weeks_min

    def estimate(self) -> WeightEstimate | None:
        """The frozen value, None if switched off."""
        if not self.enabled:
            return None
        return WeightEstimate(self.years, self.sharpe_shrinkage, self.correlation_shrinkage, self.weeks_min)


class EstimateModel(Strict):
    """See Estimate."""

    forecast_scalars: ScalarModel = ScalarModel(enabled=False)
    forecast_weights: WeightModel = WeightModel(enabled=False)
    forecast_div_multiplier: MultiplierModel = MultiplierModel(enabled=False)
    instrument_weights: WeightModel = WeightModel(enabled=False)
    instrument_div_multiplier: MultiplierModel = MultiplierModel(enabled=False)

    def estimate(self) -> Estimate:
        """The frozen value."""
        return Estimate(
            self.forecast_scalars.estimate(),
            self.forecast_weights.estimate(),
            self.forecast_div_multiplier.estimate(),
            self.instrument_weights.estimate(),
            self.instrument_div_multiplier.estimate(),
        )


class DynamicModel(Switched):
    """See Dynamic."""

    shadow_cost: float = Field(
        default=_DYNAMIC.shadow_cost, ge=0, le=1e6, allow_inf_nan=False, description="a number from 0"
    )
    tracking_error_buffer: float = Field(
        default=_DYNAMIC.tracking_error_buffer,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="a share of capital from 0 to 1, such as 0.0125",
    )
    correlation_span_weeks: int = Field(
        default=_DYNAMIC.correlation_span_weeks, ge=2, le=1000, description="a whole number of weeks from 2 to 1000"
    )

    def dynamic(self) -> Dynamic | None:
        """The frozen value, None if switched off."""
        if not self.enabled:
            return None
        return Dynamic(self.shadow_cost, self.tracking_error_buffer, self.correlation_span_weeks)


class BufferModel(Strict):
    """See Buffering."""

    method: Literal["forecast", "position", "none"] = Field(
        default=_BUFFERING.method.value, description="forecast, position or none"
    )
    size: float = Field(
        default=_BUFFERING.size, ge=0, le=1, allow_inf_nan=False, description="a share from 0 to 1, such as 0.1"
    )
    trade_to_edge: Flag = _BUFFERING.trade_to_edge
    round: Flag = _BUFFERING.round

    def buffering(self) -> Buffering:
        """The frozen value."""
        return Buffering(BufferMethod(self.method), self.size, self.trade_to_edge, self.round)


class SystemModel(Strict):
    """A whole system; `rules` are checked one by one, as RuleModel. `instruments` None are those with a weight."""

    instruments: Annotated[tuple[str, ...] | None, PlainValidator(_codes)] = Field(
        default=None, description="a list of instrument codes such as [CORN, US10]"
    )
    rules: dict[str, Any] = Field(min_length=1, description="a map from names to rules: function, arguments, scalar")
    forecast_weights: Weights = Field(default={})
    forecast_div_multiplier: Multiplier = 1.0
    forecast_cap: float = Field(default=20.0, gt=0, le=1e6, allow_inf_nan=False, description="a number above 0")
    instrument_weights: Weights = Field(default={})
    instrument_div_multiplier: Multiplier = 1.0
    capital: float = Field(gt=0, le=1e15, allow_inf_nan=False, description="an amount above 0")
    base_currency: Annotated[str, AfterValidator(_currency)] = Field(description="three capital letters such as USD")
    percentage_vol_target: float = Field(
        gt=0, le=200, allow_inf_nan=False, description="a number of percent a year above 0, at most 200"
    )
    buffer: BufferModel = BufferModel()
    costs: Literal["cash", "sharpe", "none"] = Field(default="cash", description="cash, sharpe or none")
    estimate: EstimateModel = EstimateModel()
    dynamic: DynamicModel = DynamicModel(enabled=False)
    start: Moment = None
    end: LastMoment = None
    reproduce: Annotated[frozenset[Quirk], BeforeValidator(_quirks)] = Field(
        default=frozenset(), description=f"all, or a list of some of {', '.join(QUIRKS)}"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise Unfit("end is not after start", at=["end", "start"])
        for name, estimated in (
            ("forecast_weights", self.estimate.forecast_weights.enabled),
            ("instrument_weights", self.estimate.instrument_weights.enabled and self.instruments is not None),
        ):
            if not getattr(self, name) and not estimated:
                alone = " and instruments are listed" if name == "instrument_weights" else ""
                raise Unfit(f"{name} is missing: only with estimate.{name}{alone} it may be", at=[name])
        return self

    @property
    def cost_method(self) -> CostMethod:
        """The frozen value."""
        return CostMethod(self.costs)


assert set(get_args(SystemModel.model_fields["costs"].annotation)) == {method.value for method in CostMethod}
