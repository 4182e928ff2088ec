"""The sections `estimate` and `dynamic` of a system's file."""

from pathlib import Path

import pytest

from sysproduction.config.problems import InvalidConfig
from sysproduction.config.systems import load_system
from sysproduction.domain.system_options import (
    Dynamic,
    Estimate,
    MultiplierEstimate,
    Pooling,
    ScalarEstimate,
    WeightEstimate,
)
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.processes.system_files import rule_book

SHORT = """
instruments: [CORN, US10]
rules:
  fast: {function: ewmac, arguments: {Lfast: 4, Lslow: 16}}
  slow: {function: ewmac, arguments: {Lfast: 16, Lslow: 64}}
capital: 1000000
base_currency: USD
percentage_vol_target: 20
"""
ALL = "estimate: {forecast_scalars: true, forecast_weights: true, instrument_weights: true}\n"


def load(folder: Path, text: str) -> SystemConfig:
    path = folder / "system.yaml"
    path.write_text(text)
    return load_system(path, rule_book())


def problems(folder: Path, text: str) -> str:
    with pytest.raises(InvalidConfig) as failed:
        load(folder, text)
    return str(failed.value)


def test_what_is_estimated_may_be_left_out(tmp_path):
    """With estimates, weights and scalars need not be written; until the first fit, shares are alike."""
    config = load(tmp_path, SHORT + ALL)
    assert config.estimate == Estimate(ScalarEstimate(), WeightEstimate(), None, WeightEstimate(), None)
    assert config.forecast_weights == {"fast": 0.5, "slow": 0.5}
    assert config.instrument_weights == {"CORN": 0.5, "US10": 0.5}
    assert [rule.scalar for rule in config.rules] == [None, None]
    assert config.dynamic is None


def test_settings_of_estimates(tmp_path):
    """A map switches an estimate on with its own settings; `enabled: false` switches it off again."""
    config = load(
        tmp_path,
        SHORT
        + """
estimate:
  forecast_scalars: {average: mean, years: 5, days_min: 100}
  forecast_weights: {sharpe_shrinkage: 1, correlation_shrinkage: 0, weeks_min: 26}
  forecast_div_multiplier: {cap: 2, smoothing_days: 50}
  instrument_weights: {years: 10}
  instrument_div_multiplier: {enabled: false, years: 10}
dynamic: {shadow_cost: 10, tracking_error_buffer: 0.02}
""",
    )
    assert config.estimate == Estimate(
        ScalarEstimate(Pooling.MEAN, 5, 100),
        WeightEstimate(None, 1.0, 0.0, 26),
        MultiplierEstimate(None, 2.0, 50),
        WeightEstimate(10),
        None,
    )
    assert config.dynamic == Dynamic(10.0, 0.02, 25)
    assert load(tmp_path, SHORT + ALL + "dynamic: true\n").dynamic == Dynamic()


def test_what_is_not_estimated_may_not_be_left_out(tmp_path):
    """Without an estimate, missing weights and scalars are named."""
    said = problems(tmp_path, SHORT)
    assert "forecast_weights is missing: only with estimate.forecast_weights it may be" in said
    weights = "forecast_weights: {fast: 0.5, slow: 0.5}\ninstrument_weights: {CORN: 0.5, US10: 0.5}\n"
    said = problems(tmp_path, SHORT + weights)
    assert "rules.fast.scalar: is missing" in said
    assert "rules.slow.scalar: is missing" in said


def test_weights_without_instruments(tmp_path):
    """Estimated instrument weights need a list of instruments: where else would they come from?"""
    said = problems(tmp_path, SHORT.replace("instruments: [CORN, US10]\n", "") + ALL)
    assert "instrument_weights is missing: only with estimate.instrument_weights and instruments are listed" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("estimate: {forecast_scalar: true}", "estimate.forecast_scalar: unknown key; did you mean forecast_scalars?"),
        (
            "estimate: {forecast_scalars: {averge: mean}}",
            "estimate.forecast_scalars.averge: unknown key; did you mean average?",
        ),
        ("estimate: {forecast_scalars: {average: mode}}", "must be median or mean"),
        ("estimate: {instrument_weights: {years: -1}}", "must be a number of years, or null for everything before"),
        ("estimate: {instrument_weights: 3}", "estimate.instrument_weights: must be a map"),
        ("estimate: {instrument_div_multiplier: {cap: 0.5}}", "must be a number from 1 to 20"),
        ("dynamic: {shadow_costs: 3}", "dynamic.shadow_costs: unknown key; did you mean shadow_cost?"),
    ],
)
def test_mistakes_are_named(tmp_path, line, said):
    """An unknown key gets a suggestion, a wrong value says what is right."""
    text = SHORT + (line if line.startswith("estimate") else ALL + line) + "\n"
    assert said.replace("; did you", "").replace(" ", "") in problems(tmp_path, text).replace("; did you", "").replace(
        " ", ""
    )
