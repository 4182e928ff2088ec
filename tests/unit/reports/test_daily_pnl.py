"""The day's profit and loss, its percents and its residual."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from sysproduction.domain.fills import Fill
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.domain.pnl import Line
from sysproduction.reports.daily_pnl import AccountChange, DayFacts, daily_pandl_report
from sysproduction.reports.daily_results import daily_results

MIDNIGHT = datetime(2026, 1, 6, tzinfo=UTC)
AT = MIDNIGHT + timedelta(hours=20)
LINES = [
    Line("trend", "CORN", 100.0, 20.0, -5.0),
    Line("carry", "CORN", -30.0, 0.0, 0.0),
    Line("trend", "US10", 10.0, 0.0, -1.0),
    Line(ROLL_STRATEGY, "US10", 3.0, 0.0, -2.0),
]


def test_totals_groups_and_residuals() -> None:
    """Percents of capital; the account less futures; a roll's line is the residual of strategies."""
    facts = DayFacts(
        since=MIDNIGHT,
        base_currency="USD",
        lines=LINES,
        asset_classes={"CORN": "Ags", "US10": "Bond"},
        capital=10_000.0,
        account=AccountChange(90.0, MIDNIGHT - timedelta(hours=5), AT),
        days=[(MIDNIGHT - timedelta(days=40), 7.0), (MIDNIGHT - timedelta(days=5), 40.0), (MIDNIGHT, 95.0)],
    )
    made = daily_pandl_report(facts, AT)
    totals = {row["of"]: (row["amount"], row["percent"]) for row in made.table("totals").records()}
    assert totals == {
        "account": (90.0, pytest.approx(0.9)),
        "futures": (95.0, pytest.approx(0.95)),
        "residual": (-5.0, pytest.approx(-0.05)),
    }
    assert {row["instrument"]: row["total"] for row in made.table("by_instrument").records()} == {
        "CORN": 85,
        "US10": 10,
    }
    assert {row["asset_class"]: row["total"] for row in made.table("by_asset_class").records()} == {
        "Ags": 85,
        "Bond": 10,
    }
    strategies = made.table("by_strategy").records()
    assert [(row["strategy"], row["total"]) for row in strategies] == [("trend", 124), ("carry", -30), ("residual", 1)]
    assert [row["amount"] for row in made.table("days").records()] == [95.0, 40.0, 7.0]
    assert [row["amount"] for row in made.table("spans").records()] == [135.0, 135.0]
    assert made.figures[0].curves == {"futures": [7.0, 47.0, 142.0]}


def test_without_measures_there_are_amounts_alone() -> None:
    """What is missing is said."""
    made = daily_pandl_report(DayFacts(since=MIDNIGHT, base_currency="USD", lines=LINES), AT)
    assert len(made.missing) == 2
    assert [row["percent"] for row in made.table("totals").records()] == [None]


def fill(
    day: int, quantity: int, price: float, *, hour: int = 12, commission: float = 0.0, contract: str = "A"
) -> Fill:
    at = MIDNIGHT + timedelta(days=day, hours=hour)
    return Fill(f"x{day}{hour}", 0, "acc", "trend", "CORN", contract, quantity, price, at, commission)


def test_results_by_day_are_moves_of_what_was_held_and_of_what_was_traded() -> None:
    """A position earns each day's change of close, a trade the close less its price; commissions and rates count."""
    days = pd.date_range(MIDNIGHT, periods=4, freq="D")
    closes = {("CORN", "A"): pd.Series([100.0, 103.0, 104.0], index=[days[0], days[1], days[3]])}
    rates = pd.DataFrame({"CORN": [1.0, 2.0, 2.0, 0.5]}, index=days)
    fills = [fill(0, 2, 99.0, commission=1.0), fill(1, -1, 105.0), fill(3, -1, 102.0)]
    made = daily_results(fills, closes, {"CORN": 10.0}, rates)
    assert made["CORN"].tolist() == [
        2 * (100 - 99) * 10 * 1.0 - 1.0,
        (2 * 3 + -1 * (103 - 105)) * 10 * 2.0,
        0.0,
        (1 * 1 + -1 * (104 - 102)) * 10 * 0.5,
    ]


def test_a_trade_before_the_first_close_is_marked_at_it() -> None:
    """Nothing of its result is lost."""
    days = pd.date_range(MIDNIGHT, periods=3, freq="D")
    closes = {("CORN", "A"): pd.Series([100.0, 101.0], index=days[1:])}
    made = daily_results([fill(0, 1, 90.0)], closes, {"CORN": 1.0}, pd.DataFrame({"CORN": 1.0}, index=days))
    assert made["CORN"].tolist() == [10.0, 0.0, 1.0]
