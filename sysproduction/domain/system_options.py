"""What of a trading system is estimated from its own past, and how whole contracts are found by optimisation."""

from dataclasses import dataclass
from enum import StrEnum


class Pooling(StrEnum):
    """How one day's sizes of forecasts of all instruments become one number."""

    MEDIAN = "median"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class ScalarEstimate:
    """Forecast scalars: 10 over the average size of raw forecasts so far, pooled over instruments. `years` None: all
    that went before, else so many; no scalar before `days_min` days."""

    average: Pooling = Pooling.MEDIAN
    years: float | None = None
    days_min: int = 500


@dataclass(frozen=True, slots=True)
class MultiplierEstimate:
    """A diversification multiplier from correlations (negative ones count as 0), fitted once a year, at most `cap`,
    smoothed over `smoothing_days`. `years` None: from all that went before, else from so many."""

    years: float | None = None
    cap: float = 2.5
    smoothing_days: int = 125
    weeks_min: int = 20


@dataclass(frozen=True, slots=True)
class WeightEstimate:
    """Shares of the best Sharpe ratio, fitted once a year. Shrinkage 0 believes what was measured, 1 that all Sharpe
    ratios, and all correlations, are alike. `years` None: from all that went before, else from so many."""

    years: float | None = None
    sharpe_shrinkage: float = 0.9
    correlation_shrinkage: float = 0.5
    weeks_min: int = 52


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is estimated; None: the configured number holds."""

    forecast_scalars: ScalarEstimate | None = None
    forecast_weights: WeightEstimate | None = None
    forecast_div_multiplier: MultiplierEstimate | None = None
    instrument_weights: WeightEstimate | None = None
    instrument_div_multiplier: MultiplierEstimate | None = None

    @property
    def forecasts(self) -> bool:
        """Whether something about the blend of forecasts is estimated."""
        return any((self.forecast_scalars, self.forecast_weights, self.forecast_div_multiplier))

    @property
    def instruments(self) -> bool:
        """Whether something about the blend of instruments is estimated."""
        return any((self.instrument_weights, self.instrument_div_multiplier))


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Optimisation of whole contracts. `shadow_cost` is what a cost of trading counts as against a year's tracking
    error; within `tracking_error_buffer` (annual standard deviation, share of capital) one does not trade."""

    shadow_cost: float = 50.0
    tracking_error_buffer: float = 0.0125
    correlation_span_weeks: int = 25
