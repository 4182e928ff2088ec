"""What series in ArcticDB cost, leases on the embedded database included; run as a program."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sysproduction.adapters.arctic import ArcticSeries
from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.host import alive, myself
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.stores.leases import Lease, Leases

START = pd.Timestamp("2000-01-01", tz="UTC")


def frame(rows: int, first: int = 0) -> pd.DataFrame:
    index = pd.date_range(START + pd.Timedelta(minutes=first), periods=rows, freq="min", name="stamp")
    return pd.DataFrame(np.random.default_rng(1).random((rows, 6)), index=index, columns=list("abcdef"))


def measure(what: str, work: Callable[[int], object], times: int) -> None:
    """Print milliseconds of wall clock and of this process's CPU for one call."""
    work(0)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(1, times + 1):
        work(number)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sys.stdout.write(f"{what:46} {1000 * wall / times:9.2f} ms wall {1000 * cpu / times:9.2f} ms CPU\n")


def measure_all(series: ArcticSeries[Lease], leases: Leases) -> None:
    def empty_lease(_: int) -> None:
        with leases.hold("bench/NOTHING"):
            pass

    many = {f"I{n % 10}/{n}": frame(50) for n in range(300)}
    large = frame(50_000)
    measure("take and give back a lease", empty_lease, 100)
    measure("append a row", lambda n: series.append("bench", "APPEND", frame(1, n)), 300)
    measure("replace 250 rows", lambda n: series.replace("bench", "SMALL", frame(250, n)), 100)
    measure("replace 50,000 rows", lambda n: series.replace("bench", "LARGE", large), 10)
    measure("read 50,000 rows", lambda n: series.read("bench", "LARGE"), 50)
    measure("read the last day of 50,000 rows", lambda n: series.read("bench", "LARGE", start=large.index[-1440]), 50)
    measure("read 300 appended rows", lambda n: series.read("bench", "APPEND"), 50)
    measure("replace_many of 300 symbols of 10 instruments", lambda n: series.replace_many("bench", many), 3)
    measure("list 300 symbols", lambda n: series.symbols("bench", "I"), 20)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = EmbeddedMongo(home / "mongo", home / "run", home / "logs")
        documents = MongoDocuments(server.acquire(), "bench")
        clock = SystemClock()
        leases = Leases(documents, myself(), alive, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
        series = ArcticSeries(f"lmdb://{home / 'arctic'}", leases)
        try:
            measure_all(series, leases)
        finally:
            series.close()
            documents.close()
            server.release()


if __name__ == "__main__":
    main()
