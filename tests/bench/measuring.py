"""What benchmarks share: rows of the table, homes of their own, and the real command with what it cost."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("sysproduction"))
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program cost: wall clock, CPU (user and system, its awaited children included), peak memory."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def row(name: str, value: float, unit: str, target: float) -> None:
    """Print one row; its target is an upper bound."""
    print(json.dumps({"name": name, "value": value, "unit": unit, "target": target, "ok": value <= target}), flush=True)


def shared_data(name: str) -> Path | None:
    """The folder of recorded prices; prints a skipped row of this name if it is not there."""
    data = Path(os.environ.get("SYSPRODUCTION_SHARED", ROOT.parent / "shared")) / "data"
    if data.is_dir():
        return data
    print(json.dumps({"name": name, "skipped": "no shared folder beside the checkout"}))
    return None


@contextmanager
def fresh_home(configuration: str) -> Iterator[Path]:
    """A home that exists for the length of the block."""
    home = Path(tempfile.mkdtemp(prefix="sysproduction-bench-"))
    try:
        configure(home, configuration)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def configure(home: Path, configuration: str) -> None:
    """Write the private configuration; the home's market clock begins anew."""
    file = home / "private_config.yaml"
    file.write_text(configuration, encoding="utf-8")
    file.chmod(0o600)
    (home / "run" / "clock").unlink(missing_ok=True)


def environment() -> dict[str, str]:
    """The caller's, without settings of the product."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SYSPRODUCTION")}


def measured(home: Path, *words: str) -> Cost:
    """Run the command to its end; what it writes goes to bench.log of the home, which is shown if it fails."""
    log = home / "bench.log"
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [COMMAND, "--home", str(home), *words], env=environment(), stdout=output, stderr=output
        )
        return awaited(process.pid, begun, log, process)


def awaited(pid: int, begun: float, log: Path, process: "subprocess.Popen[bytes] | None" = None) -> Cost:
    """What a child cost from `begun` (of time.perf_counter) to its end; ends the benchmark if it failed."""
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - begun
    code = os.waitstatus_to_exitcode(status)
    if process is not None:
        process.returncode = code
    if code:
        sys.exit(f"exit code {code}:\n{log.read_text(errors='replace')}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def answer(home: Path, *words: str) -> Any:
    """What a command prints as JSON; exit code 1, a failure that it tells of, is an answer too."""
    command = [COMMAND, "--home", str(home), *words, "--json"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}")
    return json.loads(done.stdout)
