"""Delays and slippage of trades, part by part."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sysproduction.reports.report import Report
from sysproduction.reports.trades import PARTS, Filled, slippage, trade_report

AT = datetime(2026, 1, 6, 20, 25, tzinfo=UTC)
SINCE = AT - timedelta(days=1)
BOUGHT = Filled(
    order_id="SP1",
    instrument="CORN",
    strategy="trend",
    contracts="20260300",
    units=2,
    price=450.75,
    generated_at=AT - timedelta(hours=2),
    submitted_at=AT - timedelta(hours=1),
    filled_at=AT - timedelta(minutes=30),
    reference=449.0,
    bid=450.0,
    ask=450.5,
    limit_price=451.0,
    parent_limit_price=452.0,
    point_size_base=50.0,
    annual_vol=90.0,
)


def rows(report: Report, table: str) -> list[dict[str, object]]:
    return [dict(row) for row in report.table(table).records()]


def test_a_purchase_pays_what_rose_and_a_sale_what_fell() -> None:
    """From the reference to the middle, to the side that one pays, to the fill; the mirror image costs the same."""
    parts = {
        "delay": 1.25,
        "bid_ask": 0.25,
        "execution": 0.25,
        "versus_limit": -0.25,
        "versus_parent_limit": -1.25,
        "total_trading": 0.5,
    }
    assert slippage(BOUGHT) == pytest.approx(parts)
    sold = replace(
        BOUGHT,
        units=-2,
        price=-BOUGHT.price,
        reference=-449.0,
        bid=-450.5,
        ask=-450.0,
        limit_price=-451.0,
        parent_limit_price=-452.0,
    )
    assert slippage(sold) == pytest.approx(parts)


def test_what_is_not_known_is_not_guessed() -> None:
    """Without a quote only what limits tell; the report says how many orders lack one."""
    bare = replace(BOUGHT, bid=None, ask=None, reference=None, parent_limit_price=None)
    assert {part for part, cost in slippage(bare).items() if cost is not None} == {"versus_limit"}
    made = trade_report([BOUGHT, bare], SINCE, AT)
    assert made.missing == ("no quote is stored for 1 of 2 orders, so their slippage is not known",)


def test_costs_are_told_in_points_volatility_and_money() -> None:
    """Points x 10,000 over the annual deviation; money of all contracts; sums by instrument and strategy."""
    made = trade_report([BOUGHT, replace(BOUGHT, order_id="SP2", strategy="carry", units=1)], SINCE, AT)
    raw, vol, cash = (rows(made, name)[0] for name in ("raw", "vol", "cash"))
    assert [raw["total_trading"], vol["total_trading"], cash["total_trading"]] == pytest.approx(
        [0.5, 0.5 * 10_000 / 90, 2 * 0.5 * 50]
    )
    assert rows(made, "delays")[0]["submit_minus_generated"] == 3600.0
    assert rows(made, "delays")[0]["filled_minus_submit"] == 1800.0
    [corn] = rows(made, "by_instrument")
    assert (corn["trades"], corn["total_trading"]) == (2, pytest.approx(75.0))
    assert [row["of"] for row in rows(made, "by_strategy")] == ["carry", "trend"]
    assert set(PARTS) <= set(corn)


def test_a_quiet_week_is_said() -> None:
    """Without trades there are no tables, and one finding."""
    made = trade_report([], SINCE, AT)
    assert (made.tables, [str(one.level) for one in made.findings]) == ((), ["ok"])
