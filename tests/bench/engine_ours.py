"""Our engine on the same market with the same strategy: `engine_ours.py WAY SYMBOLS BARS`, in a process of its own.

WAY is `recorded`, `unrecorded`, `wake` (recorded, skipping bars), `every` (an order on every bar, recorded), or `rows`
(the record alone: request, acceptance and fill of orders, so many rows). Bars are known to the record beforehand, as
those of a source are, by a run that is not measured. Prints one JSON object as `engine_peers.py` does, with the peak
memory in MB.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine_market import COMMISSION, FAST, QUANTITY, SLOW, START_NS, columns, stamps

from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.run_database import RunDatabase
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import (
    Action,
    BarPeriod,
    Event,
    FillEvent,
    OrderAccepted,
    OrderSubmissionRequest,
    OrderType,
    Side,
    TimeInForce,
)
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.examples import MovingAverageCross
from sysproduction.engine.feed import BarsInMemory, SimulatedDatafeed
from sysproduction.engine.indicators import SMA
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.recorder import BATCH
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy, configured
from sysproduction.ports import Journal, RunEnd, RunHeader, RunStatus


class Every(Strategy):
    """Trades on every bar."""

    name = "every"

    def on_bar(self, bar: Bar) -> None:
        """One unit in, one unit out."""
        del bar
        if self.position <= 0:
            self.buy(1)
        else:
            self.sell(1)


class Broker(SimulatedBroker):
    """What trading costs."""

    commission_per_unit = COMMISSION


def histories(symbols: int, length: int) -> list[BarColumns]:
    """Bars as columns."""
    return [BarColumns(f"S{n}", BarPeriod.MINUTE, stamps(length), **columns(n, length)) for n in range(symbols)]


def run(way: str, symbols: int, length: int, journal: Journal | None) -> tuple[float, Any]:
    """CPU seconds and the result, from columns in memory on."""
    names = [f"S{number}" for number in range(symbols)]
    strategy: type[Strategy] = Every if way == "every" else MovingAverageCross
    values = {} if way == "every" else {"fast": FAST, "slow": SLOW, "quantity": QUANTITY}
    made = configured(strategy, names, values)
    feed = type("Feed", (SimulatedDatafeed,), {"source": BarsInMemory(histories(symbols, length))})
    begun = time.process_time()
    result = Orchestrator([made], Broker, feed, clock=SystemClock(), journal=journal, skip_bars=way == "wake").run()
    return time.process_time() - begun, result


def written(file: Path, length: int) -> float:
    """CPU seconds in which market orders are recorded, a batch of each kind of event in a transaction."""
    journal = RunDatabase(file)
    journal.begin(RunHeader("bench", ("made",), ("S0",), {}), ())
    asked = ("S0", OrderType.MARKET, Side.BUY, 1, None, None, Action.ENTRY, "", TimeInForce.GTC, None, None, None)
    traded = ("S1", "S0", 1, "F1", Side.BUY, 1, 100.0, 0.005, "SIMULATED")
    orders = [(3 * number, START_NS + number, number) for number in range(length // 3)]
    events: dict[type[Event], list[Event]] = {
        OrderSubmissionRequest: [OrderSubmissionRequest(at, now, 0, "made", n, *asked) for at, now, n in orders],
        OrderAccepted: [OrderAccepted(at + 1, now, 0, now, n, "S1") for at, now, n in orders],
        FillEvent: [FillEvent(at + 2, now, 0, now, n, *traded) for at, now, n in orders],
    }
    begun = time.process_time()
    for first in range(0, length // 3, BATCH):
        for kind, all_of_it in events.items():
            journal.write(kind, all_of_it[first : first + BATCH])
        journal.commit(0)
    seconds = time.process_time() - begun
    journal.end(RunEnd(RunStatus.COMPLETED))
    journal.close()
    return seconds


def main() -> None:
    """Compile, let the record know the bars, measure."""
    way, symbols, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    SMA(3).batch(histories(1, 10)[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.db"
        if way == "rows":
            print(json.dumps({"seconds": written(file, length)}))
            return
        if way != "unrecorded":
            journal = RunDatabase(file)
            for one in histories(symbols, length):
                for name, values in one.columns():
                    journal.columns.keep(one.column_hashes[name], values)
            journal.close()
        seconds, result = run(way, symbols, length, None if way == "unrecorded" else RunDatabase(file))
    told = {"seconds": seconds, "fills": result.summary["fills"], "equity": result.summary["final_equity"]}
    print(json.dumps(told | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
