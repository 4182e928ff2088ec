"""The engine beside its peers, on one market with one strategy in one run, as CPU time; and that the trades are equal.

A share of 0.0625 of a peer's CPU time is sixteen times its speed. Where peers cannot be installed, their rows say so.
Each figure is the median of several processes, of peers that take a minute the one of one. All of it takes a quarter of
an hour.
"""

import sys
from pathlib import Path
from statistics import median
from typing import Any

from measuring import row
from peers import asked, peers_python

REPEATS = 5
PEER_REPEATS, PEER_SECONDS_MAX = 3, 25.0
MILLION, TEN = (1, 1_000_000), (10, 100_000)
ORDERS, ROWS = (1, 20_000), (1, 300_000)

TARGETS = {
    ("nautilus", MILLION): 16,
    ("nautilus", TEN): 16,
    ("backtrader", MILLION): 45,
    ("backtrader", TEN): 40,
    ("onesecondtrader", (1, 100_000)): 80,
    ("onesecondtrader", TEN): 37,
}
"""How many times a peer's speed in bars a CPU second ours has to be; the last one's single symbol at its own size."""


def ours(way: str, size: tuple[int, int]) -> dict[str, Any]:
    """Our figures: the median time of several processes."""
    found = [asked(sys.executable, "engine_ours.py", way, *size) for _ in range(REPEATS)]
    return found[0] | {"seconds": median(one["seconds"] for one in found)}


def theirs(python: Path, peer: str, case: str, size: tuple[int, int]) -> dict[str, Any]:
    """A peer's figures."""
    found = [asked(python, "engine_peers.py", peer, case, *size)]
    while len(found) < PEER_REPEATS and found[0]["seconds"] < PEER_SECONDS_MAX:
        found.append(asked(python, "engine_peers.py", peer, case, *size))
    return found[0] | {"seconds": median(one["seconds"] for one in found)}


def per_bar(told: dict[str, Any], size: tuple[int, int]) -> float:
    """CPU seconds a bar."""
    return float(told["seconds"]) / (size[0] * size[1])


def named(size: tuple[int, int]) -> str:
    """As 1 x 1,000,000."""
    return f"{size[0]} x {size[1]:,}"


def against(python: Path, mine: dict[tuple[str, tuple[int, int]], dict[str, Any]]) -> None:
    """The rows that compare."""
    nautilus_bar = 0.0
    for (peer, size), times in TARGETS.items():
        told = theirs(python, peer, "cross", size)
        own = size if size in (MILLION, TEN) else MILLION
        share = per_bar(mine["recorded", own], own) / per_bar(told, size)
        speed = 1 / per_bar(told, size)
        what = f"{named(size)} recorded, share of {peer}'s CPU ({1 / share:.1f} times its {speed:,.0f} bars a second)"
        row(what, share, "", 1 / times)
        if (peer, size) == ("nautilus", MILLION):
            nautilus_bar = per_bar(told, size)
        if peer == "backtrader":
            row(
                f"{named(size)}: fills that differ from backtrader's",
                abs(mine["recorded", own]["fills"] - told["fills"]),
                "",
                0,
            )
            row(
                f"{named(size)}: equity off backtrader's",
                abs(mine["recorded", own]["equity"] - told["equity"]),
                "USD",
                0.005,
            )
    share = per_bar(mine["wake", MILLION], MILLION) / nautilus_bar
    row(f"wake, {named(MILLION)} recorded, share of nautilus' CPU ({1 / share:.1f} times)", share, "", 1 / 50)
    told = theirs(python, "nautilus", "every", ORDERS)
    share = per_bar(mine["every", ORDERS], ORDERS) / per_bar(told, ORDERS)
    row(f"an order on every bar, recorded, share of nautilus' CPU ({1 / share:.1f} times)", share, "", 1 / 15)


def main() -> None:
    """Ours alone first, then beside the others."""
    sizes = [(way, size) for way in ("recorded", "unrecorded", "wake") for size in (MILLION, TEN)]
    wanted = [*sizes, ("every", ORDERS)]
    mine = {key: ours(*key) for key in wanted}
    for (way, size), told in mine.items():
        speed = size[0] * size[1] / told["seconds"]
        row(f"engine, {way}, {named(size)}: CPU ({speed:,.0f} bars a second)", told["seconds"], "s", 60.0)
    row("engine: peak memory at 1,000,000 bars", mine["recorded", MILLION]["peak_mb"], "MB", 400.0)
    ratio = mine["recorded", TEN]["seconds"] / mine["recorded", MILLION]["seconds"]
    row("engine: time of ten symbols to that of one", ratio, "", 1 / 0.7)
    seconds = ours("rows", ROWS)["seconds"]
    row(f"engine: {ROWS[1]:,} order events into the record ({ROWS[1] / seconds:,.0f} rows a second)", seconds, "s", 1.0)
    name = "engine: cold `backtest bars` of 1,000 bars, but for its imports"
    row(name, median(asked(sys.executable, "engine_cold.py")["seconds"] for _ in range(REPEATS)), "s", 1.0)
    python = peers_python("engines of others")
    if python is not None:
        against(python, mine)


if __name__ == "__main__":
    main()
