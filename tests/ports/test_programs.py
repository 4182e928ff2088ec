"""The Programs port on this host: a real template, real children, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction.adapters import host
from sysproduction.adapters.programs import LocalPrograms
from sysproduction.adapters.signals import SignalQueue
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.ports import Program

ENTRY = "tests.ports.program_under_test:main"
ROOT = Path(__file__).resolve().parent.parent.parent


class Children:
    """Starts children whose logs lie in one folder, and leaves none behind."""

    def __init__(self, folder: Path, entry: str = ENTRY, preload: tuple[str, ...] = ("decimal",)) -> None:
        self.folder = folder
        self.signals = SignalQueue()
        self.template_log = folder / "template.log"
        self.programs = LocalPrograms(entry=entry, preload=preload, log_path=self.template_log, signals=self.signals)
        self.known: list[Identity] = []

    def start(self, *arguments: str, fresh: bool = False) -> Identity:
        self.known.append(self.programs.start(Program("child", arguments, str(self.log), fresh)))
        return self.known[-1]

    @property
    def log(self) -> Path:
        return self.folder / "child.log"

    @property
    def template(self) -> int:
        assert self.programs._template is not None
        return self.programs._template.pid

    def ended(self, child: Identity) -> int | None:
        poll(lambda: not self.programs.alive(child))
        return self.programs.exit_code(child)

    def close(self) -> None:
        for child in self.known:
            self.programs.signal(child, signal.SIGKILL)
        poll(lambda: not any(host.runs_here(child) for child in self.known))
        self.programs.close()
        self.signals.close()


def poll(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """A template that can import the tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    children = Children(tmp_path)
    yield children
    children.close()


@pytest.mark.parametrize(
    ("arguments", "code"), [(("exit", "0"), 0), (("exit", "3"), 3), (("leave",), 1), (("raise",), 1)]
)
def test_exit_codes_come_back(children: Children, arguments: tuple[str, ...], code: int) -> None:
    """Returned, left by SystemExit, or by a bug; asked a second time nothing is known."""
    child = children.start(*arguments)
    assert children.ended(child) == code
    assert children.programs.exit_code(child) is None


def test_the_exit_code_of_a_child_that_dies_at_once_is_not_lost(children: Children) -> None:
    """Even if its end is reported together with its start."""
    for code in range(2, 22):
        assert children.ended(children.start("exit", str(code))) == code


def test_output_goes_to_the_log(children: Children) -> None:
    """Appended: prints, the message of SystemExit, and the traceback of a bug."""
    children.log.write_text("before\n", encoding="utf-8")
    for arguments in (("leave",), ("raise",)):
        children.ended(children.start(*arguments))
    poll(lambda: "what and why" in text(children.log))
    poll(lambda: "KeyError: 'the bug'" in text(children.log))
    assert text(children.log).startswith("before\n")


def test_a_child_is_clean_inside(children: Children) -> None:
    """Its own session, the preloaded modules, no descriptor of the template, default signals, its own argv, and
    lines that are in the log as soon as they are printed."""
    path = children.folder / "facts"
    children.ended(children.start("report", str(path)))
    facts = json.loads(text(path))
    assert sorted(facts["descriptors"]) == ["0", "1", "2"]
    assert facts["descriptors"]["0"] == os.devnull
    assert facts["descriptors"]["1"] == facts["descriptors"]["2"]
    assert facts["descriptors"]["1"].startswith("pipe:")
    assert facts["preloaded"]
    assert facts["session"]
    assert facts["wakeup"] == -1
    assert facts["sigchld"]
    assert facts["argv"] == ["sysproduction", "report", str(path)]


def test_a_fresh_child_is_an_interpreter_of_its_own(children: Children) -> None:
    """Nothing is preloaded in it; its exit code and its output come as those of any other."""
    path = children.folder / "facts"
    assert children.ended(children.start("report", str(path), fresh=True)) == 0
    facts = json.loads(text(path))
    assert not facts["preloaded"]
    assert facts["session"]
    assert sorted(facts["descriptors"]) == ["0", "1", "2"]
    poll(lambda: "a line without a flush" in text(children.log))


def test_a_signal_reaches_the_whole_group(children: Children) -> None:
    """The child and what it started, with the signal as its exit code."""
    child = children.start("family")
    poll(lambda: "sleeps" in text(children.log))
    members = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _group(int(pid)) == child.pid]
    assert len(members) == 2
    used = children.programs.usage(child)
    assert used is not None
    assert used.memory_mb > 1
    assert children.programs.signal(child, signal.SIGTERM) is True
    assert children.ended(child) == -signal.SIGTERM
    poll(lambda: not any(_group(pid) == child.pid for pid in members))


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid) if host.alive(host.identify(pid)) else None
    except (ProcessLookupError, PermissionError):
        return None


def test_a_deaf_child_is_ended_by_kill(children: Children) -> None:
    """TERM leaves it alive; KILL does not."""
    child = children.start("deaf")
    poll(lambda: "sleeps" in text(children.log))
    children.programs.signal(child, signal.SIGTERM)
    children.programs.wait(0.05)
    assert children.programs.alive(child)
    children.programs.signal(child, signal.SIGKILL)
    assert children.ended(child) == -signal.SIGKILL
    assert children.programs.signal(child, signal.SIGKILL) is False
    assert children.programs.usage(child) is None


@pytest.mark.parametrize("forged", [{"start_ticks": 1}, {"boot": "another"}, {"host": "elsewhere"}])
def test_a_pid_that_now_is_somebody_else_is_left_alone(children: Children, forged: dict[str, object]) -> None:
    """Another start stamp, boot or host: never signalled, never measured; only another host may still be alive."""
    child = children.start("sleep")
    stranger = replace(child, **forged)  # type: ignore[arg-type]
    assert children.programs.signal(stranger, signal.SIGKILL) is False
    assert children.programs.usage(stranger) is None
    assert children.programs.exit_code(stranger) is None
    assert children.programs.alive(stranger) is ("host" in forged)
    assert children.programs.alive(child)


def test_a_wait_ends_when_a_child_does(children: Children) -> None:
    """Long before its time; and without an event it lasts its time."""
    child = children.start("sleep")
    before = time.monotonic()
    children.programs.signal(child, signal.SIGKILL)
    while children.programs.alive(child) or not children.programs._exit_codes:
        children.programs.wait(10)
    assert time.monotonic() - before < 5
    before = time.monotonic()
    children.programs.wait(0.05)
    assert time.monotonic() - before >= 0.05


def test_no_zombies_and_no_descriptors_are_left(children: Children) -> None:
    """Thirty children later the template has no child and neither has more descriptors than it had."""
    children.ended(children.start("exit", "0"))
    before = [len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), children.template)]
    for child in [children.start("exit", "0") for _ in range(30)]:
        children.ended(child)
    known_to_it = Path(f"/proc/{children.template}/task/{children.template}/children")
    poll(lambda: known_to_it.read_text(encoding="utf-8") == "")  # it tells of an end, and then lets the child go
    after = [len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), children.template)]
    assert all(count <= known for count, known in zip(after, before, strict=True)), (before, after)


def test_the_template_may_be_killed(children: Children) -> None:
    """Running children go on and can be signalled, the next start works, and no descriptor is left of the old one."""
    first = children.start("sleep")
    descriptors = len(os.listdir("/proc/self/fd"))
    old = children.template
    os.kill(old, signal.SIGKILL)
    second = children.start("sleep")
    assert children.template != old
    assert children.programs.alive(first)
    assert children.programs.alive(second)
    assert len(os.listdir("/proc/self/fd")) == descriptors + 1  # a handle on the first, whose end no template tells
    children.programs.signal(first, signal.SIGTERM)
    before = time.monotonic()
    assert children.ended(first) is None
    assert time.monotonic() - before < 1
    children.programs.signal(second, signal.SIGTERM)
    assert children.ended(second) == -signal.SIGTERM


def test_a_template_that_hangs_can_be_closed(children: Children) -> None:
    """A stopped template is killed after a moment; its children go on."""
    child = children.start("sleep")
    os.kill(children.template, signal.SIGSTOP)
    children.programs.close()
    assert children.programs.alive(child)


def test_children_outlive_their_supervisor(children: Children) -> None:
    """kill -9 of the program that started them: template gone, child alive, and it can be signalled by identity."""
    program = (
        "import json, os, signal, sys\n"
        "from dataclasses import asdict\n"
        "from pathlib import Path\n"
        "from tests.ports.test_programs import Children\n"
        "children = Children(Path(sys.argv[1]))\n"
        "child = children.start('sleep')\n"
        "print(json.dumps([asdict(child), children.template]), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(children.folder)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    fields, template = json.loads(ended.stdout)
    child = Identity(**fields)
    children.known.append(child)
    poll(lambda: _group(template) is None)
    assert children.programs.alive(child)
    assert children.programs.exit_code(child) is None
    assert children.programs.signal(child, signal.SIGTERM) is True
    poll(lambda: not children.programs.alive(child))
    assert children.programs.exit_code(child) is None


def test_a_log_that_cannot_be_opened_is_said(children: Children) -> None:
    """The start fails with its path; the next one works."""
    with pytest.raises(Unavailable, match="nowhere"):
        children.programs.start(Program("child", ("exit", "0"), str(children.folder / "nowhere" / "log")))
    assert children.ended(children.start("exit", "0")) == 0


@pytest.mark.parametrize(("entry", "preload"), [("tests.ports.no_such_module:main", ()), (ENTRY, ("no_such_preload",))])
def test_a_template_that_cannot_import_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, preload: tuple[str, ...]
) -> None:
    """A missing entry or preload is an error of the start, with the reason in the template's log."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    children = Children(tmp_path, entry, preload)
    with pytest.raises(Unavailable, match=r"template\.log"):
        children.start("exit", "0")
    assert "ModuleNotFoundError" in text(children.template_log)
    children.close()


def test_signals_are_queued_and_end_a_wait(children: Children) -> None:
    """A signal of this process wakes its wait and is drained once."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        children.signals.listen()
        before = time.monotonic()
        os.kill(os.getpid(), signal.SIGHUP)
        children.programs.wait(10)
        assert time.monotonic() - before < 5
        assert children.signals.drain() == [signal.SIGHUP]
        assert children.signals.drain() == []
    finally:
        for number, action in kept.items():
            signal.signal(number, action)
