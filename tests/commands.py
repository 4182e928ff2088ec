"""The real `sysproduction` command on a home of a test's own, and what it leaves running."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from sysproduction.adapters.embedded_mongo import EmbeddedMongo

COMMAND = str(Path(sys.executable).with_name("sysproduction"))
PATIENCE = 90.0
_METHODS = yaml.safe_load((Path(__file__).parents[1] / "config" / "processes.yaml").read_text())
SHIPPED = tuple(
    name for name, methods in _METHODS["process_configuration_methods"].items() if "each_strategy" not in methods
)
"""Names of the shipped processes that run without strategies, in configured order."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended: exit code, what it wrote to either stream, how long it took, and its share of CPU
    time (which does not depend on what else the machine does)."""

    code: int
    out: str
    err: str
    seconds: float
    cpu_seconds: float

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


def command(home: Path, *words: str, **variables: str) -> Done:
    """Run `sysproduction` with this home to its end; `variables` are added to its environment."""
    begun, used = time.monotonic(), _cpu_seconds()
    done = subprocess.run(
        [COMMAND, *words],
        env=environment(home, variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - begun, _cpu_seconds() - used)


def _cpu_seconds() -> float:
    """Used by children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def right(home: Path, *words: str) -> Done:
    """Run a command that has to succeed."""
    done = command(home, *words)
    assert done.code == 0, f"{' '.join(words)}: exit {done.code}\n{done.out}\n{done.err}"
    return done


@contextmanager
def running(home: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """A command that goes on; ended at the latest here."""
    with subprocess.Popen(
        [COMMAND, *words], env=environment(home, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: nothing of the product's settings but the home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SYSPRODUCTION")}
    return inherited | {"SYSPRODUCTION_HOME": str(home), "COLUMNS": "160"} | variables


def processes_of(home: Path) -> list[psutil.Process]:
    """Everything that was started, however indirectly, by a command with this home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get("SYSPRODUCTION_HOME") == str(home):
                found.append(process)
    return found


def end_all(home: Path) -> list[str]:
    """Kill whatever of this home still runs; says what that was."""
    left = processes_of(home)
    told = []
    for process in left:
        with suppress(psutil.Error):
            told.append(" ".join(process.cmdline()))
            process.kill()
    psutil.wait_procs(left, timeout=10)
    return told


@contextmanager
def private_home(path: Path) -> Iterator[Path]:
    """A home in this folder, of which no process may be left at the end; if one is, it is killed and told."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException:
        end_all(path)
        raise
    assert end_all(path) == []


@contextmanager
def served_home(path: Path) -> Iterator[Path]:
    """A home whose embedded database stays up, so that commands need not start it."""
    with private_home(path):
        database = EmbeddedMongo(path / "data" / "mongo", path / "run", path / "logs")
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SYSPRODUCTION_HOME", str(path))
                database.acquire()
            yield path
        finally:
            database.release()


def configure(home: Path, text: str) -> None:
    """Write the private configuration."""
    file = home / "private_config.yaml"
    file.write_text(text)
    file.chmod(0o600)


def await_true(condition: Callable[[], Any], seconds: float = 30.0) -> float:
    """Seconds until the condition held; fails the test when it does not in time."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s: {condition}"
        time.sleep(0.02)
    return time.monotonic() - begun
