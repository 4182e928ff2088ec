"""What holds for series in ArcticDB beyond the port's contract, and that the memory store is its equal."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import ConfigError, Conflict, DataError, Unavailable
from sysproduction.ports import Documents
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


def test_a_hundred_appends_stay_readable(tmp_path: Path) -> None:
    """Joining the segments of many appends changes neither the series nor its past versions."""
    store = arctic_in(tmp_path)
    for number in range(1, 206):
        store.append("prices", "CORN", frame(number))
    same(store.read("prices", "CORN"), frame(*range(1, 206)))
    same(store.read("prices", "CORN", as_of=99), frame(*range(1, 101)))
    same(store.read("prices", "CORN", start=day(98), end=day(103)), frame(*range(98, 104)))
    store.close()


def test_a_closed_store_opens_again_and_is_shared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Several stores of one folder in a process, and one used after closing, work without a complaint."""
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
    """With the leases made anew (a restored database), writers go on with larger tokens."""
    for round_ in range(3):
        store = arctic_in(tmp_path, MemoryDocuments())
        for number in (1, 2):
            store.append("prices", "CORN", frame(3 * round_ + number))
        store.replace_many("prices", {"CORN": frame(3 * round_ + 2)})
        store.close()
    same(store.read("prices", "CORN"), frame(8))
    store.close()


def test_a_writer_that_was_superseded_is_refused(tmp_path: Path) -> None:
    """A writer on another host that slept past its expiry, while others wrote, gets Conflict and writes nothing."""
    documents, clock = MemoryDocuments(), SystemClock()
    far_host = replace(myself(), host="elsewhere")
    far = Leases(documents, far_host, alive, now=lambda: FIRST, monotonic=clock.monotonic, sleep=clock.sleep)
    other = arctic_in(tmp_path, documents)

    class Sleepy:
        advance = far.advance

        @contextmanager
        def hold(self, name: str, wait_seconds: float) -> Iterator[Lease]:
            with far.hold(name, wait_seconds) as lease:
                other.replace("prices", "CORN", frame(1))
                yield lease

    late = ArcticSeries(f"lmdb://{tmp_path}", Sleepy())
    for write in (late.replace, late.append):
        with pytest.raises(Conflict):
            write("prices", "CORN", frame(2))
    with pytest.raises(Conflict):
        late.replace_many("prices", {"CORN": frame(2)})
    with pytest.raises(Conflict):
        late.delete("prices", "CORN")
    same(other.read("prices", "CORN"), frame(1))
    late.close()
    other.close()


def test_a_full_disk_is_unavailable_before_anything_is_written(tmp_path: Path) -> None:
    """With less room than the reserve nothing is written, and reading still works."""
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
    """The smallest map fills up, which is said; the old version stays."""
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
    """No scheme, a file in the folder's place, foreign files and bad options are named, secrets are not."""
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
    Twins.folder = tmp_path
    run_state_machine_as_test(Twins)
