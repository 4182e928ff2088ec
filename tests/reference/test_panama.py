"""The Panama series built from multiple prices equals the shipped adjusted prices."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.markets.importing import import_history
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices

INSTRUMENTS = ["CORN", "EUROSTX", "EUR_micro", "GOLD_micro", "KR10", "MXP", "SOFR", "SP500_micro", "US10", "V2X"]
END = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_imported_adjusted_prices_equal_the_shipped_ones(shared: Path, instrument: str) -> None:
    """After an import, adjusted prices equal the file's to 1e-9 wherever both have a value, which is nearly always."""
    prices, documents = Prices(MemorySeries(lambda: END)), MemoryDocuments()
    feed = CsvFeed(shared / "data", [instrument])
    rates = FxRates(MemorySeries(lambda: END))
    result = import_history(feed, Instruments(documents), prices, rates, until=END, progress=lambda *_: None)
    shipped = pd.read_csv(shared / "data" / "adjusted_prices_csv" / f"{instrument}.csv.gz", index_col=0)["price"]
    shipped.index = pd.to_datetime(shipped.index, utc=True)
    both = pd.concat([prices.adjusted(instrument), shipped.rename("shipped")], axis=1).dropna()
    assert result.problems == ()
    assert len(both) > 0.99 * len(shipped.dropna())
    np.testing.assert_allclose(both["price"], both["shipped"], rtol=0, atol=1e-9)


def test_crosses_equal_the_reference(shared: Path) -> None:
    """USDEUR by inversion and EURGBP through the dollar equal the reference on the same stamps."""
    reference = pd.read_parquet(shared / "reference" / "fx.parquet").set_index("date").tz_localize("UTC")
    series = MemorySeries(lambda: END)
    for pair in ("EURUSD", "GBPUSD"):
        series.replace("fx", pair, reference[pair].dropna().to_frame("rate"))
    for pair in ("USDEUR", "EURGBP"):
        pd.testing.assert_series_equal(
            FxRates(series).rate(pair), reference[pair].dropna(), check_names=False, check_freq=False, rtol=1e-12
        )
