"""Settings of trading: which broker, the paper exchange and the faults that it commits on purpose, and market hours."""

from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from sysproduction.config import words
from sysproduction.config.fields import Count, Currency, Fraction, Strict, Text
from sysproduction.config.problems import Unfit, closest
from sysproduction.domain.broker_faults import FaultKind, PlannedFault
from sysproduction.domain.market_hours import MarketHours
from sysproduction.domain.paper import PaperRules


class BrokerSettings(Strict):
    """Who trades our orders; none: they are made and kept, and nothing is sent."""

    kind: Literal["paper", "none"] = Field(description="paper or none")


class FaultSettings(Strict):
    """See PlannedFault."""

    count: Count = 1
    within: Count = 10
    calls: Count = 3


class PaperSettings(Strict):
    """See PaperRules."""

    value: float = Field(gt=0, le=1e15, allow_inf_nan=False, description="an amount above 0")
    currency: Currency
    margin_rate: Fraction
    latency_seconds: float = Field(ge=0, le=3600, allow_inf_nan=False, description="a number of seconds from 0 to 3600")
    restart_at: Annotated[time | None, PlainValidator(words.time_or_none)] = Field(
        default=None, description="a time of day such as 23:45, or null"
    )
    seed: int = Field(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")
    faults: dict[str, FaultSettings] = Field(
        default={}, description="a map from faults to how often, such as reject: {count: 1, within: 10}"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.faults:
            if name not in list(FaultKind):
                kinds = ", ".join(FaultKind)
                raise Unfit(
                    f"is no fault of a paper exchange: choose of {kinds}",
                    at=[f"faults.{name}"],
                    suggestion=closest(name, list(FaultKind)),
                )
        return self

    def rules(self) -> PaperRules:
        """The frozen value."""
        faults = tuple(PlannedFault(FaultKind(name), **fault.model_dump()) for name, fault in self.faults.items())
        return PaperRules(
            value=self.value,
            currency=self.currency,
            margin_rate=self.margin_rate,
            latency_seconds=self.latency_seconds,
            restart_at=self.restart_at,
            seed=self.seed,
            faults=faults,
        )


class HoursSettings(Strict):
    """See MarketHours."""

    regions: dict[str, Text] = Field(description="a map from regions to calendars, such as US: CMES")
    instruments: dict[str, Text] = Field(
        default={}, description="a map from instrument codes to calendars, such as CORN: CMES"
    )

    def hours(self) -> MarketHours:
        """The frozen value."""
        return MarketHours(self.regions, self.instruments)
