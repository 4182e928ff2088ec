"""Ten supervised processes: memory against ten fresh interpreters, restarts against supervisord, starts, idle CPU."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from measuring import environment, fresh_home, row
from supervised_child import FLOODS, NAMES, SPINE, STAMPS, TEMPLATE, methods, modules_of

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.processes import ControlState
from sysproduction.ports import Documents
from sysproduction.stores.process_states import ProcessStates
from sysproduction.wiring import hosting

HERE = Path(__file__).resolve().parent
TEN = NAMES[:10]
PATIENCE_SECONDS = 60.0
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 1.0
CRASHES = 30
PEER_CRASHES = 7
PEER = "supervisor==4.3.0"


def configuration() -> str:
    """Twenty processes with the Spine's methods, each every hour and open all day: most of the time they are idle."""
    hourly = "{frequency: 60, max_executions: -1}"
    lines = [f"  {name}: {{{', '.join(f'{m}: {hourly}' for m in listed)}}}\n" for name, listed in methods().items()]
    zone = "UTC" if 4 <= time.gmtime().tm_hour < 20 else "Etc/GMT-12"  # midnight must be far
    window = f"{{start_time: 00:00, stop_time: 23:59, days: mon-sun, timezone: {zone}}}"
    windows = "".join(f"  {name}: {window}\n" for name in NAMES)
    return (
        f"environment: demo\nprocess_configuration_methods:\n{''.join(lines)}process_configuration:\n{windows}"
    )


@dataclass(frozen=True, slots=True)
class Stamp:
    """A child's word: its pid, machine seconds and seconds since 1970."""

    pid: int
    machine: float
    market: float


@dataclass(slots=True)
class Bench:
    """One home with its database, and what the children of the moment have stamped."""

    home: Path
    documents: Documents
    number: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """A new file of stamps, and nobody has run yet."""
        self.forget()
        self.number += 1
        self.environment = environment() | {
            STAMPS: str(self.path),
            "PYTHONPATH": str(HERE),
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.path.touch()

    def forget(self) -> None:
        """No method has run today, so each is due at once."""
        for document in self.documents.find("method_progress"):
            self.documents.delete("method_progress", document.key, document.version)

    @property
    def path(self) -> Path:
        return self.home / f"stamps.{self.number}"

    def stamps(self, what: str) -> list[Stamp]:
        """The first that each child gave so far, in order."""
        found: dict[int, Stamp] = {}
        for line in self.path.read_text().splitlines():
            word, pid, machine, market = line.split()
            if word == what:
                found.setdefault(int(pid), Stamp(int(pid), float(machine), float(market)))
        return list(found.values())

    def await_stamps(self, what: str, count: int) -> list[Stamp]:
        """Once so many children gave one."""
        self.until(lambda: len(self.stamps(what)) >= count, f"{count} children were not all {what}")
        return self.stamps(what)

    def until(self, condition: Callable[[], bool], failure: str) -> None:
        """Wait for it; ends the benchmark with the children's logs if it takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{p}:\n{p.read_text()[-1500:]}" for p in sorted((self.home / "logs").glob("*.log")))
                sys.exit(f"{failure} within {PATIENCE_SECONDS:.0f} s\n{logs}")
            time.sleep(0.02)

    def await_idle(self, *names: str) -> None:
        """Once each method of these processes has ended, so that none is due for an hour."""
        self.until(lambda: self._has_worked() >= set(names), f"{', '.join(names)} did not become idle")
        time.sleep(SETTLE_SECONDS)

    def _has_worked(self) -> set[str]:
        wanted = methods()
        found = (document.body for document in self.documents.find("method_progress"))
        ended = {b["process"]: {m for m, f in b["methods"].items() if f["executions"]} for b in found}
        return {name for name, done in ended.items() if done >= set(wanted[name])}

    @contextmanager
    def fresh(self, *names: str) -> Iterator[dict[str, int]]:
        """Each process in an interpreter of its own, without supervisor; the pids by name."""
        self.begin()
        with (self.home / "fresh.log").open("ab") as log:
            child = [sys.executable, HERE / "supervised_child.py", "--home", self.home, "run"]
            children = {
                name: subprocess.Popen([*child, name, "--no-wait"], env=self.environment, stdout=log, stderr=log)
                for name in names
            }
        try:
            self.await_idle(*names)
            yield {name: process.pid for name, process in children.items()}
        finally:
            for process in children.values():
                ended(process)

    @contextmanager
    def daemon(self, due: dict[str, float]) -> Iterator[psutil.Process]:
        """The daemon, with processes due at these moments (seconds since 1970); ended with all its children."""
        self.begin()
        words = [f"{name}={moment:.0f}" for name, moment in due.items()]
        with (self.home / "daemon.log").open("ab") as log:
            command = [sys.executable, HERE / "supervised_daemon.py", self.home, *words]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            ended(process)
            for name in due:
                (self.home / "logs" / f"{name}.log").unlink(missing_ok=True)


def ended(process: "subprocess.Popen[bytes]") -> None:
    """In an orderly way if it can."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pss_mb(pids: list[int]) -> float:
    """Proportional set size of these processes together."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(line.split()[1]) for text in rollups for line in text.splitlines() if line.startswith("Pss:")) / 1024


def family(leader: psutil.Process) -> list[int]:
    """A process and all its descendants, the database excluded."""
    members = [leader, *leader.children(recursive=True)]
    return [member.pid for member in members if "secantus" not in " ".join(member.cmdline())]


def measure_ten(bench: Bench, states: ProcessStates) -> list[float]:
    """Ten processes due at one moment: their start, memory, idle CPU; then crashes, whose restart times return."""
    with bench.fresh(*TEN) as pids:
        fresh_mb = pss_mb(list(pids.values()))
        imported = {name: modules_of(bench.path, pid) for name, pid in pids.items()}
    due = float(int(time.time()) + 6)
    with bench.daemon(dict.fromkeys(TEN, due)) as daemon:
        begun = bench.await_stamps("working", len(TEN))
        row("supervision: ten starts at one instant", max(s.market for s in begun) - due, "s", 1.0)
        bench.await_idle(*TEN)
        for name in TEN:
            compare_modules(modules_of(bench.path, pid_of(states, name)), imported[name])
        total, alone = pss_mb(family(daemon)), pss_mb([daemon.pid])
        row(f"supervision: PSS, ten + daemon ({total:.0f} MB) : fresh ({fresh_mb:.0f} MB)", total / fresh_mb, "x", 0.45)
        row("supervision: PSS of the daemon", alone, "MB", 50.0)
        row("supervision: idle CPU of the daemon", 100 * idle_share(daemon), "%", 0.1)
        return [crash(bench, pid_of(states, TEN[0])) for _ in range(CRASHES)]


def compare_modules(child: set[str], fresh: set[str]) -> None:
    """Ends the benchmark unless both have imported the same; one is executed, the other forked from the template."""
    if different := (child ^ fresh) - {"__main__", "__mp_main__", "runpy", "pkgutil", TEMPLATE}:
        sys.exit(f"the peers did not import the same: {sorted(different)}")


def pid_of(states: ProcessStates, name: str) -> int:
    """Of the process's live run."""
    active = states.state(name).active
    assert active is not None
    return active.identity.pid


def idle_share(process: psutil.Process) -> float:
    """Of one core, by the scheduler's own account."""
    schedule, before = Path(f"/proc/{process.pid}/schedstat"), time.monotonic()
    spent = int(schedule.read_text().split()[0])
    time.sleep(IDLE_SECONDS)
    return (int(schedule.read_text().split()[0]) - spent) / 1e9 / (time.monotonic() - before)


def crash(bench: Bench, pid: int, name: str=TEN[0]) -> float:
    """Seconds from kill -9 of an idle process to a method of its next copy running."""
    bench.await_idle(name)
    bench.forget()
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
    bench.begin()
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
        bench.await_stamps("working", 1)
        return [crash(bench, bench.stamps("working")[-1].pid) for _ in range(PEER_CRASHES)]
    finally:
        ended(process)


def measure_starts(bench: Bench) -> None:
    """Processes due one after another, a second apart: how late each was spawned; then answers under a flood."""
    first = float(int(time.time()) + 6)
    names = [name for name in NAMES if name != FLOODS]
    due = {name: first + number for number, name in enumerate(names)}
    with bench.daemon(due):
        born = bench.await_stamps("born", len(names))
    late = sorted(stamp.market - moment for stamp, moment in zip(born, due.values(), strict=True))
    row("supervision: start accuracy, p95 to spawn", 1000 * late[int(0.95 * len(late))], "ms", 50.0)


def measure_flood(bench: Bench, states: ProcessStates) -> None:
    """Beside a child that does nothing but write: how long an operator's STOP takes until it is obeyed."""
    due = float(int(time.time()) + 3)
    with bench.daemon({TEN[0]: due, FLOODS: due}):
        bench.await_stamps("working", 1)
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
    bench.forget()
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
            with bench.fresh(*TEN[: len(SPINE)]):
                pass  # the store has today's prices: what is measured below is not how much there is to import
            ours = measure_ten(bench, states)
            measure_starts(bench)
            measure_flood(bench, states)
            measure_restarts(bench, ours)


if __name__ == "__main__":
    main()
