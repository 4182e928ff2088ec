"""Our engine on the same market with the same strategy: `engine_ours.py WAY SYMBOLS BARS`, in a process of its own.

WAY is `recorded`, `unrecorded`, `wake` (recorded, skipping bars) or `every` (an order on every bar, recorded). Bars are
known to the record beforehand, as those of a source are, by a run that is not measured. Prints one JSON object as
`engine_peers.py` does, with the peak memory in MB.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine_market import COMMISSION, FAST, QUANTITY, SLOW, columns, stamps

from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.run_database import RunDatabase
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.examples import MovingAverageCross
from sysproduction.engine.feed import BarsInMemory, SimulatedDatafeed
from sysproduction.engine.indicators import SMA
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy, configured
from sysproduction.ports import Journal


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


def main() -> None:
    """Compile, let the record know the bars, measure."""
    way, symbols, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    SMA(3).batch(histories(1, 10)[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.db"
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
