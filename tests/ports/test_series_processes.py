"""The Series port on ArcticDB when several processes write, fork and die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.stores.leases import Lease, Leases

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
PREAMBLE = """
import os, sys
from datetime import UTC, datetime, timedelta
import pandas as pd
from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import Conflict, DataError
from sysproduction.stores.leases import Leases

def opened():
    clock = SystemClock()
    leases = Leases(MongoDocuments(sys.argv[2], sys.argv[3]), myself(), alive,
                    now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
    return ArcticSeries("lmdb://" + sys.argv[1], leases), leases

def rows(first, value, count=1):
    stamps = [first + timedelta(minutes=n) for n in range(count)]
    return pd.DataFrame({"price": float(value)}, index=pd.DatetimeIndex(stamps, tz="UTC", name="stamp"))

series, leases = opened()
worker = int(sys.argv[4])
print("ready", flush=True)
"""
APPEND_TO_ONE = """
sys.stdin.readline()
kept = refused = 0
while kept < 25:
    found = series.read("prices", "CORN")
    first = datetime(2024, 1, 1, tzinfo=UTC) if found is None else found.index[-1] + timedelta(minutes=1)
    try:
        series.append("prices", "CORN", rows(first, 1000 * worker + kept))
        kept += 1
    except (DataError, Conflict):
        refused += 1
print(refused, flush=True)
"""
APPEND_TO_PARTS = """
sys.stdin.readline()
for number in range(20):
    first = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    series.append("prices", f"CORN/{worker}", rows(first, worker))
    series.replace("prices", f"NEW{worker}/{number}", rows(first, worker))
"""
REWRITE = """
for value in range(1, 10_000):
    series.replace("prices", "CORN", rows(datetime(2024, 1, 1, tzinfo=UTC), value, 20_000))
    print(value, flush=True)
"""
HOLD = """
with leases.hold("prices/CORN"):
    print("held", flush=True)
    sys.stdin.readline()
"""
FORK = """
import arcticdb, signal
signal.alarm(30)
start = datetime(2024, 1, 1, tzinfo=UTC)
for number in range(2):
    if (pid := os.fork()) == 0:
        opened()[0].append("prices", "CORN", rows(start + timedelta(minutes=number), number))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
series.append("prices", "CORN", rows(start + timedelta(minutes=2), 2))
if (pid := os.fork()) == 0:
    try:
        series.read("prices", "CORN")
    except RuntimeError as exc:
        series.close()
        os._exit("fork first" in str(exc))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
assert len(series.read("prices", "CORN")) == 3
"""


class Stage:
    """One folder of series and one database, and the processes that write to them."""

    def __init__(self, folder: Path, address: str, database: str) -> None:
        self.places = [str(folder), address, database]
        self.documents = MongoDocuments(address, database)
        clock = SystemClock()
        self.leases = Leases(
            self.documents, myself(), alive, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep
        )
        self.series: ArcticSeries[Lease] = ArcticSeries(f"lmdb://{folder}", self.leases, lease_wait_seconds=5.0)
        self.children: list[subprocess.Popen[str]] = []

    def start(self, program: str, worker: int = 0) -> subprocess.Popen[str]:
        """A child that has opened the stores and says so."""
        command = [sys.executable, "-W", "ignore", "-c", PREAMBLE + program, *self.places, str(worker)]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.children.append(child)
        return child

    def finish(self, *children: subprocess.Popen[str]) -> list[str]:
        """Let the children begin at once, when all are ready; what they say at the end."""
        for child in children:
            assert said(child) == "ready"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        ends = [child.communicate(timeout=60) for child in children]
        assert [(child.returncode, err) for child, (_, err) in zip(children, ends, strict=True)] == [(0, "")] * len(
            ends
        )
        return [out.strip() for out, _ in ends]

    def prices(self, symbol: str) -> "pd.Series[float]":
        found = self.series.read("prices", symbol)
        assert found is not None
        assert found.index.is_monotonic_increasing
        assert found.index.is_unique
        return found["price"]


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def kill(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)


@pytest.fixture
def stage(tmp_path: Path, mongo_database: tuple[str, str]) -> Iterator[Stage]:
    """ArcticDB on LMDB with leases on a real database; ends the children it started."""
    stage = Stage(tmp_path / "arctic", *mongo_database)
    yield stage
    for child in stage.children:
        if child.poll() is None:
            kill(child)
        for pipe in (child.stdin, child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()
    stage.series.close()
    stage.documents.close()


def test_four_processes_on_one_symbol_lose_no_row(stage: Stage) -> None:
    """Each of four processes reads the end and appends its rows there; every acknowledged row is stored, once."""
    refused = stage.finish(*(stage.start(APPEND_TO_ONE, worker) for worker in range(4)))
    wanted = [1000 * worker + n for worker in range(4) for n in range(25)]
    assert sorted(stage.prices("CORN")) == sorted(wanted)
    assert sum(map(int, refused)) > 0, "the processes never met"
    assert len(stage.series.versions("prices", "CORN")) == 100


def test_four_processes_on_four_symbols_of_one_instrument(stage: Stage) -> None:
    """Nothing is lost where all contend for one lease, and every symbol that was made is listed."""
    stage.finish(*(stage.start(APPEND_TO_PARTS, worker) for worker in range(4)))
    for worker in range(4):
        assert list(stage.prices(f"CORN/{worker}")) == [worker] * 20
    made = [f"CORN/{w}" for w in range(4)] + [f"NEW{w}/{n}" for w in range(4) for n in range(20)]
    assert stage.series.symbols("prices") == sorted(made)


def test_the_lease_of_a_killed_writer_falls_free_at_once(stage: Stage) -> None:
    """A writer killed while it holds the lease delays nobody; until then its lease is respected."""
    child = stage.start(HOLD)
    assert (said(child), said(child)) == ("ready", "held")
    held = stage.documents.get("leases", "prices/CORN")
    assert held is not None
    assert held.body["holder"]["pid"] == child.pid
    kill(child)
    begun = time.monotonic()
    assert stage.series.append("prices", "CORN", rows(1.0)) == 0
    assert time.monotonic() - begun < 1.0


def test_a_killed_writer_leaves_the_old_or_the_new_version(stage: Stage) -> None:
    """Killed at any moment of a rewrite, the series reads as one version entirely, and the next write succeeds."""
    for delay in (0.0, 0.004, 0.011):
        child = stage.start(REWRITE)
        assert said(child) == "ready"
        acknowledged = [int(said(child)) for _ in range(3)][-1]
        os.sched_yield()
        time.sleep(delay)
        kill(child)
        found = stage.prices("CORN")
        assert found.nunique() == 1
        assert found.iloc[0] >= acknowledged
        assert len(found) == 20_000
        begun = time.monotonic()
        stage.series.replace("prices", "CORN", rows(0.0))
        assert time.monotonic() - begun < 1.0
        assert list(stage.prices("CORN")) == [0.0]
    assert stage.leases.release_stale() == []


def test_the_start_of_a_system_closes_stale_leases(stage: Stage) -> None:
    """release_stale names and closes the lease of a killed writer, leaves a living one's, and can be repeated."""
    with stage.leases.hold("prices/WHEAT"):
        child = stage.start(HOLD)
        assert (said(child), said(child)) == ("ready", "held")
        assert stage.leases.release_stale() == []
        kill(child)
        assert stage.leases.release_stale() == ["prices/CORN"]
        assert stage.leases.release_stale() == []


def test_series_are_opened_after_a_fork(stage: Stage) -> None:
    """Children forked before the first use write; one forked after it is refused at once and harms nothing."""
    child = stage.start(FORK)
    assert said(child) == "ready"
    assert child.communicate(timeout=60) == ("", "")
    assert child.returncode == 0
    assert list(stage.prices("CORN")) == [0.0, 1.0, 2.0]


def test_another_process_is_seen_at_once(stage: Stage) -> None:
    """What another process has just written is read, listed and appended to, never an older state from memory."""
    stage.series.append("prices", "CORN", rows(0.0))
    child = stage.start(
        "for n in range(1, 6):\n"
        "    sys.stdin.readline()\n"
        "    series.append('prices', 'CORN', rows(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n), n))\n"
        "    series.replace('prices', f'X{n}', rows(datetime(2024, 1, 1, tzinfo=UTC), n))\n"
        "    print('done', flush=True)\n"
    )
    assert said(child) == "ready"
    for number in range(1, 6):
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        assert said(child) == "done"
        assert list(stage.prices("CORN")) == [float(n) for n in range(number + 1)]
        assert len(stage.series.versions("prices", "CORN")) == number + 1
        assert len(stage.series.symbols("prices", "X")) == number


def rows(value: float) -> pd.DataFrame:
    return pd.DataFrame({"price": [value]}, index=pd.DatetimeIndex([FIRST + timedelta(0)], tz="UTC", name="stamp"))
