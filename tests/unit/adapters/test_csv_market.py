"""Whole histories for a backtest, read from a folder."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from sysproduction.adapters.csv_market import csv_market
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.histories import HISTORY_COLUMNS, MarketData
from sysproduction.domain.panama import stitch
from tests.recorded_folder import spoil, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two instruments, WHEAT in USD and BUND in EUR."""
    return write_folder(tmp_path / "prices")


def read(folder: Path, *codes: str, base: str = "USD") -> MarketData:
    """The market of these instruments."""
    return csv_market(folder, codes, base, progress=lambda *_: None)


def test_without_adjusted_files_prices_are_stitched(folder: Path) -> None:
    """The adjusted price is the Panama series of the multiple prices, and only needed columns are kept."""
    market = read(folder, "WHEAT", "BUND")
    assert list(market.histories) == ["WHEAT", "BUND"]
    assert list(market.rates) == ["EUR"]
    table = pd.read_csv(folder / "multiple_prices_csv" / "WHEAT.csv", index_col=0, parse_dates=True)
    contracts = {name: table[name].astype(int).astype(str) for name in table if name.endswith("CONTRACT")}
    expected = stitch(table.assign(**contracts)).dropna()
    history = market.histories["WHEAT"]
    assert list(history.multiple.columns) == list(HISTORY_COLUMNS)
    pd.testing.assert_series_equal(
        history.adjusted, expected.tz_localize("UTC"), check_names=False, check_freq=False, check_index_type=False
    )


def test_adjusted_files_come_first(folder: Path) -> None:
    """Where there is an adjusted file, plain or packed, its prices are taken."""
    (folder / "adjusted_prices_csv").mkdir()
    path = folder / "adjusted_prices_csv" / "WHEAT.csv.gz"
    path.write_bytes(gzip.compress(b"DATETIME,price\n2023-01-02 23:00:00,7.5\n2023-01-03 23:00:00,8\n"))
    assert read(folder, "WHEAT").histories["WHEAT"].adjusted.tolist() == [7.5, 8.0]


def test_of_rows_with_one_stamp_the_last_holds(folder: Path) -> None:
    """A stamp that comes twice keeps its later row, and the other one is told."""
    path = folder / "multiple_prices_csv" / "WHEAT.csv"
    lines = path.read_text().splitlines()
    stamp = lines[3].split(",")[0]
    spoil(path, 3, ",".join([stamp, *lines[2].split(",")[1:]]))
    market = read(folder, "WHEAT")
    expected = float(lines[3].split(",")[lines[0].split(",").index("PRICE")])
    assert market.histories["WHEAT"].multiple["PRICE"].loc[pd.Timestamp(stamp, tz="UTC")] == expected
    assert "line 3" in market.faults["WHEAT"][0]
    assert "has the stamp of another row" in market.faults["WHEAT"][0]


def test_what_cannot_be_read_is_missing_with_its_reason(folder: Path) -> None:
    """An unknown instrument, an empty file and a currency without rates are said by code; the rest is there."""
    (folder / "multiple_prices_csv" / "WHEAT.csv").write_text("")
    market = read(folder, "WHEAT", "BUND", "OATS", base="CHF")
    assert list(market.histories) == ["BUND"]
    assert market.rates == {}
    for code, words in {"WHEAT": "is empty", "OATS": "has no prices of it", "EUR": "no rates for EURCHF"}.items():
        assert words in market.missing[code]


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    """Without multiple prices there is nothing to read."""
    with pytest.raises(ConfigError, match="multiple_prices_csv"):
        read(tmp_path, "WHEAT")
