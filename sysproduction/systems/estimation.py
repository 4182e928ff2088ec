"""Scalars, shares and multipliers of a system: the configured ones, or those estimated from what was known by then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.system_options import MultiplierEstimate, ScalarEstimate, WeightEstimate
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.systems.correlations import Matrix
from sysproduction.systems.fitting import Fit, annual_fits, stepwise, week_ends, weekly_sums
from sysproduction.systems.forecasts import capped, filled
from sysproduction.systems.multipliers import fitted_correlations, multiplier
from sysproduction.systems.scalars import forecast_scalar
from sysproduction.systems.shrinkage import fitted_weights
from sysproduction.systems.smoothing import Panel, panel

Earned = Callable[[Panel], Panel]
"""From forecasts to what each instrument would have earned with all the capital: net, daily, percent of it."""


@dataclass(frozen=True, slots=True)
class Past:
    """What estimates are made from: the calendar, and what forecasts earned."""

    days: pd.DatetimeIndex
    earned: Earned


@dataclass(frozen=True, slots=True)
class Blend:
    """How forecasts become one: by rule a scalar and, if it is weighted, a share (one number or a column of days),
    and the multiplier: `fixed`, or from the correlations of `fits`."""

    scalars: Mapping[str, float | Panel]
    shares: Sequence[float | Panel]
    fixed: float
    estimate: MultiplierEstimate | None = None
    fits: Sequence[Fit] = ()
    matrices: Sequence[Matrix] = ()

    def multiplier(self, weights: Sequence[Panel]) -> float | Panel:
        """The diversification multiplier: an estimated one is a panel, since weights differ by instrument."""
        if self.estimate is None:
            return self.fixed
        return panel(multiplier(np.stack(weights, axis=-1), self.matrices, self.fits, self.estimate))


def make_blend(config: SystemConfig, raw: Mapping[str, Panel], past: Past, covered: NDArray[np.bool_] | None) -> Blend:
    """The configured blend, or where `covered` is given the one estimated from the raw forecasts of all instruments."""
    configured = {rule.name: np.nan if rule.scalar is None else rule.scalar for rule in config.rules}
    shares, fixed = list(config.forecast_weights.values()), config.forecast_div_multiplier
    if covered is None:
        return Blend(configured, shares, fixed)
    estimate = config.estimate
    scalars = {name: _scalar(said, configured[name], estimate.forecast_scalars) for name, said in raw.items()}
    scaled = {name: capped(raw[name], scalars[name], config.forecast_cap) for name in config.forecast_weights}
    known = filled(scaled, list(config.forecast_weights), covered)
    found = rule_shares(known, shares, past, estimate.forecast_weights)
    how = estimate.forecast_div_multiplier
    if how is None:
        return Blend(scalars, found, fixed)
    fits, ends = annual_fits(past.days, how.years), week_ends(past.days)
    sample = np.stack([forecast[ends] for forecast in known], axis=-1)
    return Blend(scalars, found, fixed, how, fits, fitted_correlations(sample, ends, fits, how))


def rule_shares(
    forecasts: Sequence[Panel], configured: Sequence[float], past: Past, estimate: WeightEstimate | None
) -> list[float | Panel]:
    """The share of each rule; estimated ones, from the returns of all instruments together, are columns of days."""
    if estimate is None:
        return list(configured)
    fits, ends = annual_fits(past.days, estimate.years), week_ends(past.days)
    returns = [weekly_sums(past.earned(forecast), ends) for forecast in forecasts]
    found = fitted_weights(np.stack(returns, axis=-1), ends, fits, estimate)
    shares = stepwise(fits, found, np.array(configured), len(past.days))
    return [shares[:, column : column + 1] for column in range(len(configured))]


def instrument_shares(
    returns: Panel | None, configured: NDArray[np.float64], past: Past, estimate: WeightEstimate | None
) -> NDArray[np.float64]:
    """The shares of instruments; estimated ones, from `returns` with all capital on each, are a panel."""
    if estimate is None or returns is None:
        return configured
    fits, ends = annual_fits(past.days, estimate.years), week_ends(past.days)
    found = fitted_weights(weekly_sums(returns, ends), ends, fits, estimate)
    return stepwise(fits, found, configured, len(past.days))


def instrument_multiplier(
    returns: Panel | None, weights: Panel, configured: float, past: Past, estimate: MultiplierEstimate | None
) -> NDArray[np.float64]:
    """The instrument diversification multiplier by day."""
    if estimate is None or returns is None:
        return np.full(len(past.days), configured)
    fits, ends = annual_fits(past.days, estimate.years), week_ends(past.days)
    matrices = fitted_correlations(weekly_sums(returns, ends), ends, fits, estimate)
    return multiplier(weights, matrices, fits, estimate)


def _scalar(raw: Panel, configured: float, estimate: ScalarEstimate | None) -> float | Panel:
    """The configured scalar holds until there is an estimated one, which is a column of days."""
    if estimate is None:
        return configured
    found = forecast_scalar(raw, estimate)
    return np.where(np.isnan(found), configured, found)[:, None]
