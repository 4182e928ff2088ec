"""Typed repositories of instruments, contracts, rejections and prices."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import DataError
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.merging import merge
from sysproduction.domain.rolls import RollParameters
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices, empty_bars
from sysproduction.stores.rejections import PriceRejected, Rejections

NOW = datetime(2024, 5, 1, 20, tzinfo=UTC)
CORN = Listing(
    Instrument("CORN", "Corn", 50.0, "USD", "Ags", "US", 2.92, 0.0, 0.0, 0.16),
    RollParameters("Z", "HKNUZ", -60, -1, 14),
)
RECORD = ContractRecord("CORN", "20241200", True, date(2024, 12, 15), True, NOW, NOW)
REJECTED = PriceRejected("CORN/20241200", "CORN", "20241200", NOW, 4000.0, 400.0, 99.5, NOW, "update_historical_prices")


def series() -> MemorySeries:
    return MemorySeries(lambda: NOW)


def prices_of(values: dict[int, float]) -> pd.Series:
    index = pd.DatetimeIndex([datetime(2024, 1, day, tzinfo=UTC) for day in values])
    return pd.Series(list(values.values()), index=index, name="price")


def bars_of(values: dict[int, float]) -> pd.DataFrame:
    close = prices_of(values)
    nothing = dict.fromkeys(("open", "high", "low"), float("nan"))
    return close.to_frame("close").assign(**nothing, volume=1.0, daily=True)[list(empty_bars().columns)]


def test_instruments_come_back_as_they_went_in() -> None:
    """A second put of the same changes nothing."""
    instruments = Instruments(MemoryDocuments())
    assert instruments.put(CORN)
    assert not instruments.put(CORN)
    assert instruments.put(replace(CORN, instrument=replace(CORN.instrument, spread_cost=0.2)))
    assert instruments.get("CORN").instrument.spread_cost == 0.2
    assert instruments.get("CORN").roll_parameters == CORN.roll_parameters
    assert instruments.codes() == ["CORN"]
    assert len(instruments.all()) == 1


def test_an_unknown_instrument_is_an_error_with_the_nearest_code() -> None:
    """Whatever its case; with nothing near, all that is known."""
    instruments = Instruments(MemoryDocuments())
    with pytest.raises(DataError, match="import or update first"):
        instruments.get("CORN")
    instruments.put(CORN)
    with pytest.raises(DataError, match="did you mean CORN"):
        instruments.get("cron")
    with pytest.raises(DataError, match="known are CORN"):
        instruments.get("XYZ")


def test_contracts_come_back_as_they_went_in() -> None:
    """Sampled ones by instrument and date."""
    contracts = Contracts(MemoryDocuments())
    for contract, sampling in (("20251200", True), ("20241200", True), ("20231200", False)):
        contracts.put(replace(RECORD, contract=contract, sampling=sampling))
    assert contracts.of("CORN")[1] == RECORD
    assert contracts.all() == contracts.of("CORN")
    assert contracts.sampled() == {"CORN": ["20241200", "20251200"]}


def test_a_rejection_is_recorded_once_and_accepted() -> None:
    """An accepted one is on record, but open no longer."""
    rejections = Rejections(MemoryDocuments())
    assert rejections.record(REJECTED)
    assert not rejections.record(replace(REJECTED, price=1.0))
    assert rejections.open() == {REJECTED.item: [REJECTED]}
    rejections.accept([REJECTED], NOW)
    assert rejections.all() == [replace(REJECTED, accepted_at=NOW)]
    assert rejections.open() == {}


def test_later_bars_are_appended_and_late_ones_replace() -> None:
    """Either way nothing stored changes."""
    prices = Prices(series())
    for offered in ({2: 1.0}, {3: 2.0}, {1: 0.5, 3: 9.0}):
        prices.add_bars("CORN", "20241200", merge(prices.bars("CORN", "20241200"), bars_of(offered)))
    assert prices.bars("CORN", "20241200")["close"].tolist() == [0.5, 1.0, 2.0]
    assert prices.bars("CORN", "20241200")["daily"].all()
    assert prices.contracts("CORN") == ["20241200"]
    assert prices.contracts("COR") == []


def test_adjusted_prices_are_appended_to_while_they_continue() -> None:
    """The tail alone is written; a shift replaces all and leaves the old version readable."""
    stored = series()
    prices = Prices(stored)
    assert prices.save_adjusted("CORN", prices_of({1: 1.0, 2: float("nan"), 3: 3.0})) == 2
    assert prices.save_adjusted("CORN", prices_of({1: 1.0, 3: 3.0 + 1e-12, 4: 4.0})) == 1
    assert prices.adjusted("CORN").tolist() == [1.0, 3.0, 4.0]
    assert prices.save_adjusted("CORN", prices_of({1: 1.0, 3: 3.0, 4: 4.0})) == 0
    assert len(stored.versions("adjusted_prices", "CORN")) == 2
    assert prices.save_adjusted("CORN", prices_of({1: 2.0, 3: 4.0, 4: 5.0})) == 0
    assert prices.adjusted("CORN").tolist() == [2.0, 4.0, 5.0]
    before = stored.versions("adjusted_prices", "CORN")[1].number
    assert prices.adjusted("CORN", as_of=before).tolist() == [1.0, 3.0, 4.0]


def test_nothing_stored_reads_as_empty() -> None:
    """With the columns that a full one has."""
    prices = Prices(series())
    assert list(prices.bars("CORN", "20241200").columns) == list(empty_bars().columns)
    assert prices.multiple("CORN").empty
    assert prices.adjusted("CORN").empty
    assert prices.last_contracts("CORN", NOW) == {}


def test_stores_of_quick_commands_do_not_load_pandas() -> None:
    """Neither the stores nor the registry of processes."""
    modules = (
        "stores.instruments, sysproduction.stores.contracts, sysproduction.stores.rejections, sysproduction.processes"
    )
    code = f"import sysproduction.{modules}, sys; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
