"""From a feed's bars to adjusted prices."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sysproduction.domain.bars import Frequency
from sysproduction.domain.contracts import ContractListing
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.results import ProblemKind
from sysproduction.domain.rolls import Roll
from sysproduction.markets.historical_prices import update_historical_prices
from sysproduction.markets.multiple_adjusted import update_multiple_adjusted_prices
from sysproduction.markets.sampling import update_sampled_contracts

START = datetime(2024, 4, 1, 23, tzinfo=UTC)
NOW = START + timedelta(days=40)
JUN, SEP, DEC = "20240600", "20240900", "20241200"


def walk(level: float, days: int = 40, seed: int = 3) -> pd.Series:
    index = pd.DatetimeIndex([START + timedelta(days=day) for day in range(days + 1)])
    return pd.Series(level + np.random.default_rng(seed).normal(size=days + 1).cumsum(), index=index)


@pytest.fixture
def market(feed, stores):
    """CORN with three contracts of 41 daily bars, rolled on the thirtieth day."""
    feed.chains["CORN"] = [ContractListing(name) for name in (JUN, SEP, DEC)]
    for level, contract in ((400, JUN), (410, SEP), (420, DEC)):
        feed.closes["CORN", contract, Frequency.DAILY] = walk(level)
    feed.recorded["CORN"] = [
        Roll(START, JUN, SEP, SEP),
        Roll(START + timedelta(days=30, hours=-1), SEP, DEC, DEC),
    ]
    return feed


def fetch(feed, stores, now=NOW):
    update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=now)
    return update_historical_prices(
        feed, stores.contracts, stores.prices, stores.rejections, now=now, threshold=8.0, stale_after_days=5
    )


def build(feed, stores, now=NOW):
    return update_multiple_adjusted_prices(feed, stores.contracts, stores.prices, now=now, stale_after_days=5)


def test_bars_become_multiple_and_adjusted_prices(market, stores) -> None:
    """41 bars a contract, one roll row, an adjusted series that ends in the price of the last contract."""
    assert fetch(market, stores).rows_written == 123
    result = build(market, stores)
    assert (result.rows_written, result.problems) == (42, ())
    adjusted = stores.prices.adjusted("CORN")
    np.testing.assert_allclose(adjusted.diff().dropna().sum(), adjusted.iloc[-1] - adjusted.iloc[0])
    np.testing.assert_allclose(adjusted.iloc[:30], walk(410)[:30])
    assert fetch(market, stores).rows_written == 0
    assert build(market, stores).rows_written == 0
    assert len(stores.series.versions("adjusted_prices", "CORN")) == 1


def test_walked_day_by_day_equals_fetched_at_once(market, stores) -> None:
    """And up to the roll the adjusted series is only appended to; its old version stays readable."""
    other = type(stores)()
    for day in range(41):
        now = START + timedelta(days=day)
        assert fetch(market, stores, now).problems == ()
        assert build(market, stores, now).problems == ()
    fetch(market, other)
    build(market, other)
    pd.testing.assert_frame_equal(stores.prices.multiple("CORN"), other.prices.multiple("CORN"), check_freq=False)
    pd.testing.assert_series_equal(stores.prices.adjusted("CORN"), other.prices.adjusted("CORN"), check_freq=False)
    before = stores.prices.adjusted("CORN", as_of=stores.series.versions("adjusted_prices", "CORN")[29].number)
    np.testing.assert_allclose(before, walk(400)[:30])


def test_of_intraday_and_daily_bars_both_are_kept_and_intraday_goes_first(market, stores) -> None:
    """`daily` tells which was which."""
    stamp = START + timedelta(days=40)
    market.closes["CORN", JUN, Frequency.INTRADAY] = pd.Series(
        [400.0, 401.0], index=pd.DatetimeIndex([stamp - timedelta(hours=1), stamp])
    )
    fetch(market, stores)
    last = stores.prices.bars("CORN", JUN).iloc[-3:]
    assert last["daily"].tolist() == [True, False, False]
    assert last["close"].iloc[-2:].tolist() == [400.0, 401.0]


def test_a_spike_is_rejected_alone_and_recorded_once(market, stores) -> None:
    """The bars after it are kept; other contracts go on; a second run says nothing new."""
    market.closes["CORN", SEP, Frequency.DAILY].iloc[35] *= 10
    result = fetch(market, stores)
    assert result.rows_written == 122
    assert [(problem.item, problem.kind) for problem in result.problems] == [(f"CORN/{SEP}", ProblemKind.SPIKE)]
    (rejected,) = stores.rejections.all()
    assert (rejected.instrument, rejected.contract, rejected.found_at) == ("CORN", SEP, NOW)
    assert rejected.stamp == START + timedelta(days=35)
    assert rejected.price == pytest.approx(10 * walk(410).iloc[35])
    assert rejected.last_good == pytest.approx(walk(410).iloc[34])
    assert rejected.multiples > 100
    again = fetch(market, stores)
    assert (again.rows_written, again.problems) == (0, ())
    assert stores.rejections.all() == [rejected]


def test_a_crash_is_held_back_until_the_next_bar_confirms_it(market, stores) -> None:
    """Then it is stored after all, and the record says when."""
    for contract in (JUN, SEP, DEC):
        market.closes["CORN", contract, Frequency.DAILY].iloc[39:] -= 20
    held = fetch(market, stores, NOW - timedelta(days=1))
    assert [problem.kind for problem in held.problems] == [ProblemKind.SPIKE] * 3
    assert len(stores.prices.bars("CORN", JUN)) == 39
    confirmed = fetch(market, stores)
    assert (confirmed.rows_written, confirmed.problems) == (6, ())
    assert [record.accepted_at for record in stores.rejections.all()] == [NOW] * 3
    assert stores.rejections.open() == {}


def test_future_and_non_finite_bars_are_dropped_and_reported(market, stores) -> None:
    """The rest of the contract is stored."""
    market.honest = False
    market.closes["CORN", JUN, Frequency.DAILY].iloc[10] = np.inf
    result = fetch(market, stores, NOW - timedelta(days=1))
    reasons = [problem.reason for problem in result.problems if problem.item == f"CORN/{JUN}"]
    assert [reason[:6] for reason in reasons] == ["1 rows", "1 rows"]
    assert len(stores.prices.bars("CORN", JUN)) == 39


def test_one_unreadable_contract_does_not_stop_the_others(market, stores) -> None:
    """It is reported with the feed's reason."""
    market.broken.add(f"CORN/{SEP}")
    result = fetch(market, stores)
    assert result.rows_written == 82
    assert [(problem.item, problem.reason) for problem in result.problems] == [
        (f"CORN/{SEP}", f"CORN/{SEP}: unreadable")
    ]


def test_stale_and_missing_instruments_are_reported(market, stores) -> None:
    """No bar for more than five business days, or none ever."""
    market.chains["WHEAT"] = [ContractListing(JUN)]
    fetch(market, stores)
    result = fetch(market, stores, NOW + timedelta(days=10))
    assert [(problem.item, problem.kind) for problem in result.problems] == [
        ("CORN", ProblemKind.STALE),
        ("WHEAT", ProblemKind.MISSING),
    ]


def test_a_roll_without_a_common_price_writes_nothing_and_heals(market, stores) -> None:
    """The item is reported; when the late bars come the next run rolls."""
    series = market.closes.pop(("CORN", SEP, Frequency.DAILY))
    market.closes["CORN", SEP, Frequency.DAILY] = series.iloc[30:]
    fetch(market, stores, START + timedelta(days=29))
    build(market, stores, START + timedelta(days=29))
    rows = len(stores.prices.multiple("CORN"))
    fetch(market, stores)
    result = build(market, stores)
    assert [problem.item for problem in result.problems] == ["CORN"]
    assert "cannot roll" in result.problems[0].reason
    assert len(stores.prices.multiple("CORN")) == rows
    stores.series.replace("bars", f"CORN/{SEP}", stores.prices.bars("CORN", DEC).assign(close=series))
    assert build(market, stores).problems == ()
    assert len(stores.prices.multiple("CORN")) == 42


def test_a_crash_between_the_two_writes_heals_at_the_next_run(market, stores) -> None:
    """Adjusted prices are stitched from what is stored, new rows or not."""
    fetch(market, stores)
    real = stores.prices.save_adjusted

    def full_disk(*_: object) -> int:
        raise Unavailable("disk is full")

    stores.prices.save_adjusted = full_disk
    with pytest.raises(Unavailable):
        build(market, stores)
    assert len(stores.prices.adjusted("CORN")) == 0
    stores.prices.save_adjusted = real
    assert build(market, stores).rows_written == 0
    assert len(stores.prices.adjusted("CORN")) == 42


def test_a_late_bar_is_inserted_and_adjusted_prices_follow(market, stores) -> None:
    """A bar that comes a day late takes its place; stored rows stay."""
    series = market.closes["CORN", JUN, Frequency.DAILY]
    full = {contract: market.closes["CORN", contract, Frequency.DAILY] for contract in (JUN, SEP, DEC)}
    for contract, whole in full.items():
        market.closes["CORN", contract, Frequency.DAILY] = whole.drop(whole.index[38])
    fetch(market, stores)
    build(market, stores)
    market.closes.update({("CORN", contract, Frequency.DAILY): whole for contract, whole in full.items()})
    assert fetch(market, stores).rows_written == 3
    assert build(market, stores).rows_written == 1
    assert series.index[38] in stores.prices.adjusted("CORN").index
    assert len(stores.prices.adjusted("CORN")) == 42
