"""Orders through one stack handler: whole lives a second of CPU time, and a turn while 500 orders work.

A life is an instrument order, decided, spawned, sent, acknowledged, filled, folded and archived; a day has a hundred of
them. Through the embedded store the server's CPU time counts too.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil
from measuring import row
from order_floor import CODES, Floor

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.orders import OrderType
from sysproduction.ports import Documents

A_DAY = 100
IDLE_ORDERS = 500
TURNS = 11


def lives(floor: Floor, days: int) -> None:
    """A hundred orders a day, for so many days."""
    for _ in range(days):
        for _ in range(A_DAY):
            floor.decide(1)
        while floor.stack.has_active():
            floor.turn()
        floor.now += timedelta(days=1)


def measure_lives(
    name: str, documents: Documents, run: Path, days: int, spent: Callable[[], float], target: float
) -> None:
    """CPU time of one order's life, in ms; at most 1,000 / (orders a second)."""
    floor = Floor(documents, run)
    lives(floor, 1)
    begun = spent()
    lives(floor, days)
    each = (spent() - begun) / (days * A_DAY)
    floor.assert_all_filled((days + 1) * A_DAY)
    row(f"order's life on the {name} store, CPU ({1 / each:,.0f} a second)", each * 1000, "ms", 1000 / target)


def measure_idle(name: str, documents: Documents, run: Path) -> None:
    """A turn of all methods while 500 limit orders wait for another price."""
    floor = Floor(documents, run)
    while floor.decided < IDLE_ORDERS:
        for _ in CODES:
            floor.decide(1, OrderType.LIMIT, 50.0 + floor.decided // len(CODES) * 0.25)
        floor.turn()
        floor.now += timedelta(minutes=1)
    floor.turn()
    assert len(floor.stack.active_brokers()) == IDLE_ORDERS == len(floor.exchange.open_orders())
    costs = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        floor.turn()
        costs.append((time.perf_counter() - begun) * 1000)
    row(f"turn with {IDLE_ORDERS} working orders, {name} store", median(costs), "ms", 50.0)


def main() -> None:
    """The memory store first, then the embedded one."""
    with tempfile.TemporaryDirectory(prefix="sysproduction-bench-") as folder:
        home = Path(folder)
        measure_lives("memory", MemoryDocuments(copies=False), home / "m", 30, time.process_time, 5_000.0)
        measure_idle("memory", MemoryDocuments(copies=False), home / "n")
        server = EmbeddedMongo(home / "data", home / "run", home / "logs")
        try:
            uri, status = server.acquire(), server.status()
            assert status is not None
            database = psutil.Process(status.pid)

            def spent() -> float:
                used = database.cpu_times()
                return time.process_time() + used.user + used.system

            documents = MongoDocuments(uri, "lives")
            measure_lives("embedded", documents, home / "e", 3, spent, 60.0)
            documents.close()
            documents = MongoDocuments(uri, "idle")
            measure_idle("embedded", documents, home / "i")
            documents.close()
        finally:
            server.release()


if __name__ == "__main__":
    main()
