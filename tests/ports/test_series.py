"""The contract of the Series port, which every adapter keeps."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import ConfigError, DataError, Unavailable
from sysproduction.ports import Documents, Series
from sysproduction.stores.leases import Lease, Leases

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def frame(*days: int, value: float | None = None) -> pd.DataFrame:
    """Rows on these days, each holding its number (or `value`) and a text."""
    index = pd.DatetimeIndex([day(n) for n in days], tz="UTC", name="stamp").as_unit("ns")
    numbers = [float(n) if value is None else value for n in days]
    texts = pd.Series([f"2024{n:02}00" for n in days], index=index, dtype=object)
    return pd.DataFrame({"price": np.array(numbers, dtype=float), "contract": texts}, index=index)


def same(found: pd.DataFrame | None, wanted: pd.DataFrame) -> None:
    assert found is not None
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert isinstance(found.index, pd.DatetimeIndex)
    assert found.index.freq is None


def leases_of(documents: Documents) -> Leases:
    clock = SystemClock()
    return Leases(documents, myself(), alive, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)


def arctic_in(folder: Path, documents: Documents | None = None, **options: Any) -> ArcticSeries[Lease]:
    return ArcticSeries(f"lmdb://{folder}", leases_of(documents or MemoryDocuments()), **options)


@pytest.fixture(params=["memory", "arctic"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Series]:
    """Each adapter of the port in turn, empty."""
    store: Series = MemorySeries(SystemClock().now) if request.param == "memory" else arctic_in(tmp_path / "arctic")
    yield store
    store.close()


def test_a_frame_comes_back_as_it_went_in(series: Series) -> None:
    """Floats to the last bit, integers, truth values, text, None and NaN, and the index's name survive."""
    index = pd.DatetimeIndex(["2024-01-01 23:00:00.123456789", "2024-01-02", "2024-01-03"], tz="UTC", name="stamp")
    wanted = pd.DataFrame(
        {
            "price": [0.1 + 0.2, np.nan, -np.inf],
            "volume": [1, 2**62, -3],
            "roll": [True, False, True],
            "contract": ["20241200", None, "é\u65e5"],
            "empty": pd.Series([None, float("nan"), None], dtype=object, index=index),
        },
        index=index,
    )
    series.replace("prices", "CORN", wanted)
    found = series.read("prices", "CORN")
    same(found, wanted)
    assert found is not None
    assert found["empty"].iloc[0] is None
    assert np.isnan(found["empty"].iloc[1])


def test_stamps_of_other_zones_and_units_are_stored_in_utc(series: Series) -> None:
    """A frame in another zone, in seconds and with a frequency comes back in UTC, nanoseconds and without one."""
    index = pd.date_range("2024-01-01", periods=3, freq="D", tz=timezone(timedelta(hours=-5)), unit="s")
    series.replace("prices", "CORN", pd.DataFrame({"price": [1.0, 2.0, 3.0]}, index=index))
    found = series.read("prices", "CORN")
    assert found is not None
    assert str(found.index.dtype) == "datetime64[ns, UTC]"
    assert found.index[0] == datetime(2024, 1, 1, 5, tzinfo=UTC)
    assert found.index.name is None


def test_what_is_not_there_is_none(series: Series) -> None:
    """An unknown library, symbol or version reads as None, lists nothing, and can be deleted."""
    assert series.read("prices", "CORN") is None
    assert series.versions("prices", "CORN") == []
    assert series.symbols("prices") == []
    series.delete("prices", "CORN")
    series.append("prices", "CORN", frame(1))
    assert series.read("prices", "WHEAT") is None
    assert series.read("prices", "CORN", as_of=1) is None
    assert series.read("prices", "CORN", as_of=-1) is None
    assert series.read("prices", "CORN", as_of=day(0)) is None


def test_append_adds_later_rows(series: Series) -> None:
    """Appended rows follow the stored ones, in the stored column order; the first append makes the symbol."""
    assert series.append("prices", "CORN/20241200", frame(1, 2)) == 0
    assert series.append("prices", "CORN/20241200", frame(3)[["contract", "price"]]) == 1
    same(series.read("prices", "CORN/20241200"), frame(1, 2, 3))
    assert series.symbols("prices") == ["CORN/20241200"]


@pytest.mark.parametrize("days", [(2,), (1, 3), (2, 3)])
def test_append_refuses_a_stamp_that_is_not_later(series: Series, days: tuple[int, ...]) -> None:
    """An equal or earlier first stamp is a DataError that names both, and nothing is written."""
    series.append("prices", "CORN", frame(1, 2))
    with pytest.raises(DataError, match=r"prices CORN: 2024-.* not later than the last stored stamp, 2024-01-03"):
        series.append("prices", "CORN", frame(*days))
    same(series.read("prices", "CORN"), frame(1, 2))
    assert len(series.versions("prices", "CORN")) == 1


def test_append_refuses_other_columns(series: Series) -> None:
    """Missing, added and retyped columns are a DataError that names them."""
    series.append("prices", "CORN", frame(1))
    with pytest.raises(DataError, match=r"columns \['contract'\] are missing, \['symbol'\] are not stored"):
        series.append("prices", "CORN", frame(2).rename(columns={"contract": "symbol"}))
    with pytest.raises(DataError, match="column price is stored as float64 but int64 is to be appended"):
        series.append("prices", "CORN", frame(2).astype({"price": int}))
    same(series.read("prices", "CORN"), frame(1))


def test_empty_frames(series: Series) -> None:
    """A series may be empty and grow later; appending nothing makes no version."""
    assert series.replace("prices", "CORN", frame()) == 0
    same(series.read("prices", "CORN"), frame())
    same(series.read("prices", "CORN", start=day(0), end=day(9)), frame())
    assert series.append("prices", "CORN", frame()) == 0
    assert series.append("prices", "CORN", frame(1)) == 1
    assert series.append("prices", "CORN", frame()) == 1
    same(series.read("prices", "CORN"), frame(1))
    assert series.replace("prices", "CORN", frame()) == 2
    same(series.read("prices", "CORN", as_of=1), frame(1))


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [(2, 4, (2, 3, 4)), (None, 2, (1, 2)), (4, None, (4, 5)), (9, None, ()), (4, 2, ()), (-5, -3, ())],
)
def test_ranges_include_both_ends(series: Series, start: int | None, end: int | None, days: tuple[int, ...]) -> None:
    """A range holds the rows from start to end, both included, across appended parts; it may be empty."""
    series.replace("prices", "CORN", frame(1, 2))
    series.append("prices", "CORN", frame(3))
    series.append("prices", "CORN", frame(4, 5))
    low, high = (None if n is None else day(n) for n in (start, end))
    same(series.read("prices", "CORN", start=low, end=high), frame(*days))


def test_a_rewritten_series_is_read_as_of_the_past(series: Series) -> None:
    """Every version stays readable by number, and by the moment of writing up to which it was the newest."""
    written = [frame(1, 2), frame(1, 2, 3), frame(1, 2, 3, value=7.0)]
    series.replace("prices", "CORN", written[0])
    series.append("prices", "CORN", frame(3))
    between = datetime.now(UTC)
    series.replace("prices", "CORN", written[2])
    versions = series.versions("prices", "CORN")
    assert [version.number for version in versions] == [0, 1, 2]
    for version, wanted in zip(versions, written, strict=True):
        assert abs(version.written_at - between) < timedelta(minutes=1)
        same(series.read("prices", "CORN", as_of=version.number), wanted)
        same(series.read("prices", "CORN", as_of=version.written_at), wanted)
    same(series.read("prices", "CORN", as_of=between), written[1])
    same(series.read("prices", "CORN", start=day(2), as_of=0), frame(2))
    assert series.read("prices", "CORN", as_of=versions[0].written_at - timedelta(microseconds=1)) is None


def test_a_deleted_symbol_goes_with_all_its_versions(series: Series) -> None:
    """Neither rows nor versions of a deleted symbol are left; made anew, it goes on with the next number."""
    series.append("prices", "CORN", frame(1))
    series.append("prices", "CORN", frame(2))
    series.delete("prices", "CORN")
    series.delete("prices", "CORN")
    assert series.read("prices", "CORN") is None
    assert series.read("prices", "CORN", as_of=0) is None
    assert series.versions("prices", "CORN") == []
    assert series.symbols("prices") == []
    assert series.append("prices", "CORN", frame(1)) == 2
    same(series.read("prices", "CORN"), frame(1))


def test_many_series_are_replaced_at_once(series: Series) -> None:
    """replace_many writes each frame as replace would, and keeps what was there before as a version."""
    series.replace("prices", "CORN/1", frame(1))
    many = {f"{name}/{part}": frame(part, part + 1) for name in ("CORN", "BUND", "CORN2") for part in (1, 2, 3)}
    series.replace_many("prices", many)
    assert series.symbols("prices") == sorted(many)
    for symbol, wanted in many.items():
        same(series.read("prices", symbol), wanted)
    same(series.read("prices", "CORN/1", as_of=0), frame(1))
    series.replace_many("prices", {})


def test_one_bad_frame_among_many_writes_none(series: Series) -> None:
    """replace_many refuses everything if one of the frames or names is bad."""
    with pytest.raises(DataError, match="prices CORN: the stamps must increase"):
        series.replace_many("prices", {"BUND": frame(1), "CORN": frame(2, 1)})
    with pytest.raises(DataError, match="cannot name a series"):
        series.replace_many("prices", {"BUND": frame(1), "CO RN": frame(1)})
    assert series.symbols("prices") == []


def test_symbols_are_listed_by_prefix(series: Series) -> None:
    """Names that start with the prefix, sorted, of that library alone."""
    for symbol in ("CORN/2", "CORN", "CORN_mini/1", "BUND.x+y/2", "CORN/10"):
        series.replace("prices", symbol, frame(1))
    series.replace("other", "CORN/3", frame(1))
    assert series.symbols("prices", "CORN/") == ["CORN/10", "CORN/2"]
    assert series.symbols("prices", ".*") == []
    assert series.symbols("prices") == ["BUND.x+y/2", "CORN", "CORN/10", "CORN/2", "CORN_mini/1"]


def test_what_is_read_or_written_is_a_copy(series: Series) -> None:
    """Changing a frame after writing or after reading it changes nothing in the store."""
    mine = frame(1, 2)
    series.replace("prices", "CORN", mine)
    mine.loc[:, "price"] = 0.0
    theirs = series.read("prices", "CORN")
    assert theirs is not None
    theirs.loc[:, "price"] = 0.0
    same(series.read("prices", "CORN"), frame(1, 2))


BAD_FRAMES = {
    "the index must hold stamps": frame(1).reset_index(drop=True),
    "with a time zone": frame(1).tz_localize(None),
    "the stamps must increase": frame(1, 1),
    "NaT": pd.DataFrame({"price": [1.0]}, index=pd.DatetimeIndex([pd.NaT], tz="UTC")),
    "unique names of text": frame(1).set_axis(["a", "a"], axis=1),
    "column contract holds 5": frame(1).assign(contract=pd.Series([5], dtype=object, index=frame(1).index)),
    "column when holds datetime64": frame(1).assign(when=frame(1).index),
    "1678 and 2261": pd.DataFrame({"p": [1.0]}, index=pd.DatetimeIndex(["2500-01-01"], dtype="datetime64[s, UTC]")),
}


@pytest.mark.parametrize("sentence", BAD_FRAMES)
def test_a_frame_that_cannot_be_stored_is_refused(series: Series, sentence: str) -> None:
    """The DataError names library and symbol and what is wrong; nothing is written."""
    for write in (series.append, series.replace):
        with pytest.raises(DataError, match=f"prices CORN: .*{sentence}"):
            write("prices", "CORN", BAD_FRAMES[sentence])
    assert series.symbols("prices") == []


@pytest.mark.parametrize("symbol", ["", "/", "CORN/", "/CORN", "A//B", "A B", "A*", "A<B", "é", "A\n", "x" * 201])
def test_a_name_that_cannot_be_stored_is_refused(series: Series, symbol: str) -> None:
    """Bad symbols and libraries are a DataError wherever they are used."""
    with pytest.raises(DataError, match="cannot name a series"):
        series.replace("prices", symbol, frame(1))
    with pytest.raises(DataError, match="cannot name a series"):
        series.append("prices", symbol, frame(1))
    with pytest.raises(DataError, match="cannot name a library"):
        series.replace(symbol or "../x", "CORN", frame(1))
    with pytest.raises(DataError, match="cannot name a library"):
        series.symbols("../x")


def test_naive_moments_are_refused(series: Series) -> None:
    """A range or moment without a time zone is a DataError, never guessed."""
    series.replace("prices", "CORN", frame(1))
    naive = datetime(2024, 1, 1)
    for question in ({"start": naive}, {"end": naive}, {"as_of": naive}):
        with pytest.raises(DataError, match="has no time zone"):
            series.read("prices", "CORN", **question)  # type: ignore[arg-type]


def test_threads_append_to_one_symbol_without_loss(series: Series) -> None:
    """Four threads that append each its own rows, again after a DataError, lose none."""
    rows = itertools.count(1)

    def work() -> None:
        done = 0
        while done < 5:
            try:
                series.append("prices", "CORN", frame(next(rows)))
                done += 1
            except DataError:
                continue

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = series.read("prices", "CORN")
    assert found is not None
    assert len(found) == 20
    assert len(series.versions("prices", "CORN")) == 20


def test_a_hundred_appends_stay_readable(tmp_path: Path) -> None:
    """ArcticDB: joining the segments of many appends changes neither the series nor its past versions."""
    store = arctic_in(tmp_path)
    for number in range(1, 206):
        store.append("prices", "CORN", frame(number))
    same(store.read("prices", "CORN"), frame(*range(1, 206)))
    same(store.read("prices", "CORN", as_of=99), frame(*range(1, 101)))
    same(store.read("prices", "CORN", start=day(98), end=day(103)), frame(*range(98, 104)))
    store.close()


def test_a_closed_store_opens_again_and_is_shared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """ArcticDB: several stores of one folder in a process, and one used after closing, work without a complaint."""
    documents = MemoryDocuments()
    one, two = arctic_in(tmp_path, documents), arctic_in(tmp_path, documents)
    one.append("prices", "CORN", frame(1))
    two.append("prices", "CORN", frame(2))
    one.close()
    one.close()
    two.close()
    one.append("prices", "CORN", frame(3))
    same(two.read("prices", "CORN"), frame(1, 2, 3))
    one.close()
    two.close()
    assert capfd.readouterr() == ("", "")


def test_documents_older_than_the_series_do_not_stop_writers(tmp_path: Path) -> None:
    """ArcticDB: with the leases made anew (a restored database), writers go on with larger tokens."""
    for round_ in range(3):
        store = arctic_in(tmp_path, MemoryDocuments())
        for number in (1, 2):
            store.append("prices", "CORN", frame(3 * round_ + number))
        store.replace_many("prices", {"CORN": frame(3 * round_ + 2)})
        store.close()
    same(store.read("prices", "CORN"), frame(8))
    store.close()


def test_a_full_disk_is_unavailable_before_anything_is_written(tmp_path: Path) -> None:
    """ArcticDB: with less room than the reserve nothing is written, and reading still works."""
    store = arctic_in(tmp_path / "full", disk_reserve_bytes=2**60)
    with pytest.raises(Unavailable, match=r"the disk of .*full is full: \d+ MB are free"):
        store.replace("prices", "CORN", frame(1))
    plenty = arctic_in(tmp_path / "other")
    plenty.replace("prices", "CORN", frame(1))
    plenty.close()
    store = arctic_in(tmp_path / "other", disk_reserve_bytes=2**60)
    for write in (store.replace, store.append):
        with pytest.raises(Unavailable, match="nothing was written"):
            write("prices", "CORN", frame(2))
    same(store.read("prices", "CORN"), frame(1))
    store.close()


def test_a_full_map_is_unavailable(tmp_path: Path) -> None:
    """ArcticDB: the smallest map fills up, which is said; the old version stays."""
    store = ArcticSeries(f"lmdb://{tmp_path}?map_size=1MB", leases_of(MemoryDocuments()))
    store.replace("prices", "CORN", frame(1))
    index = pd.date_range("2000", periods=200_000, freq="min", tz="UTC")
    large = pd.DataFrame({"price": np.random.default_rng(1).random(len(index))}, index=index)
    with pytest.raises(Unavailable, match="map_size"):
        store.replace("prices", "CORN", large)
    with pytest.raises(Unavailable, match="map_size"):
        store.replace_many("prices", {"CORN": large})
    same(store.read("prices", "CORN"), frame(1))
    store.close()


def test_a_wrong_address_is_a_configuration_error(tmp_path: Path) -> None:
    """ArcticDB: no scheme, a file in the folder's place, foreign files and bad options are named, secrets are not."""
    (tmp_path / "file").write_text("x")
    garbage = tmp_path / "garbage" / "_arctic_cfg"
    garbage.mkdir(parents=True)
    (garbage / "data.mdb").write_bytes(b"garbage" * 5000)
    cases = {
        "nonsense://me:secret@host/x": "nonsense://host/x is no address",
        f"lmdb://{tmp_path}/file": "file cannot be used: ",
        f"lmdb://{tmp_path}/garbage": "holds files that are not ArcticDB's",
        f"lmdb://{tmp_path}/q?map_size=large": "map_size",
    }
    for uri, sentence in cases.items():
        store = ArcticSeries(uri, leases_of(MemoryDocuments()))
        with pytest.raises(ConfigError, match=sentence) as raised:
            store.read("prices", "CORN")
        assert "secret" not in str(raised.value)
        store.close()


SYMBOLS = st.sampled_from(["A", "A/1", "B/1"])


@settings(max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
class Twins(RuleBasedStateMachine):
    """Whatever is done to the memory store and to the ArcticDB store, both show the same."""

    @initialize()
    def begin(self) -> None:
        self.arctic = arctic_in(Twins.folder / str(next(Twins.numbers)))
        self.memory = MemorySeries(SystemClock().now)

    def both(self, call: str, *arguments: Any, **options: Any) -> None:
        results = []
        for store in (self.memory, self.arctic):
            try:
                results.append(getattr(store, call)(*arguments, **options))
            except DataError as exc:
                results.append(str(exc))
        if isinstance(results[0], pd.DataFrame):
            same(results[1], results[0])
        else:
            assert results[0] == results[1]

    @rule(symbol=SYMBOLS, start=st.integers(1, 9), length=st.integers(0, 3))
    def append(self, symbol: str, start: int, length: int) -> None:
        self.both("append", "prices", symbol, frame(*range(start, start + length)))

    @rule(symbol=SYMBOLS, start=st.integers(1, 6), length=st.integers(0, 4))
    def replace(self, symbol: str, start: int, length: int) -> None:
        self.both("replace", "prices", symbol, frame(*range(start, start + length), value=float(length)))

    @rule(symbols=st.lists(SYMBOLS, unique=True), start=st.integers(1, 6))
    def replace_many(self, symbols: list[str], start: int) -> None:
        self.both("replace_many", "prices", {symbol: frame(start, start + 1) for symbol in symbols})

    @rule(symbol=SYMBOLS)
    def delete(self, symbol: str) -> None:
        self.both("delete", "prices", symbol)

    @rule(symbol=SYMBOLS, start=st.integers(0, 9), end=st.integers(0, 9), as_of=st.none() | st.integers(-1, 6))
    def read(self, symbol: str, start: int, end: int, as_of: int | None) -> None:
        self.both("read", "prices", symbol, start=day(start), end=day(end), as_of=as_of)

    @invariant()
    def show_the_same(self) -> None:
        if hasattr(self, "arctic"):
            self.both("symbols", "prices")
            for symbol in ("A", "A/1", "B/1"):
                self.both("read", "prices", symbol)
                numbers = [[v.number for v in s.versions("prices", symbol)] for s in (self.memory, self.arctic)]
                assert numbers[0] == numbers[1]

    def teardown(self) -> None:
        if hasattr(self, "arctic"):
            self.arctic.close()

    folder: Path
    numbers = itertools.count()


def test_memory_and_arctic_show_the_same(tmp_path: Path) -> None:
    """Random sequences of operations leave the memory store and the ArcticDB store with equal contents."""
    from hypothesis.stateful import run_state_machine_as_test

    Twins.folder = tmp_path
    run_state_machine_as_test(Twins)  # type: ignore[no-untyped-call]
