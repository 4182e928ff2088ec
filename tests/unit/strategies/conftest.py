"""A house of recorded prices, with capital."""

from pathlib import Path

import pandas as pd
import pytest

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.capital.updating import CapitalDesk, allocate
from sysproduction.domain.capital import CapitalPolicy, Measure, seeded
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from tests.evening_house import CODES, FULL, NOW, House, copied


@pytest.fixture(scope="module")
def recorded(shared: Path) -> House:
    house = House()
    feed, prices = CsvFeed(shared / "data", CODES), Prices(house.series)
    for listing in feed.instruments():
        code = listing.instrument.code
        Instruments(house.documents).put(listing)
        for kind in ("multiple", "adjusted"):
            frame = pd.read_csv(
                shared / "data" / f"{kind}_prices_csv" / f"{code}.csv.gz", index_col=0, parse_dates=True
            )
            frame.index = pd.DatetimeIndex(frame.index).tz_localize("UTC").as_unit("ns")
            frame = frame.loc[NOW - FULL : NOW].groupby(level=0).last()
            if kind == "multiple":
                contracts = [name for name in frame.columns if name.endswith("CONTRACT")]
                frame[contracts] = frame[contracts].astype("int64").astype(str).astype(object)
                house.series.replace("multiple_prices", code, frame)
            else:
                house.series.replace("adjusted_prices", code, frame.iloc[:, 0].dropna().to_frame("price"))
        assert len(prices.adjusted(code)) > 500
    store = CapitalStore(house.documents, house.series)
    first = seeded(Measure(2e6, 0.0, NOW), by="me", why="", now=NOW)
    store.record(store.total(), first)
    allocate(CapitalDesk(store, FxRates(house.series), CapitalPolicy()), {"trend": None}, now=NOW)
    return house


@pytest.fixture
def house(recorded: House) -> House:
    """A copy that a test may change."""
    return copied(recorded)
