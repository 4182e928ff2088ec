"""Ten supervised processes: memory against ten fresh interpreters, restarts against supervisord, starts, idle CPU."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

from measuring import fresh_home, row
from supervised_child import FLOODS, NAMES, STAMPS, TEMPLATE, modules_of
from supervised_home import HERE, PATIENCE_SECONDS, Bench, Memory, configuration, ended, family, idle_share, pss_mb

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.processes import ControlState
from sysproduction.stores.process_states import ProcessStates
from sysproduction.wiring import hosting

WRITERS = tuple(name for name in NAMES if name != FLOODS)
TEN = WRITERS[:10]
CRASHES = 30
PEER_CRASHES = 7
PEER = "supervisor==4.3.0"


def at(seconds: float, *names: str) -> dict[str, float]:
    """These processes, due so many seconds from now."""
    return dict.fromkeys(names, float(int(time.time()) + seconds))


def measure_starts_at_once(bench: Bench, fresh: Memory) -> None:
    """Ten processes due at one moment, each with all its methods to run; afterwards the memory that this leaves."""
    due = at(6, *TEN)
    with bench.daemon(due, work=True) as daemon:
        begun = bench.await_stamps("working", len(TEN))
        row("supervision: ten starts at one instant", max(s.market for s in begun) - due[TEN[0]], "s", 1.0)
        bench.await_idle(*TEN)
        total = pss_mb(family(daemon))
    name = f"supervision: PSS after work, ten + daemon ({total:.0f} MB) : fresh ({fresh.pss_mb:.0f} MB)"
    row(name, total / fresh.pss_mb, "x", 0.6)


def measure_idle(bench: Bench, fresh: Memory) -> list[float]:
    """Ten idle processes: their memory, the daemon's idle CPU; then crashes, whose restart times return."""
    with bench.daemon(at(6, *TEN), work=False) as daemon:
        bench.await_idle(*TEN)
        for name in TEN:
            compare(modules_of(bench.path, pid_of(bench, name)), fresh.modules[name])
        total, alone = pss_mb(family(daemon)), pss_mb([daemon.pid])
        name = f"supervision: PSS, ten idle + daemon ({total:.0f} MB) : fresh ({fresh.pss_mb:.0f} MB)"
        row(name, total / fresh.pss_mb, "x", 0.45)
        row("supervision: PSS of the daemon", alone, "MB", 50.0)
        row("supervision: idle CPU of the daemon", 100 * idle_share(daemon), "%", 0.1)
        return [crash(bench) for _ in range(CRASHES)]


def compare(child: set[str], fresh: set[str]) -> None:
    """Ends the benchmark unless both have imported the same; one is executed, the other forked from the template."""
    if different := (child ^ fresh) - {"__main__", "runpy", "pkgutil", TEMPLATE}:
        sys.exit(f"the peers did not import the same: {sorted(different)}")


def pid_of(bench: Bench, name: str) -> int:
    """Of the process's live run."""
    active = ProcessStates(bench.documents).state(name).active
    assert active is not None
    return active.identity.pid


def crash(bench: Bench) -> float:
    """Seconds from kill -9 of the first process, while it is idle, to a method of its next copy running."""
    bench.await_idle(TEN[0])
    pid = pid_of(bench, TEN[0])
    bench.forget(TEN[0])
    count, killed = len(bench.stamps("working")), time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return bench.await_stamps("working", count + 1)[-1].machine - killed


def measure_restarts(bench: Bench, ours: list[float]) -> None:
    """Against supervisord with the same job."""
    median = 1000 * statistics.median(ours)
    row("supervision: crash -> method running, median", median, "ms", 100.0)
    row(f"supervision: crash -> method running, p99 of {len(ours)}", 1000 * max(ours), "ms", 300.0)
    name = "supervision: crash -> method running : supervisord"
    program = supervisord()
    if isinstance(program, str):
        print(json.dumps({"name": name, "skipped": program}))
        return
    peer = 1000 * statistics.median(peer_restarts(bench, program))
    row(f"{name} ({peer:.0f} ms)", median / peer, "x", 0.1)


def supervisord() -> Path | str:
    """The peer's program in an environment of its own, kept between runs; why not, if it cannot be installed."""
    folder = Path.home() / ".cache" / "sysproduction-bench" / PEER.replace("==", "-")
    program = folder / "bin" / "supervisord"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER]
        installed = subprocess.run(command, capture_output=True, text=True, check=False)
        if installed.returncode:
            return f"{PEER} cannot be installed: {installed.stderr.strip().splitlines()[-1]}"
    return program


def peer_restarts(bench: Bench, program: Path) -> list[float]:
    """Restart times under supervisord."""
    bench.begin(work=False)
    job = f"{sys.executable} {HERE / 'supervised_child.py'} --home {bench.home} run {TEN[0]} --no-wait"
    settings = bench.home / "supervisord.conf"
    settings.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile=NONE\npidfile={bench.home}/supervisord.pid\n"
        f"[program:job]\ncommand={job}\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    )
    command = [program, "-c", settings]
    process = subprocess.Popen(
        command, env=bench.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=bench.home
    )
    try:
        return [crash(bench) for _ in range(PEER_CRASHES)]
    finally:
        ended(process)


def measure_starts(bench: Bench) -> None:
    """Processes due one after another, a second apart: how late each was spawned."""
    due = {name: moment + number for number, (name, moment) in enumerate(at(6, *WRITERS).items())}
    with bench.daemon(due, work=False):
        born = bench.await_stamps("born", len(due))
    late = sorted(stamp.market - moment for stamp, moment in zip(born, due.values(), strict=True))
    row("supervision: start accuracy, p95 to spawn", 1000 * late[int(0.95 * len(late))], "ms", 50.0)


def measure_flood(bench: Bench, states: ProcessStates) -> None:
    """Beside a child that does nothing but write: how long an operator's STOP takes until it is obeyed."""
    with bench.daemon(at(3, TEN[0], FLOODS), work=False):
        bench.await_idle(TEN[0])
        taken = [obeyed(bench, states) for _ in range(9)]
    row("supervision: control reply under an output flood", statistics.median(taken), "s", 0.25)


def obeyed(bench: Bench, states: ProcessStates) -> float:
    """Seconds from STOP to the record of the run's end; afterwards the process runs again."""
    count, asked = len(bench.stamps("working")), time.monotonic()
    states.set_control(TEN[0], ControlState.STOP)
    hosting.wake(Home(bench.home))
    while states.state(TEN[0]).active is not None:
        if time.monotonic() > asked + PATIENCE_SECONDS:
            sys.exit("STOP was not obeyed")
        time.sleep(0.005)
    taken = time.monotonic() - asked
    bench.forget(TEN[0])
    states.ask_again(TEN[0])
    hosting.wake(Home(bench.home))
    bench.await_stamps("working", count + 1)
    bench.await_idle(TEN[0])
    return taken


def main() -> None:
    """All measures on one home, whose database stays up throughout."""
    os.environ[STAMPS] = os.devnull
    with fresh_home(configuration()) as path:
        home = Home(path)
        with wiring.outside(home, loading.load(home, environ=os.environ)) as ports:
            states = ProcessStates(ports.documents)
            states.declare()
            bench = Bench(path, ports.documents)
            bench.fresh(*WRITERS[10:], work=True)  # from now on there is nothing new to fetch
            measure_starts_at_once(bench, bench.fresh(*TEN, work=True))
            ours = measure_idle(bench, bench.fresh(*TEN, work=False))
            measure_starts(bench)
            measure_flood(bench, states)
            measure_restarts(bench, ours)


if __name__ == "__main__":
    main()
