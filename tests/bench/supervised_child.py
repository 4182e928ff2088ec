"""The real command, with twenty more processes whose methods are those of the Spine; it writes down when it is born,
when a method begins, and which modules it has."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import yaml
from measuring import ROOT

from sysproduction import processes
from sysproduction.adapters.preload import PRELOAD, prepare
from sysproduction.config.home import Home
from sysproduction.ops.main import main as command
from sysproduction.ports import BeatHeart
from sysproduction.wiring import hosting

SPINE: Final = (
    "run_daily_fx_and_contract_updates",
    "run_daily_prices_updates",
    "run_daily_update_multiple_adjusted_prices",
)
NAMES: Final = tuple(f"bench_{number:02}" for number in range(20))
KINDS: Final = {name: SPINE[number % len(SPINE)] for number, name in enumerate(NAMES)}
"""Which process of the Spine each name repeats."""

STAMPS: Final = "SYSPRODUCTIONBENCH_STAMPS"
FLOODS: Final = "bench_19"
TEMPLATE: Final = "sysproduction.adapters.template"

processes.PROCESSES.update({name: processes.PROCESSES[kind] for name, kind in KINDS.items()})


def methods() -> dict[str, tuple[str, ...]]:
    """The methods of each name, as the shipped configuration lists them."""
    shipped = yaml.safe_load((ROOT / "config" / "processes.yaml").read_text(encoding="utf-8"))
    listed = shipped["process_configuration_methods"]
    return {name: tuple(listed[kind]) for name, kind in KINDS.items()}


def stamp(what: str) -> None:
    """One line: what, pid, and the machine's two clocks."""
    line = f"{what} {os.getpid()} {time.monotonic()} {time.time()}\n".encode()
    with Path(os.environ[STAMPS]).open("ab", buffering=0) as stamps:
        stamps.write(line)


def modules_of(stamps: Path, pid: int) -> set[str]:
    """What a child had imported when its last method ended."""
    return set(json.loads(Path(f"{stamps}.{pid}").read_text()))


def _observed(live_as_run: "Callable[..., BeatHeart]") -> "Callable[..., BeatHeart]":
    """The heart of a run: a stamp when it begins and at each method, and the list of modules whenever that grows."""

    def begin(home: Home, name: str) -> "BeatHeart":
        beat, told = live_as_run(home, name), 0
        stamp("begun")

        def observed(method: str, timeout: float) -> None:
            nonlocal told
            beat(method, timeout)
            if method:
                stamp("working")
            elif len(sys.modules) > told:
                told = len(sys.modules)
                Path(f"{os.environ[STAMPS]}.{os.getpid()}").write_text(json.dumps(sorted(sys.modules)))

        return observed

    return begin


def main(arguments: list[str]) -> int:
    """What the template calls in a child."""
    stamp("born")
    if arguments[-2] == FLOODS:
        while True:
            print("flood " * 20)
    hosting.live_as_run = _observed(hosting.live_as_run)
    return command(arguments)


if __name__ == "__main__":
    # A fresh interpreter with the imports that a child finds in the template, and nothing else of the template.
    prepare([name.partition(":")[0] for name in (TEMPLATE, *PRELOAD)])
    sys.modules["supervised_child"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1:]))
