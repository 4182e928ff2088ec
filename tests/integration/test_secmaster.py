"""secmaster.db: bars are taken in from files of every kind, whole or not at all, and found by their symbols."""

import multiprocessing
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sysproduction.adapters import sqlite_files
from sysproduction.adapters.bar_files import csv_bars, parquet_bars
from sysproduction.adapters.bar_supplies import BarSupply, Publisher, whole_histories
from sysproduction.adapters.databento_files import databento_bars
from sysproduction.adapters.secmaster import Secmaster, Taken
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError, Unavailable
from sysproduction.domain.events import BarPeriod

DAY_NS = BarPeriod.DAY.nanoseconds
MINE = Publisher("mine")
HEADER = "date,open,high,low,close,volume\n"
JANUARY = HEADER + "2024-01-02,10,12.5,9.1,11,100\n2024-01-03,11,11,11,11,0\n"


def taken(file: Path, supply: BarSupply) -> Taken:
    """What came of the supply."""
    with closing(Secmaster(file)) as secmaster:
        return secmaster.take(supply, lambda item, done, total: None)


def read(file: Path, symbol: str, period: BarPeriod = BarPeriod.DAY, **between: int) -> BarColumns:
    """The bars of a symbol."""
    with closing(Secmaster(file)) as secmaster:
        (bars,) = secmaster.bars([symbol], period, between.get("start"), between.get("end"))
    return bars


def csv(folder: Path, text: str, name: str = "CORN.csv", symbol: str | None = None) -> BarSupply:
    """A CSV file of daily bars with that text."""
    (folder / name).write_text(text)
    return csv_bars(folder / name, BarPeriod.DAY, MINE, symbol)


def midnight(*days: str) -> list[int]:
    return [int(np.datetime64(day, "ns").astype(np.int64)) for day in days]


def test_a_csv_file_is_read_back_to_the_last_digit_and_again_adds_nothing(tmp_path: Path) -> None:
    """The file's name is the symbol; stamps without a zone are UTC; a longer file adds what is new."""
    file = tmp_path / "secmaster.db"
    assert taken(file, csv(tmp_path, JANUARY)) == Taken(added=2, known=0, differing=0)
    bars = read(file, "CORN")
    assert bars.ts.tolist() == midnight("2024-01-02", "2024-01-03")
    assert [c.tolist() for _, c in bars.columns()][1:] == [[10, 11], [12.5, 11], [9.1, 11], [11, 11], [100, 0]]
    assert taken(file, csv(tmp_path, JANUARY + "2024-01-04,1,1,1,1,5\n")) == Taken(added=1, known=2, differing=0)
    assert taken(file, csv(tmp_path, JANUARY.replace("12.5", "13"))) == Taken(added=0, known=2, differing=1)
    assert read(file, "CORN").high[0] == 12.5
    assert read(file, "CORN", start=midnight("2024-01-03")[0], end=midnight("2024-01-03")[0]).close.tolist() == [11]


def test_a_file_may_hold_many_symbols_and_no_volume(tmp_path: Path) -> None:
    """A column of symbols; rows of one symbol are in order, those of several may be mixed."""
    text = "Timestamp,Symbol,Open,High,Low,Close\n"
    text += "".join(
        f"2024-01-0{day}T00:00:00+01:00,{name},{day},{day},{day},{day}\n" for day in (2, 3) for name in ("AA", "BB")
    )
    file = tmp_path / "secmaster.db"
    assert taken(file, csv(tmp_path, text)).added == 4
    bars = read(file, "BB")
    assert (bars.close.tolist(), bars.volume) == ([2, 3], None)
    assert bars.ts[0] == midnight("2024-01-01T23:00")[0]


def test_a_gzipped_file_and_stamps_in_nanoseconds_are_read(tmp_path: Path) -> None:
    """As they are, over more than one batch."""
    stamps = np.arange(25_000) * BarPeriod.MINUTE.nanoseconds + midnight("2024-01-01")[0]
    prices = np.random.default_rng(1).integers(-400, 400, 25_000).cumsum() / 64
    frame = pd.DataFrame({"ts_event": stamps, **dict.fromkeys(("open", "high", "low", "close"), prices)})
    frame.to_csv(tmp_path / "ES.csv.gz", index=False)
    file = tmp_path / "secmaster.db"
    assert taken(file, csv_bars(tmp_path / "ES.csv.gz", BarPeriod.MINUTE, MINE)).added == 25_000
    bars = read(file, "ES", BarPeriod.MINUTE)
    assert (bars.ts == stamps).all()
    assert (bars.close == prices).all()


@pytest.mark.parametrize("indexed", [True, False])
def test_a_parquet_file_is_read(tmp_path: Path, indexed: bool) -> None:
    """With its stamps as a column or as the index of a frame."""
    index = pd.date_range("2024-01-02", periods=3, tz="UTC", name="ts_event")
    frame = pd.DataFrame({name: [1.25, 2.5, 3.75] for name in ("open", "high", "low", "close", "volume")}, index=index)
    (frame if indexed else frame.reset_index()).to_parquet(tmp_path / "GC.parquet")
    file = tmp_path / "secmaster.db"
    assert taken(file, parquet_bars(tmp_path / "GC.parquet", BarPeriod.DAY, MINE, "GOLD")).added == 3
    assert read(file, "GOLD").volume.tolist() == [1.25, 2.5, 3.75]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2024-01-04,10,9,8,10,1", "high is below another price"),
        ("2024-01-04,10,11,10.5,10.2,1", "low is above another price"),
        ("2024-01-04,10,ten,9,10,1", "high is not a finite number"),
        ("2024-01-04,10,inf,9,10,1", "high is not a finite number"),
        ("2024-01-04,10,10,10,,1", "close is not a finite number"),
        ("2024-01-04,10,10,10,10,-1", "volume is below zero"),
        ("2024-01-04,1e10,1e10,1e10,1e10,1", "open is missing or beyond 9.2e"),
        ("2024-01-03,10,10,10,10,1", "the same stamp as the bar before it; sort"),
        ("2024-01-01,10,10,10,10,1", "an earlier stamp than the bar before it; sort"),
        ("4/1/2024,10,10,10,10,1", "4/1/2024 is no stamp: write 2015-01-31T14:30:00Z"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_with_its_row_and_nothing_is_taken(
    tmp_path: Path, row: str, fault: str
) -> None:
    """File, row and what is wrong; the sound bars of the file are left out too."""
    file = tmp_path / "secmaster.db"
    with pytest.raises(DataError, match=rf"CORN\.csv, row 3.*{fault}"):
        taken(file, csv(tmp_path, JANUARY + row + "\n"))
    with pytest.raises(DataError, match="has no bars of CORN; there are: none"):
        read(file, "CORN")


def test_order_is_watched_across_batches(tmp_path: Path) -> None:
    """The first bar of a batch comes after the last one of the batch before."""
    days = pd.date_range("1980-01-01", periods=10_001).astype(str).tolist()
    days[10_000] = days[9_999]
    text = HEADER + "".join(f"{day},1,1,1,1,1\n" for day in days)
    with pytest.raises(DataError, match=r"row 10001, CORN at .*not later than the bar before it"):
        taken(tmp_path / "secmaster.db", csv(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is no sound table of bars"),
        (HEADER, "has no bars"),
        ("when,open,high,low,last\n1,2,3,4,5\n", r"no column close, of stamps \(ts_event.*there are when, open"),
        (JANUARY + "2024-01-04,1,1,1,1,1,1,1\n", "is no sound table of bars"),
        (HEADER + "20240102,1,1,1,1,1\n", "row 1: 20240102 is no stamp"),
        (HEADER + "1704153600.5,1,1,1,1,1\n", "row 1: 1704153600.5 is no stamp"),
    ],
)
def test_a_file_that_is_no_table_of_bars_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    """With its name and what is wrong with it."""
    with pytest.raises(DataError, match=rf"CORN\.csv.*{fault}"):
        taken(tmp_path / "secmaster.db", csv(tmp_path, text))


def test_files_that_are_cut_off_or_not_there_are_named(tmp_path: Path) -> None:
    """Of each kind."""
    file = tmp_path / "secmaster.db"
    (tmp_path / "A.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(DataError, match=r"A\.csv\.gz: truncated or not gzip"):
        taken(file, csv_bars(tmp_path / "A.csv.gz", BarPeriod.DAY, MINE))
    (tmp_path / "A.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match=r"A\.parquet: is no sound table"):
        parquet_bars(tmp_path / "A.parquet", BarPeriod.DAY, MINE)
    for make in (lambda path: csv_bars(path, BarPeriod.DAY, MINE), databento_bars):
        with pytest.raises(DataError, match=r"none\.dbn: cannot be read: No such file"):
            make(tmp_path / "none.dbn")


def mapping(symbol: str, *ranges: tuple[str, str, int]) -> Any:
    intervals = [
        SimpleNamespace(start_date=date.fromisoformat(start), end_date=date.fromisoformat(end), symbol=str(number))
        for start, end, number in ranges
    ]
    return SimpleNamespace(raw_symbol=symbol, intervals=intervals)


def dbn_bytes(mappings: list[Any], bars: Iterable[tuple[int, str, float]], publisher: int = 1) -> bytes:
    """A file of daily bars (instrument, day, price) with these symbols, as the vendor's library writes it."""
    metadata = dbn.Metadata(
        dataset="GLBX.MDP3",
        start=0,
        stype_in=dbn.SType.CONTINUOUS,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.OHLCV_1D,
        mappings=mappings,
    )
    records = [
        dbn.OHLCVMsg(35, publisher, number, midnight(day)[0], *[round(price * 1e9)] * 4, 7)
        for number, day, price in bars
    ]
    return bytes(metadata) + b"".join(map(bytes, records))


FIRST = mapping("ES.c.0", ("2024-03-01", "2024-03-15", 5), ("2024-03-15", "2024-04-01", 6))
FIRST_BARS = [(5, "2024-03-14", 5000.25), (6, "2024-03-14", 5050.5), (5, "2024-03-15", 1.0), (6, "2024-03-15", 5060.0)]


def test_a_symbol_means_what_it_meant_at_the_time(tmp_path: Path) -> None:
    """A continuous symbol passes from one instrument to the next; packed files are read too; ranges that touch join."""
    file, packed = tmp_path / "secmaster.db", tmp_path / "march.dbn.zst"
    packed.write_bytes(pa.Codec("zstd").compress(dbn_bytes([FIRST], FIRST_BARS), asbytes=True))
    assert taken(file, databento_bars(packed)).added == 4
    assert read(file, "ES.c.0").close.tolist() == [5000.25, 5060.0]
    april = tmp_path / "april.dbn"
    april.write_bytes(dbn_bytes([mapping("ES.c.0", ("2024-04-01", "2024-05-01", 6))], [(6, "2024-04-02", 5100.0)]))
    assert taken(file, databento_bars(april)).added == 1
    assert taken(file, databento_bars(april)) == Taken(added=0, known=1, differing=0)
    assert read(file, "GLBX.MDP3:ES.c.0").close.tolist() == [5000.25, 5060.0, 5100.0]
    with closing(Secmaster(file)) as secmaster:
        (covered,) = secmaster.coverage()
    assert covered.publisher == Publisher("databento", "GLBX.MDP3", "GLBX")
    assert (covered.bars, covered.first_ns, covered.last_ns) == (3, *midnight("2024-03-14", "2024-04-02"))
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM symbology").fetchone() == (2,)
        assert database.execute("SELECT dataset, close FROM bars WHERE symbol = 'ES.c.0' ORDER BY ts").fetchall() == [
            ("GLBX.MDP3", price) for price in (5000.25, 5060.0, 5100.0)
        ]


def test_a_symbol_cannot_mean_two_instruments_at_once(tmp_path: Path) -> None:
    """The later file is refused whole, and so is plain SQL."""
    file, other = tmp_path / "secmaster.db", tmp_path / "other.dbn"
    other.write_bytes(dbn_bytes([FIRST], FIRST_BARS))
    taken(file, databento_bars(other))
    other.write_bytes(dbn_bytes([mapping("ES.c.0", ("2024-03-10", "2024-03-20", 9))], [(9, "2024-03-12", 1.0)]))
    with pytest.raises(
        DataError, match=r"other.dbn: ES.c.0 means instrument 9 from 2024-03-10 to 2024-03-20, but is stored as 5 from"
    ):
        taken(file, databento_bars(other))
    assert read(file, "ES.c.0").close.tolist() == [5000.25, 5060.0]
    with closing(sqlite3.connect(file)) as database:
        row = midnight("2024-03-20", "2024-05-01")
        for change in (
            f"INSERT INTO symbology VALUES (1, 'ES.c.0', {row[0]}, {row[1]}, 1)",
            f"UPDATE symbology SET end_ns = {row[0]} WHERE instrument = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="two instruments at once"):
                database.execute(change)
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            database.execute("INSERT INTO ohlcv VALUES (1, 35, 0, 5, 4, 3, 4, 1)")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"certainly no such file, but long enough for one", "is no sound DBN file: .*fetch it anew"),
        (dbn_bytes([FIRST], []), "has no bars"),
        (dbn_bytes([FIRST], FIRST_BARS)[:-5], "ends in the middle of a record"),
        (dbn_bytes([], FIRST_BARS), "row 1: the file has no symbol for its instrument 5"),
        (dbn_bytes([FIRST], [(5, "2024-03-14", (2**63 - 1) / 1e9 - 1e-6)]), "row 1, ES.c.0 at .*missing or beyond"),
        (dbn_bytes([FIRST], FIRST_BARS[:1]) + dbn_bytes([], FIRST_BARS[2:], 2)[-56:], "bars of several venues"),
        (
            dbn_bytes([FIRST], []) + bytes(dbn.SystemMsg(1, "heartbeat")),
            "row 1 or later: SystemMsg, not bars; fetch ohlcv-1m",
        ),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_a_vendor_file_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    """With its name and what is wrong with it."""
    (tmp_path / "file.dbn").write_bytes(content)
    with pytest.raises(DataError, match=rf"file\.dbn.*{fault}"):
        taken(tmp_path / "secmaster.db", databento_bars(tmp_path / "file.dbn"))


def test_without_the_vendors_library_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to install it."""
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(ConfigError, match=r"pip install 'sysproduction\[databento\]'"):
        databento_bars(tmp_path / "any.dbn")


def test_whole_series_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    """Back-adjusted prices change with each roll: the old ones go."""
    file, ts = tmp_path / "secmaster.db", np.array(midnight("2024-01-02", "2024-01-03"))
    for shift in (0.0, 2.5):
        prices = np.array([10.0, 11.0]) + shift
        bars = BarColumns("CORN", BarPeriod.DAY, ts, prices, prices, prices, prices)
        assert taken(file, whole_histories("store", Publisher("store"), [bars])).added == 2
    assert read(file, "CORN").close.tolist() == [12.5, 13.5]


def test_what_is_asked_for_wrongly_is_answered_with_what_there_is(tmp_path: Path) -> None:
    """An unknown symbol, another period, other days, a symbol of two publishers."""
    file = tmp_path / "secmaster.db"
    taken(file, csv(tmp_path, JANUARY))
    for symbol, period, start, fault in (
        ("CRON", BarPeriod.DAY, 0, r"secmaster.db has no bars of CRON; did you mean CORN\?"),
        ("CORN", BarPeriod.HOUR, 0, "CORN has no bars of a HOUR: there are 2 of a DAY from 2024-01-02 to 2024-01-03"),
        ("CORN", BarPeriod.DAY, 2**62, "CORN has no bars of a DAY there: there are 2 of a DAY from 2024-01-02"),
    ):
        with pytest.raises(DataError, match=fault):
            read(file, symbol, period, start=start)
    taken(file, csv_bars(tmp_path / "CORN.csv", BarPeriod.DAY, Publisher("yours")))
    with pytest.raises(DataError, match="CORN is a symbol of several publishers; write mine:CORN or yours:CORN"):
        read(file, "CORN")
    assert read(file, "yours:CORN").symbol == "yours:CORN"


def _take_quietly(file: Path, path: Path, symbol: str) -> None:
    taken(file, csv_bars(path, BarPeriod.DAY, MINE, symbol))


def test_two_processes_take_in_files_at_once(tmp_path: Path) -> None:
    """One waits for the other; a reader sees whole files only."""
    file, path = tmp_path / "secmaster.db", tmp_path / "long.csv"
    days = pd.date_range("1990-01-01", periods=12_000).astype(str)
    path.write_text(HEADER + "".join(f"{day},1,1,1,1,1\n" for day in days))
    taken(file, csv(tmp_path, JANUARY))
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=_take_quietly, args=(file, path, name)) for name in ("AA", "BB")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        with closing(Secmaster(file)) as secmaster:
            assert {one.bars for one in secmaster.coverage() if one.symbol != "CORN"} <= {12_000}
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(read(file, "AA")) == len(read(file, "BB")) == 12_000


def test_a_writer_that_holds_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it was waited for, while reading goes on."""
    monkeypatch.setattr(sqlite_files, "PATIENCE_SECONDS", 0.05)
    file = tmp_path / "secmaster.db"
    taken(file, csv(tmp_path, JANUARY))
    with closing(Secmaster(file)) as secmaster, closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(secmaster.bars(["CORN"], BarPeriod.DAY, None, None)[0]) == 2
        with pytest.raises(Unavailable, match=r"secmaster.db: database is locked; try again when its writer is done"):
            secmaster.take(csv(tmp_path, JANUARY), lambda item, done, total: None)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """One clear error, nothing of the file is stored, and the database goes on."""
    file, path = tmp_path / "secmaster.db", tmp_path / "long.csv"
    taken(file, csv(tmp_path, JANUARY))
    days = pd.date_range("1970-01-01", periods=20_000).astype(str)
    path.write_text(HEADER + "".join(f"{day},1,1,1,1,1\n" for day in days))
    with closing(Secmaster(file)) as secmaster:
        (pages,) = secmaster._database.execute("PRAGMA page_count").fetchone()
        secmaster._database.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(Unavailable, match=r"secmaster.db: database or disk is full; make room"):
            secmaster.take(csv_bars(path, BarPeriod.DAY, MINE), lambda item, done, total: None)
        assert [one.symbol for one in secmaster.coverage()] == ["CORN"]
    assert taken(file, csv_bars(path, BarPeriod.DAY, MINE)).added == 20_000


def test_files_that_are_no_secmaster_are_named(tmp_path: Path) -> None:
    """Another kind of file, or one of a later version."""
    (tmp_path / "text.db").write_text("this is not a database, whatever its name may say about it. " * 20)
    with pytest.raises(DataError, match=r"text.db: file is not a database; move it away"):
        Secmaster(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "later.db")) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="made by a later version"):
        Secmaster(tmp_path / "later.db")
