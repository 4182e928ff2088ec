"""Changing the future never changes the past, and scales do not matter."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.trading_systems import Buffering, BufferMethod, CostMethod, Quirk, RuleSpec, SystemConfig
from sysproduction.systems.catalogue import SHIPPED
from sysproduction.systems.rule_accounts import rule_account
from sysproduction.systems.system import SystemResult, run
from tests.made_markets import RULES, made_system, markets, simple_market

ARGUMENTS: dict[str, dict[str, int]] = {
    "ewmac": {"Lfast": 4, "Lslow": 16},
    "carry": {"smooth_days": 20},
    "breakout": {"lookback": 30},
    "accel": {"Lfast": 8},
    "relative_momentum": {"horizon": 20},
    "normalised_momentum": {"Lfast": 4, "Lslow": 16},
    "skew": {"lookback": 30, "smooth": 10},
    "mean_reversion": {"horizon": 20},
    "relative_mean_reversion": {"horizon": 20},
}


def every_rule(config: SystemConfig) -> SystemConfig:
    """The system with each shipped rule, equally weighted."""
    rules = tuple(RuleSpec(name, name, 5.0, ARGUMENTS[name]) for name in SHIPPED)
    return replace(config, rules=rules, forecast_weights=dict.fromkeys(SHIPPED, 1.0 / len(SHIPPED)))


def with_other_future(market: MarketData, since: pd.Timestamp, seed: int) -> MarketData:
    """The market with other prices and rates after a moment, at the same stamps."""
    chance = np.random.default_rng(seed)

    def shaken(series: pd.Series, size: float) -> pd.Series:
        noise = np.cumsum(chance.normal(0.0, size, len(series)))
        return series.where(series.index <= since, series + noise)

    histories = {}
    for code, history in market.histories.items():
        columns = {name: shaken(history.multiple[name], 3.0) for name in ("PRICE", "CARRY")}
        histories[code] = History(history.listing, shaken(history.adjusted, 3.0), history.multiple.assign(**columns))
    rates = {
        currency: (series * shaken(series * 0.0, 0.01).add(1.0).abs()) for currency, series in market.rates.items()
    }
    return MarketData(histories, rates)


def panels(value: Any, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every array by day in a result, with its name."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from panels(item, f"{path}.{name}")
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in {"adjusted_rows", "multiple_rows", "terms"}:
                yield from panels(getattr(value, field.name), f"{path}.{field.name}")


def computed(result: SystemResult) -> dict[str, np.ndarray]:
    """What a run computed, accounts of single rules too."""
    parts = {name: getattr(result, name) for name in ("vol", "forecasts", "sizes", "positions", "account")}
    return dict(panels(parts | {"rules": {name: rule_account(result, name) for name in result.forecasts.capped}}))


@given(
    market=markets(),
    share=st.floats(0.2, 0.95),
    seed=st.integers(0, 1000),
    method=st.sampled_from(BufferMethod),
    costs=st.sampled_from(CostMethod),
)
@settings(max_examples=25, deadline=None)
def test_another_future_changes_nothing_until_then(
    market: MarketData, share: float, seed: int, method: BufferMethod, costs: CostMethod
) -> None:
    """Rules, volatility, weights, positions, accounts and causal costs of a day do not depend on later prices."""
    config = replace(every_rule(made_system(market)), buffer=Buffering(method), costs=costs)
    before = run(config, market, keep_rules=True)
    row = int(share * len(before.prices.days))
    since = before.prices.days[row].tz_localize("UTC")
    after = run(config, with_other_future(market, since, seed), keep_rules=True)
    old, new = computed(before), computed(after)
    assert len(old) > 30
    for name in old:
        np.testing.assert_array_equal(old[name][:row], new[name][:row], err_msg=name)


def test_costs_of_the_whole_sample_do_look_ahead() -> None:
    """The reference's costs are changed by later prices, which is why they are not the usual ones."""
    market = simple_market()
    config = made_system(market)
    row = len(run(config, market).prices.days) // 2
    other = with_other_future(market, run(config, market).prices.days[row].tz_localize("UTC"), 1)
    for costs in (CostMethod.CASH, CostMethod.SHARPE):
        quirky = replace(config, costs=costs, reproduce=frozenset({Quirk.END_OF_SAMPLE_COSTS}))
        ours, theirs = (run(quirky, m).account.costs[:row] for m in (market, other))
        assert not np.array_equal(ours, theirs, equal_nan=True)


@given(scale=st.floats(0.01, 1000.0), seed=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_a_price_does_not_matter(scale: float, seed: int) -> None:
    """All prices and the spread times a factor, the point size over it: forecasts, positions and accounts stay."""
    market = simple_market()
    code = f"I{seed % 3}"
    history = market.histories[code]
    instrument = history.listing.instrument
    other = replace(instrument, point_size=instrument.point_size / scale, spread_cost=instrument.spread_cost * scale)
    prices = history.multiple[["PRICE", "CARRY"]] * scale
    scaled = History(
        replace(history.listing, instrument=other),
        history.adjusted * scale,
        history.multiple.assign(PRICE=prices["PRICE"], CARRY=prices["CARRY"]),
    )
    config = replace(every_rule(made_system(market)), buffer=Buffering(round=False))
    before = run(config, market)
    after = run(config, MarketData({**market.histories, code: scaled}, market.rates))
    np.testing.assert_allclose(after.forecasts.combined, before.forecasts.combined, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(after.positions.held, before.positions.held, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(after.account.net, before.account.net, rtol=1e-6, atol=1e-8)


def test_twice_the_capital_is_twice_the_position() -> None:
    """Unrounded positions go with capital, and percent of it earned stays (but for commissions a trade)."""
    market = simple_market()
    config = replace(made_system(market), buffer=Buffering(round=False), costs=CostMethod.NONE)
    one, two = run(config, market), run(replace(config, capital=2.0 * config.capital), market)
    np.testing.assert_allclose(two.positions.held, 2.0 * one.positions.held, rtol=1e-12)
    np.testing.assert_allclose(two.account.net_total, one.account.net_total, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rule_scales_with_its_scalar_and_no_further_than_the_cap(name: str) -> None:
    """A capped forecast is the raw one times the scalar, within plus and minus the cap."""
    market = simple_market()
    result = run(every_rule(made_system(market)), market, keep_rules=True)
    raw, capped = result.forecasts.raw[name], result.forecasts.capped[name]
    assert np.isfinite(raw).sum() > 300
    np.testing.assert_array_equal(capped, np.clip(5.0 * raw, -20.0, 20.0))


def test_each_shipped_rule_is_under_test() -> None:
    """A new rule must name its arguments here."""
    assert set(ARGUMENTS) == set(SHIPPED)
    assert {spec.function for spec in RULES} <= set(SHIPPED)
