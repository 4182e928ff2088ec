"""The real command, with processes beside the registered ones: ten names whose one method writes down that it runs."""

import gc
import os
import sys
import time
from pathlib import Path

from sysproduction import processes
from sysproduction.adapters.preload import PRELOAD, prepare
from sysproduction.domain.results import MethodResult
from sysproduction.ops.main import main as command
from sysproduction.ports import World

__all__ = ["idle"]

NAMES = tuple(f"bench_{number:02}" for number in range(20))
STAMPS = "SYSPRODUCTIONBENCH_STAMPS"
FLOODS = "bench_19"

processes.PROCESSES.update(dict.fromkeys(NAMES, "supervised_child"))


def idle(world: World) -> MethodResult:
    """What the price processes touch at their beginning, then nothing."""
    world.documents.count("instruments")
    import pandas as pd

    pd.DataFrame({"a": range(1000), "b": [n % 7 for n in range(1000)]}).groupby("b").sum().to_csv()
    for _ in range(3):
        gc.collect()
    stamp("ready")
    return MethodResult(0, 1)


def stamp(what: str) -> None:
    """One line: what, pid, and the machine's two clocks."""
    line = f"{what} {os.getpid()} {time.monotonic()} {time.time()}\n".encode()
    with Path(os.environ[STAMPS]).open("ab", buffering=0) as stamps:
        stamps.write(line)


def main(arguments: list[str]) -> int:
    """What the template calls in a child."""
    stamp("born")
    if arguments[-2] == FLOODS:
        while True:
            print("flood " * 20)
    return command(arguments)


if __name__ == "__main__":
    prepare(PRELOAD)
    sys.modules["supervised_child"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1:]))
