"""The engine beside its peers, on one market with one strategy in one run, as CPU time; and that the trades are equal.

A share of 0.0625 of a peer's CPU time is sixteen times its speed. Peers are installed from PyPI into an environment of
their own in the cache folder, once; where that cannot be, their rows say so. All of it takes some ten minutes.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from statistics import median
from typing import Any

from measuring import row

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sysproduction-bench-peers"
REPEATS = 5
MILLION, TEN = (1, 1_000_000), (10, 100_000)
ORDERS = (1, 20_000)
SECONDS_MAX = 1_200

TARGETS = {
    ("nautilus", MILLION): 16,
    ("nautilus", TEN): 16,
    ("backtrader", MILLION): 45,
    ("backtrader", TEN): 40,
    ("onesecondtrader", (1, 100_000)): 80,
    ("onesecondtrader", TEN): 37,
}
"""How many times a peer's speed in bars a CPU second ours has to be; the last one's single symbol at its own size."""


def asked(python: Path | str, script: str, *words: Any) -> dict[str, Any]:
    """What a script of this folder prints, run in a process of its own."""
    done = subprocess.run(
        [str(python), str(FOLDER / script), *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=SECONDS_MAX,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peers_python() -> Path | None:
    """The interpreter of the peers' environment; None, with the reason as a row, if it cannot be made."""
    python, wanted = ENVIRONMENT / "bin" / "python", FOLDER / "peers.txt"
    stamp = ENVIRONMENT / "peers.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return python
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "-r", wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
        print(json.dumps({"name": "engines of others", "skipped": f"they cannot be installed: {why[0]}"}), flush=True)
        return None
    stamp.write_text(wanted.read_text())
    return python


def ours(way: str, size: tuple[int, int]) -> dict[str, Any]:
    """Our figures: the median time of several processes."""
    found = [asked(sys.executable, "engine_ours.py", way, *size) for _ in range(REPEATS)]
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
        told = asked(python, "engine_peers.py", peer, "cross", *size)
        own = size if size in (MILLION, TEN) else MILLION
        share = per_bar(mine["recorded", own], own) / per_bar(told, size)
        row(f"{named(size)} recorded, share of {peer}'s CPU ({1 / share:.1f} times its speed)", share, "", 1 / times)
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
    told = asked(python, "engine_peers.py", "nautilus", "every", *ORDERS)
    share = per_bar(mine["every", ORDERS], ORDERS) / per_bar(told, ORDERS)
    row(f"an order on every bar, recorded, share of nautilus' CPU ({1 / share:.1f} times)", share, "", 1 / 15)


def main() -> None:
    """Ours alone first, then beside the others."""
    wanted = [("recorded", MILLION), ("recorded", TEN), ("wake", MILLION), ("wake", TEN), ("every", ORDERS)]
    mine = {key: ours(*key) for key in wanted}
    for (way, size), told in mine.items():
        speed = size[0] * size[1] / told["seconds"]
        row(f"engine, {way}, {named(size)}: CPU ({speed:,.0f} bars a second)", told["seconds"], "s", 60.0)
    row("engine: peak memory at 1,000,000 bars", mine["recorded", MILLION]["peak_mb"], "MB", 400.0)
    ratio = mine["recorded", TEN]["seconds"] / mine["recorded", MILLION]["seconds"]
    row("engine: time of ten symbols to that of one", ratio, "", 1 / 0.7)
    row(
        "engine: 1,000 bars recorded, once imported",
        asked(sys.executable, "engine_ours.py", "recorded", 1, 1_000)["seconds"],
        "s",
        1.0,
    )
    python = peers_python()
    if python is not None:
        against(python, mine)


if __name__ == "__main__":
    main()
