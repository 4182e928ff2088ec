"""The real supervisor and the real child program, with processes of a test's own whose methods misbehave.

Run as `python -m tests.misbehaving supervise HOME`. HOME/chaos.json names the processes; nothing else is replaced
but where the processes and their methods come from.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from sysproduction import processes
from sysproduction.adapters.preload import preload_for
from sysproduction.adapters.programs import LocalPrograms
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.errors import Refused, SysproductionError
from sysproduction.domain.processes import UNLIMITED, Limits, MethodSpec, ProcessSpec, RestartPolicy, StartMethod
from sysproduction.domain.results import MethodResult
from sysproduction.ops import child, daemon
from sysproduction.ports import Programs, Signals, World
from sysproduction.wiring import hosting

PLAN = "chaos.json"
PRELOAD = ("pymongo", "sysproduction.adapters.mongo", "sysproduction.stores.leases")


def idle(world: World) -> MethodResult:
    """Do nothing, and nothing again for hours."""
    return MethodResult()


def count(world: World) -> MethodResult:
    """Make records as fast as they are allowed."""
    return MethodResult(items=1)


def talk(world: World) -> MethodResult:
    """Print a kilobyte ten times a second."""
    for number in itertools.count():
        print(f"line {number} " + "x" * 1000, flush=True)
        time.sleep(0.1)
    raise AssertionError


def crash(world: World) -> MethodResult:
    """Die at once."""
    os._exit(7)


def spin(world: World) -> MethodResult:
    """Never come back, and never let go of the interpreter: no Python handler of a signal can run."""
    deque(itertools.repeat(0), maxlen=0)
    raise AssertionError


def fail(world: World) -> MethodResult:
    """Raise, each time."""
    raise ArithmeticError("one and one is three")


def tidy(world: World) -> MethodResult:
    """Be there when the run ends."""
    return MethodResult()


def deaf(world: World) -> MethodResult:
    """Ignore TERM, with a grandchild in a session of its own that ignores it too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    time.sleep(600)
    raise AssertionError


def flood(world: World) -> MethodResult:
    """One line of 100 MB, then `yes` for ever."""
    for _ in range(1600):
        os.write(1, b"x" * 65536)
    os.execvp("yes", ["yes"])


def breed(world: World) -> MethodResult:
    """Two hundred processes that stay, half of them in sessions of their own."""
    for number in range(200):
        if os.fork() == 0:
            if number % 2:
                os.setsid()
            time.sleep(600)
            os._exit(0)
    time.sleep(600)
    raise AssertionError


def eat(world: World) -> MethodResult:
    """Take 400 MB of memory and keep it."""
    eaten = bytearray(os.urandom(1)) * 400_000_000
    time.sleep(600)
    return MethodResult(items=len(eaten))


def methods(home: Home) -> dict[str, Callable[[World], MethodResult]]:
    """All of them by name; the folder HOME/begun gets a line for each execution."""

    def told(method: Callable[[World], MethodResult]) -> Callable[[World], MethodResult]:
        def call(world: World) -> MethodResult:
            with (home.path / "begun").open("a") as begun:
                begun.write(f"{method.__name__} {os.getpid()} {time.monotonic()}\n")
            return method(world)

        return call

    return {m.__name__: told(m) for m in (idle, count, talk, crash, spin, fail, tidy, deaf, flood, breed, eat)}


def plan_of(home: Home) -> dict[str, Any]:
    """The processes with their window; `warm`: the template imports all that it does in the product."""
    plan: dict[str, Any] = json.loads((home.path / PLAN).read_text())
    return plan


def specs(home: Home) -> tuple[ProcessSpec, ...]:
    """The processes of the plan."""
    plan = plan_of(home)
    return tuple(_spec(name, plan["start"], plan["stop"], **fields) for name, fields in plan["processes"].items())


def _spec(name: str, start: str, stop: str, *, work: str, **more: Any) -> ProcessSpec:
    frequency = more.get("frequency", 0.005 if work in ("count", "fail") else 120.0)
    method = MethodSpec(work, frequency, UNLIMITED, timeout_minutes=more.get("timeout_minutes", 60.0))
    others = tuple(MethodSpec(other, 0.005, UNLIMITED) for other in more.get("beside", ()))
    ends = (MethodSpec("tidy", run_on_completion_only=True),) if more.get("tidies") else ()
    return ProcessSpec(
        name,
        clock_time.fromisoformat(start),
        clock_time.fromisoformat(stop),
        "UTC",
        (method, *others, *ends),
        days=frozenset(range(7)),
        restart=RestartPolicy(**more.get("restart", {})),
        limits=Limits(**more.get("limits", {})),
        start_method=StartMethod(more.get("start_method", "template")),
    )


def supervise(path: str) -> int:
    """What `sysproduction up` does, for the plan's processes."""
    home = Home(Path(path))

    def children(home: Home, received: Signals) -> Programs:
        log = home.logs / "template.log"
        preload = preload_for(str(home.path)) if plan_of(home)["warm"] else PRELOAD
        return LocalPrograms(entry="tests.misbehaving:main", preload=preload, log_path=log, signals=received)

    hosting.children = children
    config = replace(loading.load(home, environ=os.environ), processes=specs(home))
    return daemon.supervise(home, config, start=None, days=None, watch=False)


def run(path: str, name: str) -> int:
    """What `sysproduction run NAME --no-wait` does, for a process of the plan."""
    home = Home(Path(path))
    processes.methods = lambda _process, _strategies=(): methods(home)
    spec = next(spec for spec in specs(home) if spec.name == name)
    answer = child.run(home, loading.load(home, environ=os.environ), spec, wait=False)
    return Refused.exit_code if isinstance(answer, Refused) else answer


def main(arguments: list[str]) -> int:
    """`supervise HOME`, or what the supervisor passes to a child: `--home HOME run NAME --no-wait`."""
    try:
        if arguments[0] == "supervise":
            return supervise(arguments[1])
        return run(arguments[1], arguments[3])
    except SysproductionError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
