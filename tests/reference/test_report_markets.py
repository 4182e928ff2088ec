"""Figures of markets, risk and decisions, worked out once more from what a replayed year has stored."""

from collections.abc import Callable
from datetime import date, timedelta
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests import report_oracle as oracle
from tests.report_year import CODES, COSTS, MULTIPLIER, NOW, TARGET, Year


def test_costs(year: Year) -> None:
    """Spread and commission over the value of a contract, and a round trip over a year's mean volatility."""
    told = {part: year.by("costs_report", part) for part in ("all", "spread", "commission")}
    for code in CODES:
        price = float(year.current(code).iloc[-1])
        percents = (1600 * year.volatility(code) / year.current(code).abs()).dropna()
        spread, commission = 100 * COSTS[code][0] / price, 100 * COSTS[code][1] / (price * oracle.POINT[code])
        for part, cost in (("all", spread + commission), ("spread", spread), ("commission", commission)):
            row = told[part][code]
            assert row["percentage_cost"] == pytest.approx(cost)
            assert row["avg_annual_vol_perc"] == pytest.approx(percents.iloc[-256:].mean(), rel=1e-9)
            assert row["SR_cost"] == pytest.approx(2 * cost / percents.iloc[-256:].mean(), rel=1e-9)


def test_liquidity(year: Year) -> None:
    """The most traded contract of two weeks, and its risk in millions."""
    for code, row in year.by("liquidity_report", "contracts").items():
        contracts = year.replay.series.symbols("bars", f"{code}/")
        volumes = {name.split("/")[1]: oracle.mean_volume(year.series("bars", name), NOW) for name in contracts}
        best = max(volumes, key=volumes.__getitem__)
        assert (row["contract"], row["contracts_per_day"]) == (best, pytest.approx(volumes[best]))
        assert row["risk_per_day_m"] == pytest.approx(volumes[best] * year.annual_risk(code) / 1e6, rel=1e-9)


def test_rolls(year: Year, shared: Path) -> None:
    """Dates from the recorded roll parameters, positions from fills, volumes from bars."""
    parameters = pd.read_csv(shared / "data" / "csvconfig" / "rollconfig.csv", index_col=0)
    held = oracle.positions(year.fills, NOW, "instrument", "contract")
    for code, row in year.by("roll_report", "rolls").items():
        last = year.series("multiple_prices", code).iloc[-1]
        priced = str(last["PRICE_CONTRACT"])
        first = date(int(priced[:4]), int(priced[4:6]), 1)
        due = first + timedelta(days=int(parameters.loc[code, ["RollOffsetDays", "ExpiryOffset"]].sum()))
        assert row["days_to_roll"] == (due - NOW.date()).days
        for role in ("price", "forward", "carry"):
            name = {"price": "priced"}.get(role, role)
            contract = str(last[f"{role.upper()}_CONTRACT"])
            assert row[f"contract_{name}"] == contract
            assert row[f"position_{name}"] == held.get((code, contract), 0)
        forward = oracle.mean_volume(year.series("bars", f"{code}/{last['FORWARD_CONTRACT']}"), NOW)
        near = oracle.mean_volume(year.series("bars", f"{code}/{priced}"), NOW)
        assert (row["absolute_volume"], row["relative_volume"]) == pytest.approx((forward, forward / near))


def test_risk(year: Year) -> None:
    """Each position's risk, all of them together by a double sum of correlations, and betas."""
    held = oracle.positions(year.fills, NOW, "strategy", "instrument")
    held = {key: quantity for key, quantity in held.items() if key[0] != "_ROLL"}
    capital = float(year.capital["capital"].iloc[-1])
    risk = {key: 100 * quantity * year.annual_risk(key[1]) / capital for key, quantity in held.items()}
    changes = {code: oracle.daily(year.adjusted(code)).diff().dropna() for code in CODES}
    pair = pd.concat([changes[code].iloc[-256:] for code in CODES], axis=1).iloc[-256:].dropna().to_numpy()
    rho = float(np.corrcoef(pair.T)[0, 1])

    def together(some: dict[Any, float]) -> float:
        return sqrt(sum(a * b * (1.0 if i[1] == j[1] else rho) for i, a in some.items() for j, b in some.items()))

    totals = year.by("risk_report", "totals", "of")
    assert totals["all positions"]["annual_risk_perc"] == pytest.approx(together(risk), rel=1e-9)
    assert totals["net sum of risks"]["annual_risk_perc"] == pytest.approx(sum(risk.values()))
    for name, row in year.by("risk_report", "strategies", "of").items():
        assert row["annual_risk_perc"] == pytest.approx(together({k: v for k, v in risk.items() if k[0] == name}))
    by_code = {code: sum(v for k, v in risk.items() if k[1] == code) for code in {code for _, code in risk}}
    for code, row in year.by("risk_report", "instruments").items():
        assert row["annual_risk_perc"] == pytest.approx(abs(by_code[code]))
    betas = year.by("risk_report", "betas", "asset_class")
    for code, name in (("CORN", "Ags"), ("EUROSTX", "Equity")):
        if code in by_code:
            wanted = sum(value * (1.0 if other == code else rho) for other, value in by_code.items())
            assert betas[name]["beta"] == pytest.approx(wanted, rel=1e-9)


def test_risk_of_instruments(year: Year) -> None:
    """Deviations, exposures and shares of capital."""
    capital, held = float(year.capital["capital"].iloc[-1]), oracle.positions(year.fills, NOW, "instrument")
    for code, row in year.by("instrument_risk_report", "held").items():
        price, vol = float(year.current(code).iloc[-1]), float(year.volatility(code).iloc[-1])
        size, quantity = oracle.POINT[code] * oracle.rate(year.fx, code, pd.Timestamp(NOW)), held.get((code,), 0)
        wanted = {
            "daily_price_stdev": vol,
            "annual_price_stdev": 16 * vol,
            "price": price,
            "daily_perc_stdev": 100 * vol / price,
            "annual_perc_stdev": 1600 * vol / price,
            "point_size_base": size,
            "contract_exposure": price * size,
            "daily_risk_per_contract": vol * size,
            "annual_risk_per_contract": 16 * vol * size,
            "position": quantity,
            "exposure_held_perc_capital": 100 * quantity * price * size / capital,
            "annual_risk_perc_capital": 1600 * abs(quantity) * vol * size / capital,
        }
        assert {name: row[name] for name in wanted} == pytest.approx(wanted, rel=1e-9), code


def test_minimum_capital(year: Year) -> None:
    """Value x volatility over the target; four contracts; over the weight and the multiplier of the system."""
    for code, row in year.by("minimum_capital_report", "trend").items():
        price, vol = float(year.current(code).iloc[-1]), float(year.volatility(code).iloc[-1])
        size = oracle.POINT[code] * oracle.rate(year.fx, code, pd.Timestamp(NOW))
        single = price * size * (16 * vol / price) / (TARGET / 100)
        assert row["min_capital_one_contract"] == pytest.approx(single, rel=1e-9)
        assert row["min_capital_in_portfolio"] == pytest.approx(
            4 * single / (year.weights[code] * MULTIPLIER), rel=1e-9
        )


def test_markets(year: Year) -> None:
    """Moves since the last price at or before each period's start."""
    percents, moves = year.by("market_monitor_report", "percent"), year.by("market_monitor_report", "volatility")
    offsets: dict[str, Callable[[pd.Timestamp], pd.Timestamp]] = {
        "1D": lambda last: last - pd.offsets.BDay(1),
        "1M": lambda last: last - pd.DateOffset(months=1),
        "YTD": lambda last: pd.Timestamp(2022, 12, 31),
        "1Y": lambda last: last - pd.DateOffset(years=1),
    }
    for code in CODES:
        prices, current = oracle.daily(year.adjusted(code)), year.current(code)
        for name, start_of in offsets.items():
            start = start_of(prices.index[-1])
            change = prices.iloc[-1] - prices.loc[:start].iloc[-1]
            days = np.busday_count(prices.loc[:start].index[-1].date(), prices.index[-1].date())
            assert percents[code][name] == pytest.approx(100 * change / current.loc[:start].iloc[-1], rel=1e-9)
            wanted = change / (year.volatility(code).iloc[-1] * sqrt(days))
            assert moves[code][name] == pytest.approx(wanted, rel=1e-9)


def test_the_strategys_decision(year: Year) -> None:
    """Band and optimum as stored, volatility once more from prices, positions from fills."""
    stored = year.replay.documents.find("optimal_positions")[-1].body
    held = oracle.positions(year.fills, NOW, "strategy", "instrument")
    told = year.by("strategy_report", "trend")
    for position in stored["positions"]:
        row = told[position["instrument"]]
        assert (row["lower"], row["optimum"], row["upper"]) == (
            position["lower"],
            position["optimum"],
            position["upper"],
        )
        assert row["position"] == held.get(("trend", position["instrument"]), 0)
        assert row["daily_vol"] == pytest.approx(year.volatility(position["instrument"]).iloc[-1], rel=1e-9)
        assert row["weight"] == year.weights[position["instrument"]]
