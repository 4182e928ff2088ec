"""A home for benchmarks of supervision: twenty processes with the Spine's methods, run by the daemon or each in a fresh
interpreter, and what they stamp."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from measuring import environment
from supervised_child import NAMES, STAMPS, methods, modules_of

from sysproduction.ports import Documents

HERE = Path(__file__).resolve().parent
PATIENCE_SECONDS = 120.0
IDLE_SECONDS = 30.0
SETTLE_SECONDS = 1.0


def configuration() -> str:
    """Twenty processes with the Spine's methods, each every hour and open all day: most of the time they are idle."""
    hourly = "{frequency: 60, max_executions: -1}"
    lines = [f"  {name}: {{{', '.join(f'{m}: {hourly}' for m in listed)}}}\n" for name, listed in methods().items()]
    zone = "UTC" if 4 <= time.gmtime().tm_hour < 20 else "Etc/GMT-12"  # midnight must be far
    window = f"{{start_time: 00:00, stop_time: 23:59, days: mon-sun, timezone: {zone}}}"
    windows = "".join(f"  {name}: {window}\n" for name in NAMES)
    return f"environment: demo\nprocess_configuration_methods:\n{''.join(lines)}process_configuration:\n{windows}"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A child's word: its pid, machine seconds and seconds since 1970."""

    pid: int
    machine: float
    market: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of idle processes: their PSS together in MB, and the modules that each has imported."""

    pss_mb: float
    modules: dict[str, set[str]]


@dataclass(slots=True)
class Bench:
    """One home with its database, and what the children of the moment have stamped."""

    home: Path
    documents: Documents
    number: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self, *, work: bool) -> None:
        """A new file of stamps. With `work` no method has run today, so each is due at once; without, each goes on from
        where it was: until its hour is over there is nothing to do."""
        if work:
            self.forget()
        self.number += 1
        self.environment = environment() | {
            STAMPS: str(self.path),
            "PYTHONPATH": str(HERE),
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.path.touch()

    def forget(self, *names: str) -> None:
        """No method of these processes (all by default) has run today."""
        for document in self.documents.find("method_progress"):
            if not names or document.body["process"] in names:
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
        """Once these processes have begun, and each of their methods has ended, so that none is due for an hour."""
        self.await_stamps("begun", len(names))
        self.until(lambda: self._has_worked() >= set(names), f"{', '.join(names)} did not become idle")
        time.sleep(SETTLE_SECONDS)

    def _has_worked(self) -> set[str]:
        wanted = methods()
        found = (document.body for document in self.documents.find("method_progress"))
        ended = {b["process"]: {m for m, f in b["methods"].items() if f["executions"]} for b in found}
        return {name for name, done in ended.items() if done >= set(wanted[name])}

    def fresh(self, *names: str, work: bool) -> Memory:
        """Each process in an interpreter of its own, without supervisor: what they take once they are idle."""
        self.begin(work=work)
        with (self.home / "fresh.log").open("ab") as log:
            child = [sys.executable, HERE / "supervised_child.py", "--home", self.home, "run"]
            children = {
                name: subprocess.Popen([*child, name, "--no-wait"], env=self.environment, stdout=log, stderr=log)
                for name in names
            }
        try:
            self.await_idle(*names)
            pids = {name: process.pid for name, process in children.items()}
            return Memory(pss_mb(list(pids.values())), {n: modules_of(self.path, pid) for n, pid in pids.items()})
        finally:
            for process in children.values():
                ended(process)

    @contextmanager
    def daemon(self, starts: dict[str, float], *, work: bool) -> Iterator[psutil.Process]:
        """The daemon, with processes that start at these moments (seconds since 1970); ended with all its children."""
        self.begin(work=work)
        words = [f"{name}={moment:.0f}" for name, moment in starts.items()]
        with (self.home / "daemon.log").open("ab") as log:
            command = [sys.executable, HERE / "supervised_daemon.py", self.home, *words]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            ended(process)
            for name in starts:
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


def idle_share(process: psutil.Process) -> float:
    """Of one core, by the scheduler's own account."""
    schedule, before = Path(f"/proc/{process.pid}/schedstat"), time.monotonic()
    spent = int(schedule.read_text().split()[0])
    time.sleep(IDLE_SECONDS)
    return (int(schedule.read_text().split()[0]) - spent) / 1e9 / (time.monotonic() - before)
