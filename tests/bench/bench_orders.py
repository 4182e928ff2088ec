"""Positions from a ledger of 1,000,000 fills in the embedded store, with the longest tail there is: at most 10 ms.

Seeding takes some ten minutes.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pymongo
from measuring import row

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.fills import Fill
from sysproduction.stores.fills import COLLECTION, SNAPSHOT_EVERY, FillLedger

FILLS = 1_000_000
BATCH = 5_000
READS = 31
TARGET_MS = 10.0
NAME = "bench"
AT = datetime(2020, 1, 1, tzinfo=UTC)
NAMES = tuple(field.name for field in fields(Fill))


def fill(number: int) -> Fill:
    """One of 120 instruments in two contracts each, for one of three strategies."""
    return Fill(
        f"e{number:07d}",
        0,
        "DU1",
        f"strategy{number % 3}",
        f"INSTRUMENT{number % 120}",
        ("20241200", "20250300")[number // 120 % 2],
        1 - 2 * (number // 7 % 2),
        100.0 + number % 50,
        AT + timedelta(minutes=number),
        client_order_id=f"SP{number // 2:018d}",
        contract_order=f"s/i/{number // 2}/1",
        instrument_order=f"s/i/{number // 2}",
        sequence=number,
    )


@contextmanager
def database() -> Iterator[str]:
    """The address of an embedded server of its own."""
    with tempfile.TemporaryDirectory(prefix="sysproduction-bench-") as folder:
        server = EmbeddedMongo(Path(folder) / "data", Path(folder) / "run", Path(folder) / "logs")
        try:
            yield server.acquire()
        finally:
            server.release()


def seed(uri: str, until: int) -> None:
    """Store so many fills in bulk, as the ledger would have stored them one by one."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri)
    collection = client[NAME][COLLECTION]
    for start in range(1, until + 1, BATCH):
        some = [fill(number) for number in range(start, min(start + BATCH, until + 1))]
        collection.insert_many(
            [{"_id": one.key, "_v": 1, **{name: getattr(one, name) for name in NAMES}} for one in some], ordered=False
        )
    client.close()


def main() -> None:
    """A snapshot at the millionth fill and the longest possible tail behind it, read by fresh ledgers."""
    with database() as uri:
        documents = MongoDocuments(uri, NAME)
        ledger = FillLedger(
            documents
        )  # declares the indexes: over a full collection the embedded server takes very long
        seed(uri, FILLS - 1)
        for number in range(FILLS, FILLS + SNAPSHOT_EVERY):
            ledger.record(fill(number))
        costs = []
        for _ in range(READS):
            fresh = FillLedger(documents)
            begun = time.perf_counter()
            held = fresh.positions()
            costs.append((time.perf_counter() - begun) * 1000)
        documents.close()
    assert sum(held.contracts.values()) == sum(fill(number).quantity for number in range(1, FILLS + SNAPSHOT_EVERY))
    row(f"positions from {FILLS:,} fills ({SNAPSHOT_EVERY - 1} since the snapshot)", median(costs), "ms", TARGET_MS)


if __name__ == "__main__":
    main()
