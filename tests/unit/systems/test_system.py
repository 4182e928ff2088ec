"""Systems in bad weather: dead series, negative prices, missing instruments and rates; targets that follow."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.trading_systems import Buffering, CostMethod, Quirk, RuleSpec
from sysproduction.systems.smoothing import Panel
from sysproduction.systems.system import run
from sysproduction.systems.tables import summary
from sysproduction.systems.targets import targets
from tests.made_markets import made_history, made_system, simple_market


def with_history(market: MarketData, code: str, history: History) -> MarketData:
    """The market with another history of an instrument."""
    return replace(market, histories={**market.histories, code: history})


def stopped(history: History, rows: int) -> History:
    """The history with its last prices all equal."""
    prices = history.adjusted.copy()
    prices.iloc[-rows:] = prices.iloc[-rows]
    return replace(history, adjusted=prices)


def test_a_series_that_has_died_leaves_the_portfolio_its_numbers() -> None:
    """Volatility 0 in the last 180 days makes no net return infinite or missing, unless that is reproduced."""
    market = simple_market(days=700)
    market = with_history(market, "I1", stopped(market.histories["I1"], 400))
    config = made_system(market)
    for quirks in (frozenset[Quirk](), frozenset({Quirk.END_OF_SAMPLE_COSTS})):
        assert np.isfinite(run(replace(config, reproduce=quirks), market).account.net_total).all()
    dead = frozenset({Quirk.END_OF_SAMPLE_COSTS, Quirk.DEAD_SERIES})
    assert not np.isfinite(run(replace(config, reproduce=dead), market).account.net_total).all()


def test_a_negative_price_does_not_turn_a_position() -> None:
    """Positions are the same at negative contract prices; the reference's have the other sign."""
    market = simple_market()
    history = market.histories["I0"]
    below = history.multiple.assign(PRICE=history.multiple["PRICE"] - 1000.0, CARRY=history.multiple["CARRY"] - 1000.0)
    other = with_history(market, "I0", replace(history, multiple=below))
    config = replace(made_system(market), buffer=Buffering(round=False))
    usual, negative = (run(config, m).positions.held[:, 0] for m in (market, other))
    np.testing.assert_allclose(negative, usual)
    quirky = run(replace(config, reproduce=frozenset({Quirk.NEGATIVE_PRICE})), other)
    np.testing.assert_allclose(quirky.positions.held[:, 0], -usual)


def test_what_cannot_take_part_is_excluded_by_name() -> None:
    """Missing prices, too few, none of the contract, unmoving ones and an unknown currency each have their reason."""
    market = simple_market(instruments=6)
    market = with_history(market, "I1", replace(market.histories["I1"], adjusted=market.histories["I1"].adjusted[:5]))
    market = with_history(market, "I2", stopped(market.histories["I2"], len(market.histories["I2"].adjusted)))
    empty = market.histories["I3"].multiple.assign(PRICE=np.nan)
    market = with_history(market, "I3", replace(market.histories["I3"], multiple=empty))
    histories = {code: history for code, history in market.histories.items() if code != "I5"}
    lacking = MarketData(histories, {k: v for k, v in market.rates.items() if k != "EUR"}, {"I5": "its file is torn"})
    result = run(replace(made_system(market)), lacking)
    assert result.prices.instruments == ("I0",)
    reasons = {"I1": "adjusted prices", "I2": "never change", "I3": "contract in use", "I4": "EUR", "I5": "torn"}
    assert result.excluded.keys() == reasons.keys()
    for code, words in reasons.items():
        assert words in result.excluded[code]
    assert np.isfinite(result.account.net_total).all()
    assert summary(result)["excluded"] == result.excluded


def test_nothing_that_can_take_part_is_an_error_that_says_why() -> None:
    """An empty market gives one message with each instrument's reason."""
    config = made_system(simple_market())
    with pytest.raises(DataError, match=r"no instrument can take part: I0: there are no prices of it; I1"):
        run(config, MarketData({}, {}))


def test_for_trading_a_series_must_be_fresh_and_move() -> None:
    """With a bound, an instrument whose last price is older, or whose last prices are all equal, is excluded."""
    market = simple_market(days=700)
    market = with_history(market, "I1", made_history(1, days=600))
    market = with_history(market, "I2", stopped(market.histories["I2"], 400))
    last = market.histories["I0"].adjusted.index[-1].to_pydatetime()
    result = run(made_system(market), market, fresh_since=last - timedelta(days=5))
    assert result.prices.instruments == ("I0",)
    assert "its last price is of" in result.excluded["I1"]
    assert "prices are equal" in result.excluded["I2"]


def test_targets_name_what_was_dropped_and_not_what_was_excluded() -> None:
    """An instrument that left the system gets zero, an excluded one no target; others their band and reference."""
    market = simple_market()
    market = with_history(market, "I2", replace(market.histories["I2"], adjusted=market.histories["I2"].adjusted[:5]))
    result = run(made_system(market), market)
    found = targets(result, formerly=["I0", "I2", "I7"])
    assert sorted(found) == ["I0", "I1", "I7"]
    assert (found["I7"].optimal, found["I7"].lower, found["I7"].upper) == (0.0, 0.0, 0.0)
    assert found["I7"].reference_price is None
    for code in ("I0", "I1"):
        known = market.histories[code].multiple.dropna(subset=["PRICE"])
        target = found[code]
        assert target.lower < target.optimal < target.upper
        assert target.reference_price == known["PRICE"].iloc[-1]
        assert target.reference_contract == known["PRICE_CONTRACT"].iloc[-1]
        assert target.reference_at == known.index[-1].to_pydatetime()


def test_a_weight_of_zero_is_a_position_of_zero() -> None:
    """An instrument may stay in the system without a share."""
    market = simple_market()
    config = replace(made_system(market), instrument_weights={"I0": 0.0, "I1": 0.5, "I2": 0.5})
    result = run(config, market)
    assert np.nanmax(np.abs(result.positions.held[:, 0])) == 0.0
    assert np.nanmax(np.abs(result.positions.held[:, 1])) > 0.0


def test_start_and_end_cut_the_prices() -> None:
    """Only days between the bounds are in the result."""
    market = simple_market()
    config = replace(
        made_system(market),
        start=pd.Timestamp("2015-03-01", tz="UTC").to_pydatetime(),
        end=pd.Timestamp("2015-07-31", tz="UTC").to_pydatetime(),
    )
    days = run(config, market).prices.days
    assert days[0] >= pd.Timestamp("2015-02-27")
    assert days[-1] <= pd.Timestamp("2015-07-31")


def test_costs_reduce_what_is_earned() -> None:
    """Costs are never positive, and none of them means net is gross."""
    market = simple_market()
    for costs in CostMethod:
        account = run(replace(made_system(market), costs=costs), market).account
        known = account.costs[~np.isnan(account.costs)]
        assert (known <= 0.0).all()
        assert (known.sum() < 0.0) == (costs is not CostMethod.NONE)
        np.testing.assert_allclose(account.net_total, account.gross_total + account.costs_total, atol=1e-12)


def reversal(price: Panel, vol: Panel, days: pd.DatetimeIndex, lookback: int) -> Panel:
    """A user's rule: yesterday's move over many days, against."""
    assert len(days) == len(price)
    moved = np.full_like(price, np.nan)
    moved[lookback:] = price[lookback:] - price[:-lookback]
    return -moved / vol


def spread_of_all(price: Panel) -> Panel:
    """A user's rule that compares all instruments."""
    return np.asfortranarray(price - np.nanmean(price, axis=1, keepdims=True))


def misshapen(price: Panel) -> Panel:
    """A rule that returns too few days."""
    return price[1:]


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_a_users_rule_is_a_function_by_dotted_path() -> None:
    """It is given what its parameters name, all instruments at once, and its own arguments."""
    market = simple_market(instruments=8)
    rules = (
        RuleSpec("mine", f"{__name__}.reversal", 5.0, {"lookback": 5}),
        RuleSpec("apart", f"{__name__}.spread_of_all", 0.1),
    )
    config = replace(made_system(market), rules=rules, forecast_weights={"mine": 0.5, "apart": 0.5})
    result = run(config, market, keep_rules=True)
    np.testing.assert_allclose(
        result.forecasts.raw["mine"], reversal(result.prices.adjusted, result.vol, result.prices.days, 5)
    )
    np.testing.assert_allclose(result.forecasts.raw["apart"], spread_of_all(result.prices.adjusted))
    assert np.nanmax(np.abs(result.positions.held)) > 0.0


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("ewmak", {}, "unknown rule ewmak: known are ewmac"),
        ("nowhere.at_all", {}, "there is no module nowhere"),
        ("math.sinh2", {}, "the module math has no sinh2"),
        ("ewmac", {"Lfast": 4}, "missing 1 required positional argument: 'Lslow'"),
        ("ewmac", {"Lfast": 0, "Lslow": 4}, "a span of at least 1"),
        (f"{__name__}.misshapen", {}, r"must return a float64 array of \d+ days x 3 instruments"),
    ],
)
def test_a_rule_that_cannot_be_called_is_named(function: str, arguments: dict[str, int], words: str) -> None:
    """Unknown functions, wrong arguments and wrong results are errors that say what to mend."""
    market = simple_market()
    config = replace(made_system(market), rules=(RuleSpec("r", function, 1.0, arguments),), forecast_weights={"r": 1.0})
    with pytest.raises(ConfigError, match=words):
        run(config, market)
