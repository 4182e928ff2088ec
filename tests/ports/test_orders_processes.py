"""Orders and fills on a real server with eight writer processes: no update is lost, no fill is doubled or missing."""

import subprocess
import sys
import textwrap

import pytest

from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.fills import positions
from sysproduction.domain.orders import BrokerOrder, BrokerOrderType, Leg
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from tests.fill_tapes import AT

WRITERS = 8

# Each writer adds to the counters in `why` of broker orders, beginning at an order of its own.
UPDATE = textwrap.dedent("""
    import sys
    from dataclasses import replace
    from sysproduction.adapters.mongo import MongoDocuments
    from sysproduction.domain.errors import Conflict
    from sysproduction.stores.order_stack import OrderStack
    writer, updates = int(sys.argv[3]), int(sys.argv[4])
    documents = MongoDocuments(sys.argv[1], sys.argv[2], answer_seconds=60.0)
    stack = OrderStack(documents)
    names = [order.client_order_id for order in stack.active_brokers()]
    for number in range(updates):
        name = names[(writer * 25 + number) % len(names)]
        while True:
            order = stack.get_broker(name)
            try:
                stack.replace_broker(replace(order, why=str(int(order.why) + 1)))
                break
            except Conflict:
                pass
    documents.close()
""")

# Each writer tells fills that its neighbour tells too.
RECORD = textwrap.dedent("""
    import sys
    from datetime import UTC, datetime
    from sysproduction.adapters.mongo import MongoDocuments
    from sysproduction.domain.fills import Fill
    from sysproduction.stores.fills import FillLedger
    writer, fills = int(sys.argv[3]), int(sys.argv[4])
    documents = MongoDocuments(sys.argv[1], sys.argv[2], answer_seconds=60.0)
    ledger = FillLedger(documents, 10)
    at = datetime(2024, 5, 1, tzinfo=UTC)
    recorded = 0
    for number in range(2 * fills):
        execution = f"e{writer * fills + number}"
        recorded += ledger.record(Fill(execution, 0, "DU1", "trend", "CORN", "20241200", 1, 450.0, at))
    documents.close()
    print(recorded)
""")


def run(program: str, database: tuple[str, str], number: int) -> list[str]:
    """What eight processes that run this program print."""
    command = [sys.executable, "-c", program, *database]
    writers = [
        subprocess.Popen([*command, str(writer), str(number)], stdout=subprocess.PIPE, text=True)
        for writer in range(WRITERS)
    ]
    told = [writer.communicate()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    return told


def check_updates(documents: MongoDocuments, database: tuple[str, str], orders: int, updates: int) -> None:
    """Every acknowledged update is in the counters and in the versions."""
    stack = OrderStack(documents)
    for attempt in range(1, orders + 1):
        stack.insert_broker(
            BrokerOrder("a/1", attempt, "a", "t", "CORN", (Leg("x", 1),), BrokerOrderType.MARKET, AT, why="0")
        )
    run(UPDATE, database, updates)
    stored = stack.active_brokers()
    assert len(stored) == orders
    assert sum(int(order.why) for order in stored) == WRITERS * updates
    assert all(order.version == int(order.why) + 1 for order in stored)


@pytest.mark.parametrize(("orders", "updates"), [(40, 40), (1, 4)])
def test_eight_writers_lose_no_update(
    mongo_database: tuple[str, str], mongo_documents: MongoDocuments, orders: int, updates: int
) -> None:
    """40 updates each on a stack of 40 orders, and 4 each on one order: all of them are kept."""
    check_updates(mongo_documents, mongo_database, orders, updates)


@pytest.mark.soak
@pytest.mark.parametrize(("orders", "updates"), [(200, 1_000), (1, 50)])
def test_eight_writers_lose_no_update_at_length(
    mongo_database: tuple[str, str], mongo_documents: MongoDocuments, orders: int, updates: int
) -> None:
    """1,000 updates each on a stack of 200 orders, and 50 each on one order: all of them are kept."""
    check_updates(mongo_documents, mongo_database, orders, updates)


def test_eight_writers_record_each_fill_once_and_without_gaps(
    mongo_database: tuple[str, str], mongo_documents: MongoDocuments
) -> None:
    """Each fill is told by two writers, recorded by one, numbered without a gap, and counted once."""
    fills = 8
    recorded = [int(told) for told in run(RECORD, mongo_database, fills)]
    ledger = FillLedger(mongo_documents)
    stored = ledger.since(0)
    assert sum(recorded) == len(stored) == (WRITERS + 1) * fills
    assert [fill.sequence for fill in stored] == list(range(1, len(stored) + 1))
    assert ledger.positions() == positions(stored)
    assert ledger.positions().of_instrument("CORN") == len(stored)
