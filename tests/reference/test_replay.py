"""Real days walked through the daily methods give what importing them at once gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.multiple_prices import CONTRACT_COLUMNS
from sysproduction.domain.results import ProblemKind
from sysproduction.markets.fx import update_fx_prices
from sysproduction.markets.historical_prices import update_historical_prices
from sysproduction.markets.importing import import_history
from sysproduction.markets.multiple_adjusted import update_multiple_adjusted_prices
from sysproduction.markets.sampling import update_sampled_contracts
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.rejections import Rejections

STALE = 5
THRESHOLD = 8.0

# Monday of a week in which the instrument rolls; the stamp of the roll is in the recorded file.
WEEKS = [
    ("CORN", datetime(2023, 8, 21, tzinfo=UTC)),
    ("EUROSTX", datetime(2023, 6, 5, tzinfo=UTC)),
    ("EUROSTX", datetime(2023, 3, 13, tzinfo=UTC)),
    ("EUR_micro", datetime(2023, 5, 15, tzinfo=UTC)),
    ("GOLD_micro", datetime(2023, 7, 10, tzinfo=UTC)),
    ("KR10", datetime(2023, 6, 12, tzinfo=UTC)),
    ("MXP", datetime(2023, 5, 22, tzinfo=UTC)),
    ("MXP", datetime(2022, 9, 19, tzinfo=UTC)),
    ("SOFR", datetime(2023, 2, 6, tzinfo=UTC)),
    ("SP500_micro", datetime(2023, 5, 22, tzinfo=UTC)),
    ("US10", datetime(2023, 5, 22, tzinfo=UTC)),
    ("V2X", datetime(2023, 6, 26, tzinfo=UTC)),
    ("V2X", datetime(2023, 7, 10, tzinfo=UTC)),
]


@dataclass
class Stores:
    """Everything that the market data methods write."""

    instruments: Instruments
    contracts: Contracts
    prices: Prices
    rates: FxRates
    rejections: Rejections
    problems: list = field(default_factory=list)


def fresh_stores() -> Stores:
    documents, series = MemoryDocuments(), MemorySeries(lambda: datetime(2023, 9, 1, tzinfo=UTC))
    return Stores(Instruments(documents), Contracts(documents), Prices(series), FxRates(series), Rejections(documents))


def load(feed: CsvFeed, stores: Stores, until: datetime) -> None:
    import_history(feed, stores.instruments, stores.prices, stores.rates, until=until, progress=lambda *_: None)


def run_day(feed: CsvFeed, stores: Stores, day: datetime) -> None:
    """The evening's and the night's methods."""
    evening, night = day + timedelta(hours=20), day + timedelta(hours=23)
    s = stores
    results = [update_fx_prices(feed, s.rates, s.rejections, now=evening, threshold=THRESHOLD, stale_after_days=STALE)]
    for now in (evening, night):
        results += [
            update_sampled_contracts(feed, s.instruments, s.contracts, s.prices, now=now),
            update_historical_prices(
                feed, s.contracts, s.prices, s.rejections, now=now, threshold=THRESHOLD, stale_after_days=STALE
            ),
            update_multiple_adjusted_prices(feed, s.contracts, s.prices, now=now, stale_after_days=STALE),
        ]
    s.problems += [p for result in results for p in result.problems if p.kind is not ProblemKind.STALE]


def week_folder(shared: Path, folder: Path, instrument: str, monday: datetime) -> Path:
    """A data folder that holds nothing but this week of the instrument."""
    copytree(shared / "data" / "csvconfig", folder / "csvconfig")
    copytree(shared / "data" / "fx_prices_csv", folder / "fx_prices_csv")
    rows = pd.read_csv(shared / "data" / "multiple_prices_csv" / f"{instrument}.csv.gz", dtype=str)
    stamps = pd.to_datetime(rows["DATETIME"], utc=True)
    (folder / "multiple_prices_csv").mkdir()
    week = rows.loc[(stamps >= monday) & (stamps < monday + timedelta(days=5))]
    week.to_csv(folder / "multiple_prices_csv" / f"{instrument}.csv", index=False)
    return folder


def assert_equal_from(start: datetime, walked: Prices, loaded: Prices, instrument: str) -> None:
    """Same stamps, contracts, PRICE and adjusted price from `start` on, but for roll rows on one side only."""
    ours, theirs = walked.multiple(instrument, start=start), loaded.multiple(instrument, start=start)
    rolls = {*first_of_contract(ours), *first_of_contract(theirs)}
    assert set(ours.index) ^ set(theirs.index) <= rolls
    both = ours.index.intersection(theirs.index)
    assert len(both) > 20
    ours, theirs = ours.loc[both], theirs.loc[both]
    for column in CONTRACT_COLUMNS:
        assert list(ours[column]) == list(theirs[column])
    np.testing.assert_array_equal(ours["PRICE"], theirs["PRICE"])
    others = [stamp for stamp in both if stamp not in rolls]
    for column in ("FORWARD", "CARRY"):
        recorded = theirs.loc[others, column].dropna()
        np.testing.assert_array_equal(ours.loc[recorded.index, column], recorded)
    adjusted = walked.adjusted(instrument).loc[both.min() :], loaded.adjusted(instrument).loc[both.min() :]
    common = adjusted[0].index.intersection(adjusted[1].index)
    assert set(adjusted[0].index) ^ set(adjusted[1].index) <= rolls
    np.testing.assert_allclose(adjusted[0].loc[common], adjusted[1].loc[common], rtol=0, atol=1e-9)


def first_of_contract(multiple: pd.DataFrame) -> Iterator[pd.Timestamp]:
    changed = multiple["PRICE_CONTRACT"] != multiple["PRICE_CONTRACT"].shift()
    return iter(multiple.index[changed][1:])


@pytest.mark.parametrize(("instrument", "monday"), WEEKS)
def test_a_walked_week_with_a_roll_equals_the_week_imported(
    shared: Path, tmp_path: Path, instrument: str, monday: datetime
) -> None:
    """From empty stores, five days walked one by one equal those days imported at once."""
    feed = CsvFeed(week_folder(shared, tmp_path, instrument, monday), [instrument])
    walked, loaded = fresh_stores(), fresh_stores()
    for day in range(5):
        run_day(feed, walked, monday + timedelta(days=day))
    load(feed, loaded, monday + timedelta(days=5))
    assert len(list(first_of_contract(loaded.prices.multiple(instrument)))) >= 1
    assert walked.problems == []
    assert_equal_from(monday, walked.prices, loaded.prices, instrument)


@pytest.mark.parametrize(("instrument", "monday"), WEEKS)
def test_a_week_walked_after_an_import_equals_a_longer_import(shared: Path, instrument: str, monday: datetime) -> None:
    """An imported history that five walked days continue equals the history imported to their end."""
    feed = CsvFeed(shared / "data", [instrument])
    walked, loaded = fresh_stores(), fresh_stores()
    load(feed, walked, monday - timedelta(seconds=1))
    for day in range(5):
        run_day(feed, walked, monday + timedelta(days=day))
    load(feed, loaded, monday + timedelta(days=4, hours=23))
    assert walked.problems == []
    assert_equal_from(datetime(1970, 1, 1, tzinfo=UTC), walked.prices, loaded.prices, instrument)
