"""How many order rows the recorder takes in a second of CPU, written and committed in batches of 1,000."""

import time
from collections.abc import Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from measuring import row

from sysproduction.adapters.run_database import RunDatabase
from sysproduction.domain.events import (
    Action,
    FillEvent,
    OrderAccepted,
    OrderSubmissionRequest,
    OrderType,
    Side,
    TimeInForce,
)
from sysproduction.ports import RunEnd, RunHeader, RunStatus

BATCH = 1_000
ROWS = 120_000
REPEATS = 5
ROWS_A_SECOND = 300_000
MINUTE_NS = 60_000_000_000

Batch = list[tuple[Any, Sequence[Any]]]


def asked(number: int, symbol: str = "ES", side: Side = Side.BUY, limit: float | None = None) -> OrderSubmissionRequest:
    """A request for one contract, at the market or at a limit."""
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    action = Action.ENTRY_LONG if side is Side.BUY else Action.ENTRY_SHORT
    what = ("cross", number, symbol, kind, side, 1, limit, None, action, "signal", TimeInForce.GTC)
    return OrderSubmissionRequest(number * 3, number * MINUTE_NS, 0, *what, None, None, None)


def crossings() -> list[Batch]:
    """Market orders for one symbol, which turn the position round, each with its acceptance and its fill."""
    batches = []
    for first in range(0, ROWS // 3, BATCH):
        rows: Batch = [(OrderSubmissionRequest, []), (OrderAccepted, []), (FillEvent, [])]
        for number in range(first, first + BATCH):
            side = Side.SELL if number % 2 else Side.BUY
            at, ts, ours = number * 3, number * MINUTE_NS, f"S{number}"
            told = (ts, number, ours, "ES", number, f"F{number}", side, 1, 4800.25 + number % 97, 2.5, "SIMULATED")
            made = (
                asked(number, side=side),
                OrderAccepted(at + 1, ts, 0, ts, number, ours),
                FillEvent(at + 2, ts, 0, *told),
            )
            for (_, kept), event in zip(rows, made, strict=True):
                kept.append(event)  # type: ignore[attr-defined]
        batches.append(rows)
    return batches


def requests() -> list[Batch]:
    """Requests alone, the widest rows, for ten symbols both ways, every fourth at a limit."""
    symbols = cycle(("ES", "NQ", "CL", "GC", "ZN", "ZB", "NG", "SI", "HG", "6E"))
    made = [
        asked(
            number, next(symbols), Side.SELL if number % 3 else Side.BUY, None if number % 4 else 4800.25 + number % 97
        )
        for number in range(ROWS)
    ]
    return [[(OrderSubmissionRequest, made[first : first + BATCH])] for first in range(0, ROWS, BATCH)]


def seconds(file: Path, number: int, batches: list[Batch]) -> float:
    """CPU seconds to record all batches as one run."""
    with closing(RunDatabase(file)) as journal:
        journal.begin(RunHeader(f"bench-{number}", ("cross",), ("ES",), {}), [])
        begun = time.process_time()
        for place, rows in enumerate(batches, 1):
            for kind, events in rows:
                journal.write(kind, events)
            journal.commit(place * BATCH)
        spent = time.process_time() - begun
        journal.end(RunEnd(RunStatus.COMPLETED))
    return spent


def main() -> None:
    """The median over several runs in one database, for either flow."""
    for name, batches in (("orders, answers, fills", crossings()), ("mixed requests alone", requests())):
        with TemporaryDirectory() as folder:
            spent = median(seconds(Path(folder, "runs.db"), number, batches) for number in range(REPEATS))
        speed = ROWS / spent
        row(f"recorder: {name} ({speed:,.0f} rows a CPU second)", 1e6 / speed, "us/row", 1e6 / ROWS_A_SECOND)


if __name__ == "__main__":
    main()
