"""An operator's word on rejected prices."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sysproduction.domain.bars import Frequency
from sysproduction.domain.contracts import ContractListing
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.panama import stitch
from sysproduction.markets.fx import update_fx_prices
from sysproduction.markets.historical_prices import update_historical_prices
from sysproduction.markets.reviewing import accept_price, named_rejection, prices_around, refuse_price
from sysproduction.markets.sampling import update_sampled_contracts

START = datetime(2024, 4, 1, 23, tzinfo=UTC)
DAYS = 40
SPIKE = START + timedelta(days=30)
NOW = START + timedelta(days=DAYS)
ITEM = "CORN/20240600"


def walk() -> pd.Series:
    """A quiet price that leaps on the thirtieth day and stays there."""
    index = pd.DatetimeIndex([START + timedelta(days=day) for day in range(DAYS)])
    quiet = pd.Series([400.0 + day % 3 for day in range(DAYS)], index=index)
    return quiet.where(index < SPIKE, quiet + 30)


@pytest.fixture
def market(feed, stores):
    """CORN and EURUSD up to the day of the leap, which was not believed."""
    feed.chains["CORN"] = [ContractListing("20240600")]
    feed.closes["CORN", "20240600", Frequency.DAILY] = walk()
    feed.rates["EURUSD"] = walk()
    update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=SPIKE)
    fetch(feed, stores, SPIKE - timedelta(days=1))
    fetch(feed, stores, SPIKE)
    return feed


def fetch(feed, stores, now):
    usual = {"now": now, "threshold": 8.0, "stale_after_days": 50}
    update_historical_prices(feed, stores.contracts, stores.prices, stores.rejections, **usual)
    update_fx_prices(feed, stores.rates, stores.rejections, **usual)


def stored(stores, item) -> pd.Series:
    return stores.rates.rate(item) if item == "EURUSD" else stores.prices.bars("CORN", "20240600")["close"]


@pytest.mark.parametrize("item", [ITEM, "EURUSD"])
def test_a_refused_price_stays_out_though_later_ones_confirm_it(market, stores, item: str) -> None:
    """Without an operator's word the next days would have it believed; they themselves are stored."""
    record = named_rejection(stores.rejections, f"{item}@{SPIKE.isoformat()}")
    assert not isinstance(refuse_price(stores.rejections, record, by="me", now=NOW, why="a bad tick"), Refused)
    fetch(market, stores, NOW)
    assert SPIKE not in stored(stores, item).index
    assert SPIKE + timedelta(days=3) in stored(stores, item).index
    assert (stores.rejections.open().get(item), len(stores.rejections.refused()[item])) == (None, 1)
    other = "EURUSD" if item == ITEM else ITEM
    assert SPIKE in stored(stores, other).index


@pytest.mark.parametrize("item", [ITEM, "EURUSD"])
def test_an_accepted_price_is_stored_once_with_who_and_why(market, stores, item: str) -> None:
    """Its neighbours are shown before; a second word is refused."""
    record = named_rejection(stores.rejections, f"{item}@{SPIKE:%Y-%m-%dT%H:%M}")
    before, after = prices_around(stores.prices, stores.rates, record)
    assert (len(before), len(after), record.daily) == (20, 0, item == ITEM)
    words = {"by": "me", "now": NOW, "why": "the crop failed"}
    done = accept_price(stores.prices, stores.rates, stores.rejections, record, **words)
    assert stored(stores, item)[SPIKE] == record.price
    kept = named_rejection(stores.rejections, record.key)
    assert kept == done
    assert (kept.by, kept.reason, kept.accepted_at) == ("me", "the crop failed", NOW)
    assert isinstance(accept_price(stores.prices, stores.rates, stores.rejections, kept, **words), Refused)
    assert isinstance(refuse_price(stores.rejections, kept, **words), Refused)
    assert item not in stores.rejections.open()


def test_an_old_accepted_price_reaches_multiple_and_adjusted_prices(market, stores) -> None:
    """Weeks after its day, and before a roll: the row is inserted where it belongs, everything else stays."""
    refused = named_rejection(stores.rejections, f"{ITEM}@{SPIKE.isoformat()}")
    assert not isinstance(refuse_price(stores.rejections, refused, by="me", now=NOW, why="odd"), Refused)
    fetch(market, stores, NOW)
    bars = stores.prices.bars("CORN", "20240600")["close"]
    before = pd.DataFrame(
        {"PRICE": bars, "CARRY": np.nan, "FORWARD": bars + 5.0}
        | {"PRICE_CONTRACT": "20240600", "CARRY_CONTRACT": "20240900", "FORWARD_CONTRACT": "20240900"}
    )
    before.loc[before.index[-1] + timedelta(seconds=1)] = [
        float(bars.iloc[-1]) + 5.0,
        np.nan,
        np.nan,
        "20240900",
        "20241200",
        "20241200",
    ]
    stores.prices.replace_stitched("CORN", before, stitch(before).dropna())
    record = named_rejection(stores.rejections, refused.key)
    late = NOW + timedelta(days=30)
    assert not isinstance(
        accept_price(stores.prices, stores.rates, stores.rejections, record, by="me", now=late, why="it was real"),
        Refused,
    )
    multiple = stores.prices.multiple("CORN")
    assert multiple.at[SPIKE, "PRICE"] == record.price
    pd.testing.assert_frame_equal(multiple.drop(SPIKE), before, check_freq=False)
    pd.testing.assert_series_equal(stores.prices.adjusted("CORN"), stitch(multiple).dropna(), check_freq=False)
    assert stores.prices.adjusted("CORN")[SPIKE] == record.price + 5.0


@pytest.mark.parametrize("name", ["", "CORN", f"{ITEM}@yesterday", f"{ITEM}@2024-01-01T00:00"])
def test_a_name_that_names_nothing_is_an_error(market, stores, name: str) -> None:
    """With what was expected."""
    with pytest.raises(DataError, match=r"expected ITEM@STAMP|no such price"):
        named_rejection(stores.rejections, name)
