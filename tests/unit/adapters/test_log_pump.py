"""Pumps between real children and their logs: floods, long lines, full disks, and everybody's death."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import pytest

from sysproduction.adapters.limited_log import Limits
from sysproduction.adapters.log_pump import Pumps

ROOT = Path(__file__).resolve().parents[3]
TOLD = re.compile(r"^--- ([\d,]+) lines \((.*)\) were dropped: (.*)$", re.MULTILINE)

# Stands for the template: starts `count` children one after the other, reaps, and leaves when all have ended.
STARTER = """
import json, os, subprocess, sys
from sysproduction.adapters.limited_log import Limits
from sysproduction.adapters.log_pump import Pumps

def descriptors():
    return len(os.listdir("/proc/self/fd"))

limits, path, count, *command = sys.argv[1:]
pumps, before = Pumps(Limits(**json.loads(limits))), descriptors()
for _ in range(int(count)):
    output = pumps.start(path)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    os.close(output)
    print(child.pid, flush=True)
while True:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        break
    if not pumps.ended(pid, os.waitstatus_to_exitcode(status)):
        child.returncode = 0
print(json.dumps([before, descriptors()]), flush=True)
"""

# Prints its line number and when it printed it, every 50 ms.
TICKER = """
import sys, time
for number in range(100_000):
    sys.stdout.write(f"{number} {time.monotonic()}\\n")  # one write, even if Python is told not to buffer
    sys.stdout.flush()
    time.sleep(0.05)
"""


class Started:
    """A starter with its child and the child's pump."""

    def __init__(self, log: Path, limits: Limits, *command: str, count: int = 1) -> None:
        self.log = log
        arguments = [json.dumps(asdict(limits)), str(log), str(count), *command]
        self.starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.starter.stdout is not None
        self.children = [int(self.starter.stdout.readline()) for _ in range(count)]
        self.pumps = set(self.living_pumps())

    def living_pumps(self) -> list[int]:
        children = Path(f"/proc/{self.starter.pid}/task/{self.starter.pid}/children").read_text().split()
        return [int(pid) for pid in children if int(pid) not in self.children and is_alive(int(pid))]

    @property
    def pump(self) -> int:
        """The only one, once it has set itself up."""
        (pid,) = self.pumps
        poll(lambda: Path(f"/proc/{pid}/comm").read_text() == "log-pump\n")
        return pid

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill_children(self) -> None:
        for child in self.children:
            if is_alive(child):
                os.killpg(child, signal.SIGKILL)

    def close(self) -> None:
        """All of them end, the pumps by themselves."""
        self.kill_children()
        try:
            poll(lambda: not any(map(is_alive, self.pumps)))
        finally:
            for pid in filter(is_alive, self.pumps):
                os.kill(pid, signal.SIGKILL)
            self.starter.kill()
            self.starter.wait()
            assert self.starter.stdout is not None
            self.starter.stdout.close()


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command under a pump; at the end everything that was started is gone."""
    started: list[Started] = []

    def begin(limits: Limits, *command: str, log: Path = tmp_path / "child.log", count: int = 1) -> Started:
        started.append(Started(log, limits, *command, count=count))
        return started[-1]

    yield begin
    for one in started:
        one.close()


def poll(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def ticks(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if not line.startswith("---")]


def python(program: str) -> tuple[str, str, str]:
    return sys.executable, "-c", program


def test_a_flood_is_bounded_and_told(start: Start, tmp_path: Path) -> None:
    """A second of `yes`: files within their bound, what is missing counted, the pump nearly idle."""
    limits = Limits(bytes_per_second=200_000, burst_bytes=1_000_000, file_bytes_max=300_000, files_kept=2)
    started = start(limits, "sh", "-c", "timeout 1 yes; echo the end; sleep 600")
    poll(lambda: TOLD.search(started.text()) and not started.text().endswith("y\n"))
    # Startup of the process included; what a flood without bounds costs is the whole second.
    assert cpu_seconds(started.pump) < 0.4
    started.close()
    files = list(tmp_path.iterdir())
    assert sorted(file.name for file in files) == ["child.log", "child.log.1", "child.log.2"]
    assert all(file.stat().st_size <= limits.file_bytes_max for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert {line for line in lines if not line.startswith("---")} <= {"y", "the end"}
    told = TOLD.findall("\n".join(lines))
    assert sum(int(count.replace(",", "")) for count, _size, _reason in told) > 500_000
    assert {reason for _count, _size, reason in told} == {"more than 0.2 MB a second"}


@pytest.mark.parametrize("rate", [1_000_000, 1_000_000_000])
def test_a_long_line_costs_no_memory(start: Start, rate: int) -> None:
    """A hundred million bytes without a newline, slowed down as a flood or not: a beginning, a mark, the next line."""
    program = (
        "import sys, time\n"
        "for _ in range(100): sys.stdout.write('x' * 1_000_000)\n"
        "print(flush=True)\n"
        "time.sleep(1.2)\n"
        "print('after', flush=True)\n"
        "time.sleep(600)\n"
    )
    started = start(Limits(bytes_per_second=rate), *python(program))
    before = memory_kb(started.pump, "VmRSS")
    poll(lambda: started.text().endswith("after\n"), 40)
    assert memory_kb(started.pump, "VmHWM") - before < 4_000
    first, *_told, last = started.text().splitlines()
    assert first == "x" * 16_384 + "… (cut: longer than 16,384 bytes)"
    assert last == "after"


def test_lines_appear_at_once(start: Start) -> None:
    """A slow trickle can be followed with the eye."""
    started = start(Limits(), *python(TICKER))
    delays = []
    for number in range(15):
        poll(lambda number=number: started.text().count("\n") > number)
        delays.append(time.monotonic() - float(started.text().splitlines()[number].split()[1]))
    assert median(delays) < 0.2


def test_child_and_log_survive_everybody(start: Start) -> None:
    """kill -9 of the starter, and TERM, INT and HUP to the pump: the child prints on and not one line is missing."""
    started = start(Limits(), *python(TICKER))
    poll(lambda: len(ticks(started.text())) > 5)
    pump = started.pump
    started.starter.kill()
    started.starter.wait()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.killpg(pump, number)
    seen = len(ticks(started.text()))
    poll(lambda: len(ticks(started.text())) > seen + 20)
    assert is_alive(started.children[0])
    started.close()
    assert ticks(started.text()) == list(range(len(ticks(started.text()))))


def test_a_killed_pump_is_replaced(start: Start) -> None:
    """The child notices nothing, and the log tells that something may be missing."""
    started = start(Limits(), *python(TICKER))
    poll(lambda: len(ticks(started.text())) > 25)  # so that the pump has lived for a second
    os.kill(started.pump, signal.SIGKILL)
    poll(lambda: "--- the log pump died (-9)" in started.text())
    started.pumps = set(started.living_pumps())
    seen = len(ticks(started.text()))
    poll(lambda: len(ticks(started.text())) > seen + 5)
    assert is_alive(started.children[0])
    assert len(started.pumps) == 1


def test_a_pump_serves_grandchildren_to_the_last(start: Start) -> None:
    """The child ends, its detached grandchild goes on printing, and only its end ends the pump."""
    program = (
        "import os, subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
    )
    started = start(Limits(), *python(program + "\nprint('parent ends', flush=True)"), TICKER)
    poll(lambda: not is_alive(started.children[0]))
    poll(lambda: started.text().count("\n") > 10)
    pump = started.pump
    assert is_alive(pump)
    (grandchild,) = [int(p) for p in os.listdir("/proc") if p.isdigit() and writes_to_pump(int(p), pump)]
    os.kill(grandchild, signal.SIGKILL)
    poll(lambda: not is_alive(pump))
    lines = started.text().splitlines()
    assert "parent ends" in lines
    assert ticks("\n".join(line for line in lines if line[0].isdigit())) == list(range(len(lines) - 1))


def writes_to_pump(pid: int, pump: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/fd/1") == os.readlink(f"/proc/{pump}/fd/0")
    except OSError:
        return False


def test_the_last_words_of_a_killed_child_are_kept(start: Start) -> None:
    """What is in the pipe is written although nobody is left, and then the pump ends."""
    program = (
        "import os\n"
        "for n in range(20_000): print(n, 'word')\n"
        "print('last', end='', flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    started = start(Limits(), *python(program))
    poll(lambda: not any(map(is_alive, started.pumps)))
    assert started.text() == "".join(f"{n} word\n" for n in range(20_000)) + "last\n"


def test_nothing_is_left_of_many_children(start: Start) -> None:
    """The starter has reaped all pumps and has as many descriptors as before."""
    started = start(Limits(), "echo", "a word", count=10)
    assert started.starter.stdout is not None
    before, after = json.loads(started.starter.stdout.readline())
    assert before == after
    assert started.starter.wait() == 0
    assert not any(map(is_alive, started.pumps))
    assert started.text() == "a word\n" * 10


def test_a_pump_holds_nothing_but_its_pipe_and_its_log(start: Start) -> None:
    """No descriptor of the starter, in a session of its own."""
    started = start(Limits(), *python(TICKER))
    poll(started.text)
    held = {n: os.readlink(f"/proc/{started.pump}/fd/{n}") for n in os.listdir(f"/proc/{started.pump}/fd")}
    inherited = {n: held.pop(n) for n in ("0", "1", "2")}
    assert inherited["0"] == os.readlink(f"/proc/{started.children[0]}/fd/1")
    assert inherited["1"] == os.devnull
    assert list(held.values()) == [str(started.log)]
    assert os.getsid(started.pump) == started.pump


def test_a_log_that_may_not_grow_stops_no_child(start: Start) -> None:
    """Every write fails for a while: the child prints on, the loss is told afterwards, and later lines come."""
    started = start(Limits(), *python(TICKER))
    poll(lambda: len(ticks(started.text())) > 3)
    _soft, hard = resource.prlimit(started.pump, resource.RLIMIT_FSIZE)
    resource.prlimit(started.pump, resource.RLIMIT_FSIZE, (started.log.stat().st_size + 10, hard))
    full = time.monotonic()
    poll(lambda: time.monotonic() - full > 0.5)
    resource.prlimit(started.pump, resource.RLIMIT_FSIZE, (hard, hard))
    check_loss_is_told(started, "File too large")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_no_child(start: Start, small_disk: Path) -> None:
    """The child prints on, the loss is told when there is room again, and later lines come."""
    (small_disk / "ballast").write_bytes(bytes(200_000))
    program = "print(('-' * 99 + '\\n') * 1000, flush=True)\n" + TICKER
    started = start(Limits(), *python(program), log=small_disk / "child.log")
    poll(lambda: started.log.stat().st_size > 50_000)
    (small_disk / "ballast").unlink()
    check_loss_is_told(started, "No space left on device")


def check_loss_is_told(started: Started, reason: str) -> None:
    poll(lambda: (found := TOLD.search(started.text())) and found[3] == reason)
    told = started.text().index("were dropped")
    poll(lambda: started.text().count("\n", told) > 5)
    assert is_alive(started.children[0])
    started.close()
    text = started.text()
    lost = sum(int(count.replace(",", "")) for count, _size, _reason in TOLD.findall(text))
    numbers = [int(line.split()[0]) for line in text[told:].splitlines() if re.fullmatch(r"\d+ [\d.]+", line)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert lost > 0


def test_a_full_disk_is_no_reason_not_to_start(start: Start, small_disk: Path) -> None:
    """Though not even the log can be created, the child runs."""
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(300_000))
    for number in range(10_000):
        try:
            (small_disk / f"empty{number}").touch()
        except OSError:
            break
    started = start(Limits(), *python(TICKER), log=small_disk / "child.log")
    started_at = time.monotonic()
    poll(lambda: time.monotonic() - started_at > 0.2 and is_alive(started.children[0]))
    for path in small_disk.iterdir():
        path.unlink()
    poll(lambda: TOLD.search(started.text()))


def test_a_log_without_a_folder_is_refused(tmp_path: Path) -> None:
    """Before anything is forked, with nothing left open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Pumps(replace(Limits())).start(str(tmp_path / "nowhere" / "child.log"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_pumps_are_taken_for_pumps() -> None:
    """The exit of any other process is the caller's business."""
    assert Pumps(Limits()).ended(os.getpid(), 0) is False
