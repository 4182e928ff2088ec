"""Estimated scalars, shares and multipliers: what they are, and that they never know the future."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.system_options import (
    Dynamic,
    Estimate,
    MultiplierEstimate,
    Pooling,
    ScalarEstimate,
    WeightEstimate,
)
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.systems import system
from sysproduction.systems.fitting import annual_fits
from sysproduction.systems.scalars import forecast_scalar
from sysproduction.systems.system import SystemResult
from tests.system_market import invented_market, invented_system

EXPANDING = Estimate(
    ScalarEstimate(days_min=60),
    WeightEstimate(sharpe_shrinkage=0.3, weeks_min=10),
    MultiplierEstimate(weeks_min=10),
    WeightEstimate(sharpe_shrinkage=0.3, weeks_min=10),
    MultiplierEstimate(weeks_min=10),
)
ROLLING = Estimate(
    ScalarEstimate(Pooling.MEAN, years=0.5, days_min=60),
    WeightEstimate(years=1, weeks_min=10),
    MultiplierEstimate(years=1, weeks_min=10),
    WeightEstimate(years=1, weeks_min=10),
    MultiplierEstimate(years=1, weeks_min=10),
)
DAYS = 700
SMALL = 60_000.0


def with_estimate(estimate: Estimate) -> SystemConfig:
    return replace(invented_system(), estimate=estimate)


def changed_after(market: MarketData, row: int, seed: int) -> MarketData:
    """The same market up to a row of its first instrument, and other prices from there on."""
    moment = next(iter(market.histories.values())).adjusted.index[row]
    other = invented_market(seed, DAYS + 100)
    histories = {}
    for code, history in market.histories.items():
        theirs = other.histories[code]
        keep, take = history.adjusted.index <= moment, theirs.adjusted.index > moment
        histories[code] = History(
            history.listing,
            pd.concat([history.adjusted[keep], theirs.adjusted[take] * 3.0]),
            pd.concat([history.multiple[keep], theirs.multiple[take]]),
        )
    return MarketData(histories, {})


def figures(result: SystemResult, rows: int) -> dict[str, np.ndarray]:
    panels = {f"capped {name}": panel for name, panel in result.forecasts.capped.items()}
    panels |= {f"weight {name}": panel for name, panel in result.forecasts.weights.items()}
    positions = result.positions
    panels |= {"combined": result.forecasts.combined, "weights": positions.weights, "IDM": positions.multiplier}
    panels |= {"optimal": positions.optimal, "held": positions.held, "net": result.account.net}
    return {name: panel[:rows] for name, panel in panels.items()}


@given(
    row=st.integers(40, DAYS - 2),
    seed=st.integers(1, 1000),
    config=st.sampled_from(
        [
            with_estimate(EXPANDING),
            with_estimate(ROLLING),
            replace(with_estimate(EXPANDING), dynamic=Dynamic(), capital=SMALL),
        ]
    ),
)
@settings(max_examples=25, deadline=None)
def test_the_future_never_changes_the_past(row, seed, config):
    """Other prices after a day leave every estimate, forecast, position and return up to that day exactly as it was."""
    market = invented_market(1, DAYS)
    before = figures(system.run(config, market, keep_rules=True), row + 1)
    after = figures(system.run(config, changed_after(market, row, seed), keep_rules=True), row + 1)
    for name, panel in before.items():
        np.testing.assert_array_equal(panel, after[name], err_msg=name)


@pytest.mark.parametrize(
    "name",
    [
        "forecast_scalars",
        "forecast_weights",
        "forecast_div_multiplier",
        "instrument_weights",
        "instrument_div_multiplier",
    ],
)
def test_each_estimate_is_switched_on_alone(name):
    """Each estimate changes what is held, from its first fit on and not before."""
    market = invented_market(1, DAYS)
    fixed = system.run(invented_system(), market).positions.optimal
    alone = Estimate(**{name: getattr(EXPANDING, name)})
    estimated = system.run(with_estimate(alone), market).positions.optimal
    first = (
        59
        if name == "forecast_scalars"
        else annual_fits(system.run(invented_system(), market).prices.days, None)[0].row
    )
    np.testing.assert_array_equal(fixed[:first], estimated[:first])
    assert np.nanmax(np.abs(fixed[first:] - estimated[first:])) > 0.01


def test_a_rule_without_scalar_waits_for_one():
    """A rule without a configured scalar has no forecast before its scalar is estimated, and the usual size after."""
    config = invented_system()
    rules = tuple(replace(rule, scalar=None) for rule in config.rules)
    config = replace(config, rules=rules, estimate=Estimate(forecast_scalars=ScalarEstimate(days_min=200)))
    said = system.run(config, invented_market(1, 3000), keep_rules=True).forecasts.capped["ewmac4_16"]
    assert np.isnan(said[:190]).all()
    assert np.nanmean(np.abs(said[300:])) == pytest.approx(10.0, rel=0.1)


@given(st.floats(0.01, 100.0))
@settings(max_examples=20, deadline=None)
def test_scalars_undo_a_scale(scale):
    """A raw forecast times its scalar does not depend on the unit of the raw forecast."""
    raw = np.random.default_rng(3).normal(size=(400, 5))
    estimate = ScalarEstimate(days_min=50)
    one, other = forecast_scalar(raw, estimate), forecast_scalar(raw * scale, estimate)
    np.testing.assert_allclose(one, other * scale, rtol=1e-9)


@pytest.mark.parametrize(("average", "pool"), [(Pooling.MEDIAN, np.nanmedian), (Pooling.MEAN, np.nanmean)])
@pytest.mark.parametrize("years", [None, 100 / 256])
def test_scalars_by_definition(average, pool, years):
    """A scalar is 10 over the mean of the days' pooled absolute forecasts: of all so far, or of the last years."""
    raw = np.random.default_rng(5).normal(size=(300, 4))
    raw[10:40, 1] = np.nan
    raw[50] = np.nan
    found = forecast_scalar(raw, ScalarEstimate(average, years=years, days_min=20))
    assert np.isnan(found[:19]).all()
    for row in (19, 60, 299):
        days = np.abs(raw[max(0, row - 99) if years else 0 : row + 1])
        known = ~np.isnan(days).all(axis=1)
        assert found[row] == pytest.approx(10.0 / pool(days[known], axis=1).mean())


def test_a_silent_rule_has_no_scalar():
    """Forecasts that are always zero have no scalar, rather than an infinite one."""
    assert np.isnan(forecast_scalar(np.zeros((100, 2)), ScalarEstimate(days_min=10))).all()


def test_fits_are_made_at_each_new_year():
    """Fits come at the first business day of each year, from everything before or from the last years only."""
    days = pd.bdate_range("2000-03-01", "2004-02-01")
    expanding, rolling = annual_fits(days, None), annual_fits(days, 2.0)
    assert [days[fit.row].strftime("%Y-%m-%d") for fit in expanding] == [
        "2001-01-01",
        "2002-01-01",
        "2003-01-01",
        "2004-01-01",
    ]
    assert all(fit.start == 0 for fit in expanding)
    assert days[rolling[-1].start].strftime("%Y-%m-%d") == "2002-01-01"
    assert [fit.end for fit in expanding] == [*(fit.row for fit in expanding[1:]), len(days)]
