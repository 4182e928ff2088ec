"""The kill switch against a stack handler that sends: from the command to the last order that the exchange receives.

TRIALS in the environment sets how often (1,000 take half an hour); the embedded store, and two threads of one process.
"""

import os
import random
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from measuring import row
from order_floor import Floor

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.broker import OrderTicket, Submitted
from sysproduction.domain.errors import Refused
from sysproduction.domain.gate_facts import KillState
from sysproduction.stores.kill_switch import KillSwitch, KillWord

TRIALS = int(os.environ.get("TRIALS", "60"))
ORDERS = 12
TARGET_SECONDS = 1.0


def trial(floor: Floor, switch: KillSwitch, chance: random.Random) -> float:
    """Seconds from the command to the last submission, 0 if none came after it; then all orders are traded."""
    received: list[float] = []
    true = floor.broker.submit

    def submit(ticket: OrderTicket) -> Submitted | Refused:
        received.append(time.perf_counter())
        return true(ticket)

    floor.broker.submit = submit  # type: ignore[method-assign]
    for _ in range(ORDERS):
        floor.decide(1)
    commanded: list[float] = []

    def command() -> None:
        while len(received) < wanted:
            time.sleep(0.0005)
        time.sleep(pause)
        commanded.append(time.perf_counter())
        switch.set(KillWord(KillState.HALT, "bench", floor.now, "trial"))

    wanted, pause = chance.randrange(1, ORDERS), chance.uniform(0.0, 0.03)
    operator = threading.Thread(target=command)
    operator.start()
    floor.turn()
    operator.join()
    stopped = len(received)
    floor.turn()
    assert len(received) == stopped, "an order was sent while HALT"
    switch.set(KillWord(KillState.NORMAL, "bench", floor.now, "trial"))
    while floor.stack.has_active():
        floor.turn()
    floor.broker.submit = true  # type: ignore[method-assign]
    return max(0.0, received[stopped - 1] - commanded[0])


def main() -> None:
    """The 99th percentile of all trials."""
    with tempfile.TemporaryDirectory(prefix="sysproduction-bench-") as folder:
        home = Path(folder)
        server = EmbeddedMongo(home / "data", home / "run", home / "logs")
        try:
            uri = server.acquire()
            with closing(MongoDocuments(uri, "kill")) as documents, closing(MongoDocuments(uri, "kill")) as operators:
                floor, chance = Floor(documents, home / "k"), random.Random(1)
                switch = KillSwitch(operators, home / "k")
                spent = sorted(trial(floor, switch, chance) for _ in range(TRIALS))
        finally:
            server.release()
    name = f"kill switch: command to last order, p99 of {TRIALS} (median {spent[len(spent) // 2] * 1000:.0f} ms)"
    row(name, spent[min(len(spent) - 1, int(len(spent) * 0.99))], "s", TARGET_SECONDS)


if __name__ == "__main__":
    main()
