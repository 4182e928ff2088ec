"""A program that rolls one instrument after another on a home's real stores, each in a child that is killed with
SIGKILL at another write: `python -m tests.killed_rolls HOME CODE...` prints, for each code, number, side and whether
it was killed."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd  # noqa: F401 (loaded once, before the children are forked)
import pymongo  # noqa: F401

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.markets.rolls import roll_instrument
from sysproduction.simulation.faults import AtWrite, FaultySeries
from sysproduction.stores.leases import Leases
from sysproduction.stores.roll_states import RollChange
from sysproduction.wiring import hosting
from tests.fakes import FaultyDocuments
from tests.rolling_market import NOW, desk_on

SIDES = ("before", "after")


def main(home: Path, codes: list[str]) -> list[dict[str, Any]]:
    """Numbers go up until a roll ends before its write comes."""
    found: list[dict[str, Any]] = []
    for number, code in enumerate(codes):
        at, side = number // len(SIDES), SIDES[number % len(SIDES)]
        child = os.fork()
        if not child:
            roll(home, code, at, side)
        killed = os.waitpid(child, 0)[1] == signal.SIGKILL
        found.append({"code": code, "number": at, "side": side, "killed": killed})
        if not killed and side == SIDES[-1]:
            break
    return found


def roll(home: Path, code: str, number: int, side: str) -> None:
    """In the child: every write of the roll counts, those of leases too."""
    fault = AtWrite(number, side, lambda: os.kill(os.getpid(), signal.SIGKILL))
    config = load(Home(home), environ={})
    with wiring.outside(Home(home), config) as ports:
        documents = FaultyDocuments(ports.documents)
        machine = wiring.machine_clock()
        ports.__dict__["leases"] = Leases(
            documents,
            hosting.myself(),
            hosting.alive,
            now=machine.now,
            monotonic=machine.monotonic,
            sleep=machine.sleep,
        )
        plain = desk_on(documents, FaultySeries(ports.series, fault))  # type: ignore[arg-type]
        desk = replace(plain, turn=ports.turn)
        documents.fault = fault
        done = roll_instrument(desk, code, by="me", now=NOW, reasons=("to be killed",))
        documents.fault = None
    os._exit(0 if isinstance(done, RollChange) else 1)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
