"""Figures of money, of trades and of the books, worked out once more from what a replayed year has stored."""

from datetime import UTC, date, datetime, timedelta
from math import sqrt

import empyrical
import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew

from sysproduction.control.report_desk import desk_of
from sysproduction.control.report_money import filled_orders
from sysproduction.control.reporting import REPORTS
from sysproduction.reports.trades import trade_report
from tests import report_oracle as oracle
from tests.report_year import CODES, COSTS, MIDNIGHT, NOW, START, Year


def test_the_year_was_traded(year: Year) -> None:
    """There is something to tell: fills of both markets, rolls, and a position at the end."""
    assert {fill["instrument"] for fill in year.fills} == set(CODES)
    assert len(year.fills) > 150
    assert any(fill["strategy"] == "_ROLL" for fill in year.fills)
    assert oracle.positions(year.fills, NOW, "instrument")
    assert not any(REPORTS[name].make(year.desk).missing for name in REPORTS if name != "trade_report")


def test_the_account_curve(year: Year) -> None:
    """Results by day in percent of capital; statistics against empyrical and scipy, drawdowns by a loop."""
    stood = year.capital["capital"]
    found: dict[pd.Timestamp, float] = {}
    for day, amounts in oracle.results(year.fills, year.bars, year.fx, NOW).items():
        before = stood[stood.index < day]
        found[day] = 100 * sum(amounts.values()) / float(before.iloc[-1] if len(before) else stood.iloc[0])
    percents = oracle.business_days(found)
    statistics = year.by("account_curve_report", "statistics", "period")
    for period, months in (("all", None), ("1Y", 12), ("6M", 6), ("3M", 3), ("1M", 1)):
        some = (
            percents if months is None else percents[percents.index > percents.index[-1] - pd.DateOffset(months=months)]
        )
        told, returns = statistics[period], some / 100
        total, peak, worst, falls = 0.0, 0.0, 0.0, []
        for value in some:
            total += value
            peak = max(peak, total)
            worst = min(worst, total - peak)
            falls.append(total - peak)
        assert told["days"] == len(some)
        wanted = {
            "total": total,
            "annual_mean": some.mean() * 256,
            "annual_stdev": 100 * empyrical.annual_volatility(returns, annualization=256),
            "sharpe": empyrical.sharpe_ratio(returns, annualization=256),
            "sortino": empyrical.sortino_ratio(returns, annualization=256),
            "skew": skew(some),
            "worst_drawdown": worst,
            "mean_drawdown": sum(falls) / len(falls),
            "t_statistic": some.mean() / (some.std() / sqrt(len(some))),
        }
        assert {name: told[name] for name in wanted} == pytest.approx(wanted, rel=1e-9), period
    months_told = {row["month"]: row["total"] for row in year.rows("account_curve_report", "months")}
    by_month = percents.groupby(percents.index.strftime("%Y-%m")).sum()
    assert months_told == pytest.approx(by_month.to_dict(), rel=1e-9, abs=1e-12)


def test_the_days_profit_and_loss(year: Year) -> None:
    """Of the last day by instrument, in all, and against the account; every earlier day's sum."""
    results = oracle.results(year.fills, year.bars, year.fx, NOW)
    stood, last = year.capital, results[pd.Timestamp(MIDNIGHT)]
    capital = float(stood["capital"][stood.index < MIDNIGHT].iloc[-1])
    told = year.by("daily_pandl_report", "by_instrument")
    assert {code: row["total"] for code, row in told.items()} == pytest.approx(last, rel=1e-9)
    assert told["CORN"]["percent"] == pytest.approx(100 * last["CORN"] / capital)
    totals = year.by("daily_pandl_report", "totals", "of")
    profit = 1.0475e6 - 1.05e6
    assert totals["account"]["amount"] == pytest.approx(profit)
    assert totals["residual"]["amount"] == pytest.approx(profit - sum(last.values()))
    strategies = [row["total"] for row in year.rows("daily_pandl_report", "by_strategy")]
    assert sum(strategies) == pytest.approx(sum(last.values()))
    days = {row["day"]: row["amount"] for row in year.rows("daily_pandl_report", "days")}
    assert len(days) == 20
    for day, amount in days.items():
        assert amount == pytest.approx(sum(results[pd.Timestamp(day, tz="UTC")].values()), rel=1e-9, abs=1e-7)
    spans = year.by("daily_pandl_report", "spans", "span")
    in_year = sum(sum(amounts.values()) for day, amounts in results.items() if day.year == 2023)
    assert spans["year to date"]["amount"] == pytest.approx(in_year)


def test_reconciliation(year: Year) -> None:
    """Positions of fills against those of the exchange itself."""
    theirs = {(one.instrument, one.contract): one.quantity for one in year.replay.exchange.positions()}
    rows = year.rows("reconcile_report", "positions")
    assert {(row["instrument"], row["contract"]): row["broker"] for row in rows} == theirs
    ours = oracle.positions(year.fills, NOW, "instrument", "contract")
    assert {(row["instrument"], row["contract"]): row["ours"] for row in rows} == ours
    recent = [fill for fill in year.fills if NOW - timedelta(days=1) <= fill["at"] <= NOW]
    tables = {table.name for table in year.report("reconcile_report").tables}
    assert ("trades" in tables) == bool(recent)
    assert not any(row["break"] for row in rows)


def test_status(year: Year) -> None:
    """Last prices; what limits count, from the stored orders."""
    for code, row in year.by("status_report", "prices").items():
        assert row["last_price_at"] == year.series("adjusted_prices", code).index[-1]
    [trades] = year.rows("status_report", "trade_limits")
    sent = [one.body for one in year.replay.documents.find("broker_orders")]
    since = NOW - timedelta(days=30)
    sizes = [
        max(abs(leg["quantity"]) for leg in order["legs"])
        for order in sent
        if order["instrument"] == "CORN" and since < order["submitted_at"] <= NOW and order["status"] != "absent"
    ]
    assert (trades["done"], trades["remaining"]) == (sum(sizes), max(0, 1 - sum(sizes)))
    [held] = year.rows("status_report", "position_limits")
    own = oracle.positions(year.fills, NOW, "strategy", "instrument").get(("trend", "EUROSTX"), 0)
    assert (held["position"], held["remaining"]) == (own, 40 - abs(own))


def test_trades(year: Year) -> None:
    """Delays and slippage of each order of the year, from its documents and fills."""
    made = trade_report(filled_orders(year.desk, START), START, NOW)
    raw, cash = ({str(row["order_id"]): row for row in made.table(name).records()} for name in ("raw", "cash"))
    orders = {one.key: one.body for one in year.replay.documents.find("broker_orders")}
    families = {one.key: one.body for one in year.replay.documents.find("instrument_orders")}
    delays = {str(row["order_id"]): row for row in made.table("delays").records()}
    filled = {fill["client_order_id"] for fill in year.fills}
    assert set(raw) == filled
    checked = 0
    for name in filled:
        order = orders[name]
        if len(order["legs"]) != 1:
            continue
        mine = [fill for fill in year.fills if fill["client_order_id"] == name]
        quantity = sum(fill["quantity"] for fill in mine)
        price = sum(fill["quantity"] * fill["price"] for fill in mine) / quantity
        middle, sign = (order["bid"] + order["ask"]) / 2, np.sign(quantity)
        assert raw[name]["total_trading"] == pytest.approx(sign * (price - middle), rel=1e-6, abs=1e-9)
        assert raw[name]["bid_ask"] == pytest.approx((order["ask"] - order["bid"]) / 2)
        code = order["instrument"]
        value = oracle.POINT[code] * oracle.rate(year.fx, code, pd.Timestamp(NOW)) * abs(quantity)
        assert cash[name]["total_trading"] == pytest.approx(sign * (price - middle) * value, rel=1e-6, abs=1e-6)
        generated = families[order["instrument_order"]]["generated_at"]
        assert delays[name]["submit_minus_generated"] == (order["submitted_at"] - generated).total_seconds()
        last = max(fill["at"] for fill in mine)
        assert delays[name]["filled_minus_submit"] == pytest.approx((last - order["submitted_at"]).total_seconds())
        checked += 1
    assert checked > 100
    sums: dict[str, float] = {}
    for row in cash.values():
        sums[str(row["instrument"])] = sums.get(str(row["instrument"]), 0.0) + float(row["total_trading"] or 0.0)
    told = {str(row["of"]): row["total_trading"] for row in made.table("by_instrument").records()}
    assert told == pytest.approx(sums)


def test_slippage(year: Year) -> None:
    """Half spreads of orders, samples and configuration, weighted by their numbers."""
    filled = {fill["client_order_id"] for fill in year.fills if fill["at"] >= NOW - timedelta(days=365)}
    orders = [one.body for one in year.replay.documents.find("broker_orders") if one.key in filled]
    for code, row in year.by("slippage_report", "points").items():
        spreads = [(o["ask"] - o["bid"]) / 2 for o in orders if o["instrument"] == code and len(o["legs"]) == 1]
        samples, configured = [0.1, 0.2, 0.3], COSTS[code][0]
        assert row["bid_ask_trades"] == pytest.approx(np.mean(spreads))
        assert row["bid_ask_sampled"] == pytest.approx(0.2)
        whole = [*spreads, *samples, *[configured] * 10]
        assert row["estimate"] == pytest.approx(np.mean(whole))
        assert row["% Difference"] == pytest.approx(100 * (np.mean(whole) / configured - 1))


def test_a_past_day_is_told_as_it_was(year: Year) -> None:
    """Positions, results and capital of a day in spring, whatever was traded later."""
    day = date(2023, 4, 20)
    desk = desk_of(year.desk.sources, NOW, day)
    end = datetime(2023, 4, 20, 23, 59, 59, 999999, tzinfo=UTC)
    results = oracle.results([fill for fill in year.fills if fill["at"] <= end], year.bars, year.fx, end)
    made = REPORTS["daily_pandl_report"].make(desk)
    told = {str(row["instrument"]): row["total"] for row in made.table("by_instrument").records()}
    wanted = results[pd.Timestamp("2023-04-20", tz="UTC")]
    assert told == pytest.approx(wanted, rel=1e-9)
    rows = REPORTS["reconcile_report"].make(desk).table("positions").records()
    ours = {(str(row["instrument"]), str(row["contract"])): row["ours"] for row in rows}
    assert ours == oracle.positions(year.fills, end, "instrument", "contract")
