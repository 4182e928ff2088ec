"""A command in a pseudo-terminal: keys go in, and what a human would see comes out."""

import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from select import select

import pyte

from tests.commands import COMMAND, environment

COLUMNS, LINES = 140, 50
PATIENCE = 25.0
_WHERE = b"\x1b[6n"
"""The question where the cursor is, which a terminal answers."""


@dataclass
class Terminal:
    """The screen of one running command."""

    process: "subprocess.Popen[bytes]"
    descriptor: int
    screen: pyte.Screen = field(default_factory=lambda: pyte.Screen(COLUMNS, LINES))

    def __post_init__(self) -> None:
        self._stream = pyte.ByteStream(self.screen)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def type(self, keys: str) -> None:
        """Press keys; Enter is a carriage return."""
        os.write(self.descriptor, keys.encode())

    @property
    def last_line(self) -> str:
        """Above a line at the bottom that is always there."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-2] if len(lines) > 1 else ""

    def until(self, *wanted: str, last_line: str | None = None) -> float:
        """Seconds until all of this is on the screen, and this its last line."""
        begun = time.monotonic()
        while not all(text in self.text for text in wanted) or last_line not in (None, self.last_line):
            assert time.monotonic() - begun < PATIENCE, f"{wanted} never appeared on\n{self.text}"
            self.listen(0.02)
        return time.monotonic() - begun

    def listen(self, seconds: float) -> None:
        """Take in what the command writes."""
        if select([self.descriptor], [], [], seconds)[0]:
            with suppress(OSError):  # the other side is gone
                written = os.read(self.descriptor, 65536)
                self._stream.feed(written)
                if _WHERE in written:
                    self.type(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    def ended(self) -> int:
        """The exit code, once it has ended."""
        begun = time.monotonic()
        while self.process.poll() is None:
            assert time.monotonic() - begun < PATIENCE, f"it does not end:\n{self.text}"
            self.listen(0.05)
        return self.process.returncode

    def keep(self, artefact: Path) -> None:
        """Save the screen as text."""
        artefact.write_text(self.text + "\n", encoding="utf-8")


def _obey_control_c() -> None:
    """In the child: its terminal sends it signals, also where the tests run behind a shell that ignores them."""
    ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def terminal(home: Path, words: Sequence[str]) -> Iterator[Terminal]:
    """`sysproduction WORDS` in a terminal of its own; killed at the end if it lives."""
    mine, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    variables = environment(home, {"TERM": "xterm-256color"})
    process = subprocess.Popen(
        [COMMAND, *words],
        stdin=its,
        stdout=its,
        stderr=its,
        env=variables,
        start_new_session=True,
        preexec_fn=_obey_control_c,
    )
    os.close(its)
    try:
        yield Terminal(process, mine)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(mine)
