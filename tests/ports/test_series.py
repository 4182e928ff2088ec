"""The contract of the Series port, which every adapter keeps."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import DataError
from sysproduction.ports import Series
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


def arctic_in(folder: Path) -> ArcticSeries[Lease]:
    clock = SystemClock()
    leases = Leases(MemoryDocuments(), myself(), alive, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
    return ArcticSeries(f"lmdb://{folder}", leases)


@pytest.fixture(params=["memory", "arctic"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Series]:
    """Each adapter of the port in turn, empty."""
    store: Series = MemorySeries(SystemClock().now) if request.param == "memory" else arctic_in(tmp_path / "arctic")
    yield store
    store.close()


def test_many_series_are_read_at_once_as_of_their_versions(series: Series) -> None:
    """What does not exist is left out, in versions and rows; a start leaves earlier rows out."""
    assert series.last_versions("prices", ["A", "B"]) == {}
    assert series.read_many("prices", {"A": 0}) == {}
    first = series.replace("prices", "A", frame(1, 2))
    series.replace("prices", "B/1", frame(3, 4))
    second = series.append("prices", "A", frame(5))
    versions = series.last_versions("prices", ["A", "none", "B/1"])
    assert versions["A"] == second
    assert set(versions) == {"A", "B/1"}
    found = series.read_many("prices", {**versions, "none": 0})
    assert set(found) == {"A", "B/1"}
    same(found["A"], frame(1, 2, 5))
    same(found["B/1"], frame(3, 4))
    same(series.read_many("prices", {"A": first})["A"], frame(1, 2))
    assert series.read_many("prices", {"A": 99}) == {}
    same(series.read_many("prices", {"A": second}, start=day(2))["A"], frame(2, 5))
    assert series.read_many("prices", {}) == {}


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
    series.append("prices", "CORN", frame(1).astype({"price": int}))
    same(series.read("prices", "CORN"), frame(1).astype({"price": int}))


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
            series.read("prices", "CORN", **question)


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
