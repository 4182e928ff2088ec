"""Stacks of processes that do not answer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction.adapters import host
from sysproduction.adapters.stack_dumps import dump_stacks

ROOT = Path(__file__).resolve().parents[3]
ENABLE = "from sysproduction.adapters.stack_dumps import enable_stack_dumps; enable_stack_dumps()\n"
HANGS = {
    "a loop that holds the interpreter": "def spin_forever():\n    while True: pass\nspin_forever()",
    "asleep in C, holding the interpreter": (
        "import ctypes\nsleep = ctypes.PyDLL(None).sleep\ndef stuck_in_c():\n    while True: sleep(1000)\nstuck_in_c()"
    ),
    "asleep in C in a thread": (
        "import threading, time\ndef waits_for_ever():\n    while True: time.sleep(1000)\n"
        "thread = threading.Thread(target=waits_for_ever); thread.start()\nthread.join()"
    ),
    "its standard error replaced": (
        "import io\nsys.stderr = io.StringIO()\nenable_stack_dumps()\ndef deaf():\n    sys.stdin.read()\ndeaf()"
    ),
}
NAMES = ("spin_forever", "stuck_in_c", "waits_for_ever", "deaf")


@contextmanager
def hanging(script: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", f"import sys\n{ENABLE}print(flush=True)\n{script}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, env=os.environ
        )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize(("script", "name"), list(zip(HANGS.values(), NAMES, strict=True)), ids=list(HANGS))
def test_a_hung_process_shows_where_it_is(tmp_path: Path, script: str, name: str) -> None:
    """The function it hangs in is in its log, twice if asked twice, and it lives on."""
    log = tmp_path / "log"
    with hanging(script, log) as process:
        child = host.identify(process.pid)
        deadline = time.monotonic() + 15
        while log.read_text().count(f"in {name}") < 2:
            assert dump_stacks(child)
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        assert host.runs_here(child)


def test_who_has_not_enabled_it_is_not_ended_by_it() -> None:
    """The signal would kill a process that does not expect it, so it is not sent; nor to a recycled pid."""
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        child = host.identify(process.pid)
        assert not dump_stacks(child)
        assert not dump_stacks(replace(child, start_ticks=1))
        assert process.poll() is None
        process.kill()
    assert not dump_stacks(child)
    assert process.returncode == -signal.SIGKILL
