"""The csv feed: what it makes of files, sound and unsound, in pysystemtrade's layout."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.csv_feed import QUOTE_DEPTH, CsvFeed
from sysproduction.domain.bars import Frequency
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.results import Problem, ProblemKind
from sysproduction.domain.rolls import Roll

HEADER = "DATETIME,CARRY,CARRY_CONTRACT,PRICE,PRICE_CONTRACT,FORWARD,FORWARD_CONTRACT"
DAY_1 = "2024-01-02 23:00:00,9,20231200,10,20240300,11,20240600"
DAY_2 = "2024-01-03 23:00:00,9.5,20231200,10.5,20240300,11.5,20240600"
DAY_3 = "2024-01-04 23:00:00,,20231200,10.75,20240300,,20240600"
END = datetime(2024, 12, 31, tzinfo=UTC)


def at(day: int, hour: int = 23, second: int = 0) -> datetime:
    """A moment of January 2024."""
    return datetime(2024, 1, day, hour, 0, second, tzinfo=UTC)


def write(path: Path, *lines: str) -> None:
    """A file of these lines, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the three sound days of WHEAT and one currency pair."""
    write(tmp_path / "multiple_prices_csv" / "WHEAT.csv", HEADER, DAY_1, DAY_2, DAY_3)
    write(tmp_path / "fx_prices_csv" / "EURUSD.csv", "DATETIME,PRICE", "2024-01-02,1.1", "2024-01-03 23:00:00,1.2")
    config = tmp_path / "csvconfig"
    write(
        config / "instrumentconfig.csv",
        "Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,Region",
        "WHEAT,Soft wheat,50,USD,Ags,2.9,,0,US",
    )
    write(
        config / "rollconfig.csv",
        "Instrument,HoldRollCycle,RollOffsetDays,CarryOffset,PricedRollCycle,ExpiryOffset",
        "WHEAT,ZH,-5,-1,HMUZ,14",
    )
    write(config / "spreadcosts.csv", "Instrument,SpreadCost", "WHEAT,0.25")
    return tmp_path


def prices(folder: Path) -> Path:
    """WHEAT's price file."""
    return folder / "multiple_prices_csv" / "WHEAT.csv"


def closes(feed: CsvFeed, contract: str, frequency: Frequency = Frequency.DAILY) -> list[tuple[datetime, float]]:
    """All closes of a contract of WHEAT."""
    frame = feed.bars("WHEAT", contract, frequency, after=None, until=END)
    return [(stamp.to_pydatetime(), value) for stamp, value in frame["close"].items()]


def reasons(problems: Sequence[Problem]) -> list[str]:
    """Only the sentences."""
    return [problem.reason for problem in problems]


def test_each_contract_has_its_own_bars_from_whichever_column_names_it(folder: Path) -> None:
    """CARRY, PRICE and FORWARD become bars of three contracts, without the empty fields and with nothing invented."""
    feed = CsvFeed(folder)
    assert closes(feed, "20231200") == [(at(2), 9.0), (at(3), 9.5)]
    assert closes(feed, "20240300") == [(at(2), 10.0), (at(3), 10.5), (at(4), 10.75)]
    assert closes(feed, "20240600") == [(at(2), 11.0), (at(3), 11.5)]
    frame = feed.bars("WHEAT", "20240300", Frequency.DAILY, after=None, until=END)
    assert frame[["open", "high", "low", "volume"]].isna().all(axis=None)


def test_one_contract_in_two_columns_gives_one_bar(folder: Path) -> None:
    """Where carry is the forward contract, its bar is the value of the column that has one."""
    write(
        prices(folder),
        HEADER,
        "2024-01-02 23:00:00,11,20240600,10,20240300,,20240600",
        "2024-01-03 23:00:00,,20240600,10,20240300,12,20240600",
        "2024-01-04 23:00:00,13,20240600,10,20240300,13,20240600",
    )
    assert closes(CsvFeed(folder), "20240600") == [(at(2), 11.0), (at(3), 12.0), (at(4), 13.0)]


def test_only_the_notional_close_is_daily(folder: Path) -> None:
    """A bar is daily at 23:00:00 exactly and intraday a second later."""
    write(prices(folder), HEADER, DAY_1, "2024-01-02 23:00:01,,20231200,10.1,20240300,,20240600")
    feed = CsvFeed(folder)
    assert closes(feed, "20240300") == [(at(2), 10.0)]
    assert closes(feed, "20240300", Frequency.INTRADAY) == [(at(2, 23, 1), 10.1)]


@pytest.mark.parametrize(
    ("row", "served"),
    [
        ("2024-01-03 23:00:02,10.5,20240300,11.5,20240600,12,20240900", False),
        ("2024-01-03 23:00:03,10.5,20240300,11.5,20240600,12,20240900", True),
        ("2024-01-03 23:00:02,10.5,20240300,11.6,20240600,12,20240900", True),
        ("2024-01-03 23:00:02,10.5,20231200,11.5,20240300,12,20240900", True),
    ],
    ids=["roll row", "too late", "another price", "same contract"],
)
def test_rows_that_rolling_added_are_no_bars(folder: Path, row: str, *, served: bool) -> None:
    """The old forward price said again within two seconds under the new contract is left out, any other row is not."""
    write(prices(folder), HEADER, DAY_1, DAY_2, row)
    feed = CsvFeed(folder)
    assert bool(closes(feed, "20240900", Frequency.INTRADAY)) is served
    assert len(feed.multiple_prices("WHEAT")) == 3


def test_rolls_are_recorded_at_their_stamp_in_the_day(folder: Path) -> None:
    """The first row sets the contracts; a change of any one of them, even during a day, is a roll."""
    write(
        prices(folder),
        HEADER,
        DAY_1,
        "2024-01-03 14:00:01,,20240300,,20240600,,20240900",
        "2024-01-03 15:00:00,,20240300,10,20240600,,20241200",
    )
    feed = CsvFeed(folder)
    assert list(feed.rolls("WHEAT", after=None, until=END)) == [
        Roll(at(2), "20240300", "20240600", "20231200"),
        Roll(at(3, 14, 1), "20240600", "20240900", "20240300"),
        Roll(at(3, 15), "20240600", "20241200", "20240300"),
    ]
    assert len(feed.rolls("WHEAT", after=at(2), until=at(3, 14, 1))) == 1


def test_the_chain_knows_only_what_rows_have_named_lately(folder: Path) -> None:
    """A contract joins the chain with the first row that names it and leaves half a year after the last."""
    write(prices(folder), HEADER, DAY_1, "2024-05-02 23:00:00,10,20240300,11,20240600,12,20240900")
    feed = CsvFeed(folder)

    def named(now: datetime) -> list[str]:
        return [listing.contract for listing in feed.chain("WHEAT", now)]

    assert named(at(1)) == []
    assert named(at(2)) == ["20231200", "20240300", "20240600"]
    assert named(datetime(2024, 5, 3, tzinfo=UTC)) == ["20231200", "20240300", "20240600", "20240900"]
    assert named(datetime(2024, 8, 1, tzinfo=UTC)) == ["20240300", "20240600", "20240900"]
    assert named(datetime(2025, 8, 1, tzinfo=UTC)) == []


def test_multiple_prices_are_the_rows_of_the_file(folder: Path) -> None:
    """Rows keep values and contracts as written, except rows without any price."""
    write(prices(folder), HEADER, DAY_1, "2024-01-02 23:30:00,,20231200,,20240300,,20240600", DAY_3)
    frame = CsvFeed(folder).multiple_prices("WHEAT")
    assert list(frame.index) == [at(2), at(4)]
    assert frame["PRICE"].tolist() == [10.0, 10.75]
    assert frame["FORWARD_CONTRACT"].tolist() == ["20240600", "20240600"]
    assert np.isnan(frame["CARRY"].iloc[1])


def test_a_quote_is_the_last_price_and_its_spread(folder: Path) -> None:
    """Bid and ask lie one spread cost around the last close, for four days and not longer."""
    feed = CsvFeed(folder)
    quote = feed.quote("WHEAT", "20240600", at(7) - timedelta(seconds=1))
    assert quote is not None
    assert (quote.at, quote.bid, quote.ask) == (at(3), 11.25, 11.75)
    assert quote.bid_size == quote.ask_size == QUOTE_DEPTH
    assert feed.quote("WHEAT", "20240600", at(7)) is None
    assert feed.quote("WHEAT", "20240600", at(1)) is None


def test_rates_may_be_stamped_by_date(folder: Path) -> None:
    """A date alone is its midnight."""
    rates = CsvFeed(folder).fx("EURUSD", after=None, until=END)
    assert rates["rate"].to_dict() == {pd.Timestamp(at(2, 0)): 1.1, pd.Timestamp(at(3)): 1.2}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-03 10:00:00,9,20231200,10", "line 3 has 4 fields, expected 7"),
        ("2024-01-03 10:00:00,9,20231200,10,20240300,11,20240600,12", "line 3 has 8 fields, expected 7"),
        ("2024-01-03 10:00:00,9,20231200,1o.5,20240300,11,20240600", "line 3 PRICE is '1o.5', expected a number"),
        ("2024-01-03 10:00:00,9,20231200,inf,20240300,11,20240600", "line 3 PRICE is 'inf', expected a number"),
        ("2024-13-03 10:00:00,9,20231200,10,20240300,11,20240600", "line 3 DATETIME is '2024-13-03 10:00:00'"),
        (",9,20231200,10,20240300,11,20240600", "line 3 DATETIME is ''"),
        ("2024-01-03 10:00:00,9,20231200,10,March,11,20240600", "line 3 PRICE_CONTRACT is 'March'"),
        ("2024-01-03 10:00:00,9,20231200,10,20241300,11,20240600", "line 3 PRICE_CONTRACT is '20241300'"),
        ("2024-01-03 10:00:00,9,,10,20240300,11,20240600", "line 3 CARRY_CONTRACT is ''"),
        ("2024-01-02 23:00:00,8,20231200,8,20240300,8,20240600", "line 3 2024-01-02 23:00:00 has the stamp of an"),
        ("2024-01-01 23:00:00,8,20231200,8,20240300,8,20240600", "2024-01-0"),
        ("2034-01-01 23:00:00,8,20231200,8,20240300,8,20240600", "line 3 2034-01-01 23:00:00 is out of order"),
    ],
)
def test_a_corrupt_row_is_skipped_and_reported(folder: Path, row: str, reason: str) -> None:
    """One unsound row costs that row only, and its report names the file, the line and what is wrong."""
    write(prices(folder), HEADER, DAY_1, row, DAY_2, DAY_3)
    feed = CsvFeed(folder)
    assert len(feed.multiple_prices("WHEAT")) == 3
    (problem,) = feed.problems("WHEAT")
    assert (problem.item, problem.kind) == ("WHEAT", ProblemKind.CORRUPT)
    assert "multiple_prices_csv/WHEAT.csv line " in problem.reason
    assert reason in problem.reason


def test_the_first_of_two_rows_with_one_stamp_is_kept(folder: Path) -> None:
    """A stamp that comes again does not change what was said first."""
    write(prices(folder), HEADER, DAY_1, DAY_1.replace(",10,", ",99,"), DAY_2)
    assert closes(CsvFeed(folder), "20240300") == [(at(2), 10.0), (at(3), 10.5)]


def test_the_line_by_line_parse_agrees_with_the_fast_one(folder: Path) -> None:
    """A file with a corrupt last row gives the same rows as the file without it."""
    sound = CsvFeed(folder).multiple_prices("WHEAT")
    write(prices(folder), HEADER, DAY_1, DAY_2, DAY_3, "rubbish")
    pd.testing.assert_frame_equal(CsvFeed(folder).multiple_prices("WHEAT"), sound)


def test_many_corrupt_rows_are_counted(folder: Path) -> None:
    """Twenty faults are spelt out and the others counted."""
    write(prices(folder), HEADER, DAY_1, *["rubbish"] * 50, DAY_2)
    told = reasons(CsvFeed(folder).problems("WHEAT"))
    assert len(told) == 21
    assert told[-1] == "multiple_prices_csv/WHEAT.csv: 30 more rows skipped, the last at line 52"


def test_contracts_may_be_written_as_floats_or_without_a_day(folder: Path) -> None:
    """20240300.0 and 202403 name the contract 20240300; quotes and Windows line ends do no harm."""
    rows = '2024-01-02 23:00:00,9,20231200.0,10,202403,11,"20240600"\r\n'
    prices(folder).write_bytes(b"\xef\xbb\xbf" + (HEADER + "\r\n" + rows).encode())
    feed = CsvFeed(folder)
    assert [listing.contract for listing in feed.chain("WHEAT", at(3))] == ["20231200", "20240300", "20240600"]
    assert not feed.problems("WHEAT")


def test_stamps_with_an_offset_become_utc(folder: Path) -> None:
    """A stamp that names its zone is converted."""
    write(prices(folder), HEADER, DAY_1.replace("23:00:00", "23:00:00+02:00"))
    assert closes(CsvFeed(folder), "20240300", Frequency.INTRADAY) == [(at(2, 21), 10.0)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"DATETIME,PRICE\n2024-01-02,1\n", "no column CARRY"),
        ((HEADER + "\n").encode(), "holds no usable row"),
        ((HEADER + "\nrubbish\n").encode(), "holds no usable row: .* line 2 has 1 fields"),
        ((HEADER + "\n" + DAY_1).encode("utf-16"), "not UTF-8"),
        (b"DATETIME\xe9,PRICE\n", "not UTF-8"),
        (
            "\n".join([HEADER, *(f"2024-01-{d:02d},,20231200,1,20240300,,20240600" for d in range(9, 0, -1))]).encode(),
            "sort",
        ),
    ],
)
def test_an_unusable_price_file_is_one_data_error(folder: Path, content: bytes, reason: str) -> None:
    """A file that is unusable as a whole raises one DataError that names it."""
    prices(folder).write_bytes(content)
    with pytest.raises(DataError, match=f"WHEAT.csv: .*{reason}"):
        CsvFeed(folder).chain("WHEAT", END)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: b"not gzip", lambda raw: raw[:30] + b"x" * 40])
def test_a_damaged_gzip_is_a_data_error(folder: Path, damage: object) -> None:
    """A truncated, foreign or overwritten .gz file is a DataError that says what to do."""
    raw = gzip.compress("\n".join([HEADER, DAY_1, DAY_2]).encode())
    prices(folder).unlink()
    (folder / "multiple_prices_csv" / "WHEAT.csv.gz").write_bytes(damage(raw))  # type: ignore[operator]
    with pytest.raises(DataError, match=r"WHEAT.csv.gz: truncated or not gzip .* fetch it anew"):
        CsvFeed(folder).rolls("WHEAT", after=None, until=END)


def test_gzipped_files_are_read(folder: Path) -> None:
    """.csv.gz serves as well as .csv, for prices, rates and configuration."""
    feed = CsvFeed(folder)
    before = (feed.multiple_prices("WHEAT"), feed.fx("EURUSD", after=None, until=END), feed.instruments())
    for path in folder.rglob("*.csv"):
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    feed = CsvFeed(folder)
    pd.testing.assert_frame_equal(feed.multiple_prices("WHEAT"), before[0])
    pd.testing.assert_frame_equal(feed.fx("EURUSD", after=None, until=END), before[1])
    assert feed.instruments() == before[2]


def test_a_price_file_that_is_a_folder_is_not_taken_for_one(folder: Path) -> None:
    """Only files count as price files."""
    (folder / "multiple_prices_csv" / "OATS.csv").mkdir()
    assert [listing.instrument.code for listing in CsvFeed(folder).instruments()] == ["WHEAT"]
    assert not CsvFeed(folder).skipped()


@pytest.mark.parametrize("name", ["multiple_prices_csv", "fx_prices_csv", "csvconfig"])
def test_a_missing_folder_is_a_config_error(folder: Path, name: str) -> None:
    """A missing part of the layout is a ConfigError that names it and what is expected."""
    (folder / name).rename(folder / "elsewhere")

    def use() -> None:
        feed = CsvFeed(folder)
        feed.instruments()
        feed.currency_pairs()

    with pytest.raises(ConfigError, match=f"{name}: no such folder; expected is"):
        use()


def test_a_missing_data_folder_is_a_config_error(tmp_path: Path) -> None:
    """Not the layout's part but the folder itself is named when that is missing."""
    with pytest.raises(ConfigError, match="nowhere: no such folder"):
        CsvFeed(tmp_path / "nowhere")


def test_an_instrument_without_configuration_is_skipped_and_reported(folder: Path) -> None:
    """It is left out of the listings with its reason, while its history can still be read."""
    write(folder / "multiple_prices_csv" / "OATS.csv", HEADER, DAY_1)
    feed = CsvFeed(folder)
    assert [listing.instrument.code for listing in feed.instruments()] == ["WHEAT"]
    reason = "has prices but no row in instrumentconfig; instrument left out"
    assert list(feed.skipped()) == list(feed.problems("OATS")) == [Problem("OATS", ProblemKind.MISSING, reason)]
    assert len(feed.multiple_prices("OATS")) == 1
    with pytest.raises(DataError, match="OATS: has prices but no row"):
        feed.quote("OATS", "20240300", at(4))


def test_a_feed_of_some_instruments_knows_no_others(folder: Path) -> None:
    """Only the instruments that were asked for are served; asking for one without prices is refused at once."""
    write(folder / "multiple_prices_csv" / "OATS.csv", HEADER, DAY_1)
    feed = CsvFeed(folder, ["WHEAT"])
    assert [listing.instrument.code for listing in feed.instruments()] == ["WHEAT"]
    with pytest.raises(DataError, match="OATS"):
        feed.chain("OATS", END)
    with pytest.raises(ConfigError, match=r"'wheet' has no file .* did you mean WHEAT"):
        CsvFeed(folder, ["wheet"])


def test_faults_in_rates_are_reported_by_pair(folder: Path) -> None:
    """A corrupt rate is skipped and reported under its pair."""
    write(folder / "fx_prices_csv" / "EURUSD.csv", "DATETIME,PRICE", "2024-01-02,1.1", "2024-01-03,one", "2024-01-04,")
    feed = CsvFeed(folder)
    assert feed.fx("EURUSD", after=None, until=END)["rate"].tolist() == [1.1]
    assert reasons(feed.problems("EURUSD")) == [
        "fx_prices_csv/EURUSD.csv line 3 PRICE is 'one', expected a number; row skipped"
    ]


def test_recorded_prices_come_back_whole(shared: Path) -> None:
    """Every price of the recorded files is the close of some bar, but for those of roll rows."""
    feed = CsvFeed(shared / "data")
    for listing in feed.instruments():
        code = listing.instrument.code
        table = feed.multiple_prices(code)
        assert not feed.problems(code)
        bars = feed.all_bars(code)
        served = pd.concat({contract: frame["close"] for contract, frame in bars.items()})
        wanted = table.dropna(subset="PRICE").set_index("PRICE_CONTRACT", append=True)["PRICE"].swaplevel()
        found = served.reindex(wanted.index)
        lost = found.isna()
        assert (found[~lost] == wanted[~lost]).all()
        assert lost.sum() <= len(feed.rolls(code, after=None, until=END))
