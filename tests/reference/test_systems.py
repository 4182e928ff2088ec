"""Every column of the reference runs equals ours, with every quirk reproduced."""

from pathlib import Path

import pandas as pd
import pytest

from sysproduction.domain.histories import MarketData
from sysproduction.systems.system import SystemResult, run
from sysproduction.systems.tables import portfolio_table, rules_table, series_table, summary, weights_table
from tests.reference_runs import (
    INSTRUMENTS,
    deviations,
    reference_config,
    reference_market,
    reference_table,
)

RUNS = (
    "A_ch15",
    "A_ch15_srcost",
    "A_ch15_bufpos",
    "A_ch15_nobuf",
    "A_ch15_bufmid",
    "A_ch15_unrounded",
    "B_open10",
    "B_open10_unrounded",
)
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def market(shared: Path) -> MarketData:
    """Recorded prices."""
    return reference_market(shared)


@pytest.fixture(scope="module")
def diversified(shared: Path, market: MarketData) -> SystemResult:
    """The run with ten instruments and all its rules."""
    return run(reference_config(shared, "B_open10"), market, keep_rules=True)


def check(where: str, ours: pd.DataFrame, path: Path) -> None:
    """Print the worst column and hold all of them to the tolerance."""
    found = deviations(ours, reference_table(path))
    worst = max(found, key=lambda deviation: deviation.worst)
    print(f"{where:<32} {len(found):>3} columns, worst {worst.worst:8.1e} in {worst.column}")
    assert worst.worst <= TOLERANCE, [d for d in found if not d.worst <= TOLERANCE]


@pytest.mark.parametrize("name", RUNS)
def test_portfolios_equal_the_reference(shared: Path, market: MarketData, name: str) -> None:
    """Gross, net, costs and buffered positions, in total and by instrument, are those of the reference."""
    result = run(reference_config(shared, name), market)
    check(name, portfolio_table(result), shared / "reference" / f"portfolio_{name}.parquet")


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_series_equal_the_reference(shared: Path, diversified: SystemResult, instrument: str) -> None:
    """Every step from price to buffer is that of the reference."""
    ours = series_table(diversified, instrument)
    check(f"series/{instrument}", ours, shared / "reference" / "series" / f"{instrument}.parquet")


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_rules_equal_the_reference(shared: Path, diversified: SystemResult, instrument: str) -> None:
    """Raw and capped forecasts of every rule, and the weight of carry, are those of the reference."""
    ours = rules_table(diversified, instrument)
    check(f"rules/{instrument}", ours, shared / "reference" / "rules" / f"{instrument}.parquet")


@pytest.mark.parametrize("name", ["A_ch15", "B_open10"])
def test_weights_equal_the_reference(shared: Path, market: MarketData, name: str) -> None:
    """Instrument weights and the multiplier are those of the reference."""
    result = run(reference_config(shared, name), market)
    check(f"weights {name}", weights_table(result), shared / "reference" / f"weights_{name}.parquet")


def test_forecasts_and_positions_of_six_instruments_equal_the_reference(shared: Path, market: MarketData) -> None:
    """Combined forecasts and optimal positions of the system of chapter 15 are those of the reference."""
    result = run(reference_config(shared, "A_ch15"), market)
    figures = {}
    for column, code in enumerate(result.prices.instruments):
        figures[f"{code}_combined"] = result.forecasts.combined[:, column]
        figures[f"{code}_notional"] = result.positions.optimal[:, column]
    ours = pd.DataFrame(figures, index=result.prices.days)
    check("A_ch15 forecasts, positions", ours, shared / "reference" / "A_ch15_forecast_position.parquet")


@pytest.mark.parametrize("name", RUNS)
def test_statistics_equal_the_reference(shared: Path, market: MarketData, name: str) -> None:
    """Every figure that the reference sums a run up with equals ours."""
    theirs = pd.read_json(shared / "reference" / "summary.json", typ="series")[name]
    ours = summary(run(reference_config(shared, name), market))
    for place, figures in {"total": theirs["total"], **theirs["instruments"]}.items():
        mine = ours["total"] if place == "total" else ours["instruments"][place]
        for key, value in figures.items():
            assert mine[key] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9)), (place, key)
