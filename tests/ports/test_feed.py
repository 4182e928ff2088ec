"""What every feed promises, whichever it is: facts of the past, half-open ranges, aware stamps, one bar shape."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.synthetic_feed import SyntheticFeed
from sysproduction.domain.bars import BAR_COLUMNS, Frequency
from sysproduction.domain.errors import DataError
from sysproduction.domain.rolls import Roll
from sysproduction.ports import Feed

LONG_AGO = datetime(1960, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """A feed, a moment at which it has prices, and how to open it anew."""

    feed: Feed
    now: datetime
    reopen: Callable[[], Feed]

    def held(self) -> list[tuple[str, str]]:
        """Each instrument with its current price contract."""
        return [(code, self.rolls(code)[-1].price) for code in self.codes()]

    def codes(self) -> list[str]:
        """All instruments."""
        return [listing.instrument.code for listing in self.feed.instruments()]

    def rolls(self, code: str) -> list[Roll]:
        """All rolls up to now."""
        return list(self.feed.rolls(code, after=None, until=self.now))


def write_small_folder(folder: Path) -> Path:
    """Two instruments, hourly and daily for 60 weekdays, one of which rolls during a day; and one currency pair."""
    for name in ("multiple_prices_csv", "fx_prices_csv", "csvconfig"):
        (folder / name).mkdir(parents=True)
    config = folder / "csvconfig"
    columns = "Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,Region\n"
    (config / "instrumentconfig.csv").write_text(
        columns + "WHEAT,Wheat,50,USD,Ags,2,0,0,US\nBUND,Bund,1000,EUR,Bond,2,0,0,EMEA\n"
    )
    (config / "rollconfig.csv").write_text(
        "Instrument,HoldRollCycle,RollOffsetDays,CarryOffset,PricedRollCycle,ExpiryOffset\n"
        "WHEAT,HMUZ,-5,-1,HMUZ,14\nBUND,HMUZ,-5,1,HMUZ,6\n"
    )
    (config / "spreadcosts.csv").write_text("Instrument,SpreadCost\nWHEAT,0.25\nBUND,0.01\n")
    for code, rolling in (("WHEAT", 30), ("BUND", 10**6)):
        (folder / "multiple_prices_csv" / f"{code}.csv").write_text("\n".join(_multiple_rows(rolling)) + "\n")
    days = pd.bdate_range("2024-01-01", periods=60)
    rates = "".join(f"{day:%Y-%m-%d} 23:00:00,{1.1 + place / 1000:.4f}\n" for place, day in enumerate(days))
    (folder / "fx_prices_csv" / "EURUSD.csv").write_text("DATETIME,PRICE\n" + rates)
    return folder


def _multiple_rows(rolling: int) -> Iterator[str]:
    yield "DATETIME,CARRY,CARRY_CONTRACT,PRICE,PRICE_CONTRACT,FORWARD,FORWARD_CONTRACT"
    names = ("20231200", "20240300", "20240600", "20240900")
    shift = 0
    for place, day in enumerate(pd.bdate_range("2024-01-01", periods=60)):
        for hour in (15, 16, 17, 23):
            carry, price, forward = (f"{100 + place + hour / 100 + 2 * (leg + shift):.2f}" for leg in range(3))
            legs = zip((carry, price, forward), names[shift:], strict=False)
            yield ",".join([f"{day:%Y-%m-%d} {hour}:00:00", *(f"{value},{name}" for value, name in legs)])
            if place == rolling and hour == 16:
                shift = 1
                yield f"{day:%Y-%m-%d} {hour}:00:01,{price},{names[1]},{forward},{names[2]},,{names[3]}"


@pytest.fixture(scope="module", params=["small csv folder", "recorded csv folder", "synthetic"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Every feed in turn."""
    if request.param == "synthetic":
        return Case(SyntheticFeed(7), datetime(2024, 3, 22, 18, 30, tzinfo=UTC), lambda: SyntheticFeed(7))
    if request.param == "recorded csv folder":
        folder, now = request.getfixturevalue("shared") / "data", datetime(2023, 8, 31, 20, 30, tzinfo=UTC)
    else:
        folder, now = write_small_folder(tmp_path_factory.mktemp("prices")), datetime(2024, 3, 22, 16, 30, tzinfo=UTC)
    return Case(CsvFeed(folder), now, lambda: CsvFeed(folder))


def moments(case: Case) -> st.SearchStrategy[datetime]:
    """Moments of the last half year, often exactly on an hour."""
    return st.integers(0, 183 * 48).map(lambda halves: case.now - timedelta(minutes=30 * halves))


def bars(case: Case, code: str, contract: str, frequency: Frequency = Frequency.INTRADAY) -> pd.DataFrame:
    """All of a contract's bars up to now."""
    return case.feed.bars(code, contract, frequency, after=None, until=case.now)


def test_instruments_are_sorted_and_complete(case: Case) -> None:
    """Instruments come sorted by code, each once, with a point size, a currency and two roll cycles."""
    listings = case.feed.instruments()
    assert listings
    assert case.codes() == sorted(set(case.codes()))
    for listing in listings:
        assert listing.instrument.point_size > 0
        assert len(listing.instrument.currency) == 3
        assert listing.roll_parameters.hold_cycle
        assert listing.roll_parameters.priced_cycle


def test_bars_have_the_shape_that_the_port_names(case: Case) -> None:
    """Bars are float columns by unique, increasing, aware UTC stamps; each has a close within its bounds."""
    for code, contract in case.held():
        for frequency in Frequency:
            frame = bars(case, code, contract, frequency)
            assert not frame.empty
            assert tuple(frame.columns) == BAR_COLUMNS
            assert set(frame.dtypes) == {np.dtype(float)}
            assert str(frame.index.dtype) == "datetime64[ns, UTC]"
            assert frame.index.is_monotonic_increasing
            assert frame.index.is_unique
            assert frame["close"].notna().all()
            assert not (frame["low"] > frame[["open", "close"]].min(axis=1)).any()
            assert not (frame["high"] < frame[["open", "close"]].max(axis=1)).any()


def test_daily_and_intraday_bars_are_told_apart(case: Case) -> None:
    """Daily bars close at 23:00 UTC and intraday bars never do."""
    for code, contract in case.held():
        daily, intraday = bars(case, code, contract, Frequency.DAILY), bars(case, code, contract)
        assert {f"{stamp:%H:%M:%S}" for stamp in daily.index} == {"23:00:00"}
        assert "23:00:00" not in {f"{stamp:%H:%M:%S}" for stamp in intraday.index}


def test_ranges_exclude_after_and_include_until(case: Case) -> None:
    """A range that starts after one bar's stamp and ends at a later bar's stamp holds the later bar only."""
    for code, contract in case.held():
        first, second = bars(case, code, contract).index[-2:]
        frame = case.feed.bars(
            code, contract, Frequency.INTRADAY, after=first.to_pydatetime(), until=second.to_pydatetime()
        )
        assert list(frame.index) == [second]


def test_no_bar_comes_from_the_future(case: Case) -> None:
    """No bar is later than the end of the range that was asked for."""
    early = case.now - timedelta(days=20)
    for code, contract in case.held():
        frame = case.feed.bars(code, contract, Frequency.DAILY, after=None, until=early)
        assert (frame.index <= early).all()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bars_in_pieces_equal_bars_at_once(case: Case, data: st.DataObject) -> None:
    """However a range is cut, the pieces of a contract's bars add up to the whole."""
    code = data.draw(st.sampled_from(case.codes()))
    contract = data.draw(st.sampled_from([listing.contract for listing in case.feed.chain(code, case.now)]))
    frequency = data.draw(st.sampled_from(list(Frequency)))
    cuts = sorted(data.draw(st.lists(moments(case), max_size=4)))
    starts, ends = [None, *cuts], [*cuts, case.now]
    pieces = [case.feed.bars(code, contract, frequency, after=a, until=b) for a, b in zip(starts, ends, strict=True)]
    whole = bars(case, code, contract, frequency)
    filled = [piece for piece in pieces if not piece.empty] or pieces[:1]
    pd.testing.assert_frame_equal(pd.concat(filled), whole, check_freq=False)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_rolls_and_rates_in_pieces_equal_those_at_once(case: Case, data: st.DataObject) -> None:
    """However a range is cut, the pieces of rolls and of currency rates add up to the whole."""
    code = data.draw(st.sampled_from(case.codes()))
    pair = data.draw(st.sampled_from(list(case.feed.currency_pairs())))
    cut = data.draw(moments(case))
    rolls = [*case.feed.rolls(code, after=None, until=cut), *case.feed.rolls(code, after=cut, until=case.now)]
    assert rolls == case.rolls(code)
    rates = [case.feed.fx(pair, after=None, until=cut), case.feed.fx(pair, after=cut, until=case.now)]
    whole = case.feed.fx(pair, after=None, until=case.now)
    pd.testing.assert_frame_equal(pd.concat([rate for rate in rates if not rate.empty]), whole, check_freq=False)


def test_a_new_feed_gives_the_same_facts(case: Case) -> None:
    """A feed opened anew and asked in another order answers as the old one did."""
    other = case.reopen()
    for code, contract in reversed(case.held()):
        again = other.bars(code, contract, Frequency.DAILY, after=None, until=case.now - timedelta(days=3))
        later = other.bars(code, contract, Frequency.DAILY, after=case.now - timedelta(days=3), until=case.now)
        whole = bars(case, code, contract, Frequency.DAILY)
        pd.testing.assert_frame_equal(pd.concat([f for f in (again, later) if not f.empty]), whole, check_freq=False)
        assert list(other.chain(code, case.now)) == list(case.feed.chain(code, case.now))
    assert [listing.instrument.code for listing in other.instruments()] == case.codes()


def test_frames_belong_to_the_caller(case: Case) -> None:
    """A caller that changes a frame does not change what the feed answers next."""
    code, contract = case.held()[0]
    before = bars(case, code, contract)
    bars(case, code, contract)["close"] = -1.0
    pd.testing.assert_frame_equal(bars(case, code, contract), before)


def test_rolls_follow_each_other(case: Case) -> None:
    """Rolls come in order of aware stamps, and each moves into what was the forward contract."""
    for code in case.codes():
        rolls = case.rolls(code)
        assert all(roll.stamp.utcoffset() == timedelta(0) for roll in rolls)
        assert [roll.stamp for roll in rolls] == sorted({roll.stamp for roll in rolls})
        assert all(new.price == old.forward for old, new in pairwise(rolls))


def test_the_contracts_in_force_are_in_the_chain_and_trade(case: Case) -> None:
    """After a roll, its three contracts are in the chain; price and forward have had bars lately."""
    for code in case.codes():
        last = case.rolls(code)[-1]
        chain = [listing.contract for listing in case.feed.chain(code, case.now)]
        assert chain == sorted(set(chain))
        assert {last.price, last.forward, last.carry} <= set(chain)
        since = case.now - timedelta(days=10)
        assert not case.feed.bars(code, last.price, Frequency.DAILY, after=since, until=case.now).empty


def test_there_is_no_chain_before_the_first_price(case: Case) -> None:
    """Long before the feed's first price there is no contract, no roll and no bar."""
    code, contract = case.held()[0]
    assert not case.feed.chain(code, LONG_AGO)
    assert not case.feed.rolls(code, after=None, until=LONG_AGO)
    assert case.feed.bars(code, contract, Frequency.DAILY, after=None, until=LONG_AGO).empty


def test_quotes_straddle_the_last_price(case: Case) -> None:
    """A contract that traded lately has a quote with bid below ask, sizes, and a stamp that is not in the future."""
    for code, contract in case.held():
        quote = case.feed.quote(code, contract, case.now)
        assert quote is not None
        assert quote.bid < quote.ask
        assert min(quote.bid_size, quote.ask_size) >= 1
        assert case.now - timedelta(days=4) <= quote.at <= case.now


def test_there_is_no_quote_without_a_recent_price(case: Case) -> None:
    """A contract whose last bar is old has no quote, and neither has one that never was."""
    code, _ = case.held()[0]
    assert case.feed.quote(code, case.rolls(code)[0].price, case.now + timedelta(days=900)) is None
    assert case.feed.quote(code, "20990100", case.now) is None


def test_rates_are_one_column_by_stamp(case: Case) -> None:
    """Pairs are sorted, and a pair's rates are one positive column `rate` by increasing aware UTC stamps."""
    pairs = list(case.feed.currency_pairs())
    assert pairs == sorted(set(pairs))
    for pair in pairs:
        rates = case.feed.fx(pair, after=None, until=case.now)
        assert list(rates.columns) == ["rate"]
        assert str(rates.index.dtype) == "datetime64[ns, UTC]"
        assert rates.index.is_monotonic_increasing
        assert rates.index.is_unique
        assert (rates["rate"] > 0).all()


def test_an_unknown_contract_has_no_bars(case: Case) -> None:
    """A contract that the source never had gives an empty bar frame of the usual shape."""
    code, _ = case.held()[0]
    frame = bars(case, code, "20990100")
    assert frame.empty
    assert tuple(frame.columns) == BAR_COLUMNS
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"


def test_unknown_names_are_data_errors_with_a_suggestion(case: Case) -> None:
    """An instrument or pair that the feed does not know is a DataError that names the nearest one."""
    code = case.codes()[0]
    typo = code[:-1] + code[-1].lower() + "x"
    for ask in (
        lambda: case.feed.chain(typo, case.now),
        lambda: case.feed.bars(typo, "20240300", Frequency.DAILY, after=None, until=case.now),
        lambda: case.feed.rolls(typo, after=None, until=case.now),
        lambda: case.feed.quote(typo, "20240300", case.now),
    ):
        with pytest.raises(DataError, match=f"did you mean {code}"):
            ask()
    with pytest.raises(DataError, match="did you mean EURUSD"):
        case.feed.fx("EURUSX", after=None, until=case.now)
