"""Six measured faults of onesecondtrader, shown through its public interface: `engine_faults.py NAME`, one at a time.

Run in an environment that has it. Prints one JSON object: `wrong`, how much is wrong (0: the fault did not show), and
`told`, that in words. The same six are tests of our engine in tests/unit/engine/test_peer_defects.py.
"""

import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from engine_market import columns
from engine_peers import onesecondtrader_source
from onesecondtrader import brokers, datafeeds, models, orchestrator, strategies
from onesecondtrader.dashboard import roundtrips

BARS = 400
Found = tuple[int, str]


class House:
    """A folder with bars, and runs on them."""

    def __init__(self, folder: str, tables: list[dict[str, Any]]) -> None:
        self.runs, source = str(Path(folder) / "runs.db"), Path(folder) / "secmaster.db"
        self.symbols = [f"S{number}" for number in range(len(tables))]
        onesecondtrader_source(source, tables)

        class Feed(datafeeds.SimulatedDatafeed):
            db_path, publisher_name, dataset, symbol_type = str(source), "bench", "bench", "raw_symbol"

        self.feed: type[Any] = Feed

    def run(self, on_bar: Callable[[Any, Any], None], feed: type[Any] | None = None) -> None:
        """Play a strategy."""
        house = self

        class Made(strategies.StrategyBase):
            name = "made"
            symbols = house.symbols
            parameters: ClassVar = {"bar_period": strategies.ParamSpec(default=models.BarPeriod.MINUTE)}

            def setup(self) -> None:
                pass

            def on_bar(self, event: Any) -> None:
                on_bar(self, event)

        class Run(orchestrator.Orchestrator):
            db_path = house.runs

        Run([Made], brokers.SimulatedBroker, feed or self.feed).run()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the record of runs says."""
        with closing(sqlite3.connect(self.runs)) as database:
            return database.execute(query).fetchall()


def trade(strategy: Any, side: Any, quantity: int) -> None:
    strategy.submit_order(models.OrderType.MARKET, side, quantity)


def buy(strategy: Any, event: Any) -> None:
    trade(strategy, models.TradeSide.BUY, 1)


def fails(*_: Any) -> None:
    raise ValueError("on purpose")


def raising(folder: str) -> Found:
    house = House(folder, [columns(0, 10)])
    house.run(fails)
    statuses = [status for (status,) in house.rows("SELECT status FROM runs")]
    return statuses.count("completed"), f"a strategy that raises on every bar: {', '.join(statuses)}"


def feed_dies(folder: str) -> Found:
    house = House(folder, [columns(0, 10)])
    with suppress(ValueError):
        house.run(buy, type("Feed", (house.feed,), {"__init__": fails}))
    left = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    statuses = ", ".join(status for (status,) in house.rows("SELECT status FROM runs"))
    return len(left), f"a feed that cannot be made: {len(left)} threads left, run {statuses}"


def same_second(folder: str) -> Found:
    house = House(folder, [columns(0, 3)])
    time.sleep(1 - time.time() % 1)
    errors = []
    for _ in range(3):
        try:
            house.run(buy)
        except sqlite3.Error as error:
            errors.append(str(error))
    return len(errors), f"three runs one after the other: {'; '.join(errors) or 'all recorded'}"


def late_position(folder: str) -> Found:
    house, held = House(folder, [columns(0, BARS)]), []

    def on_bar(strategy: Any, event: Any) -> None:
        held.append(strategy.position)
        buy(strategy, event)

    house.run(on_bar)
    wrong = sum(position != bar for bar, position in enumerate(held))
    return wrong, f"an order on every bar: {wrong} of {len(held) - 1} bars saw a position without the last fill"


def look_ahead(folder: str) -> Found:
    sys.setswitchinterval(1e-5)
    house = House(folder, [columns(number, BARS) for number in range(10)])
    house.run(buy)
    pairs = "fills JOIN order_submissions ON associated_order_id = system_order_id"
    same = f"SELECT count(*), sum(fills.ts_event_ns = order_submissions.ts_event_ns) FROM {pairs}"
    ((fills, wrong),) = house.rows(same)
    return wrong, f"ten symbols, hasty threads: {wrong} of {fills} orders filled in the bar that made them"


def turned_position(folder: str) -> Found:
    prices = np.array([10.0, 11.0, 13.0, 15.0])
    table = dict.fromkeys(("open", "high", "low", "close", "volume"), prices)
    house, bars = House(folder, [table]), []
    moves = [(models.TradeSide.BUY, 1), (models.TradeSide.SELL, 2), (models.TradeSide.BUY, 1)]

    def on_bar(strategy: Any, event: Any) -> None:
        bars.append(event)
        if len(bars) <= len(moves):
            trade(strategy, *moves[len(bars) - 1])

    house.run(on_bar)
    os.environ["RUNS_DB_PATH"] = house.runs
    ((run,),) = house.rows("SELECT run_id FROM runs")
    trips = [(trip["direction"], trip["pnl_before_commission"]) for trip in roundtrips.get_roundtrips(run)]
    wrong = int([profit for _, profit in trips] != [2.0, -2.0])
    return wrong, f"buy 1 at 11, sell 2 at 13, buy 1 at 15: trips {trips}"


FAULTS = {one.__name__: one for one in (raising, feed_dies, same_second, late_position, look_ahead, turned_position)}


def main() -> None:
    """Threads may be left, which would keep the process alive: it leaves without them."""
    with tempfile.TemporaryDirectory() as folder:
        wrong, told = FAULTS[sys.argv[1]](folder)
        print(json.dumps({"wrong": wrong, "told": told}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
