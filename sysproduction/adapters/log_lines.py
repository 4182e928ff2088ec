"""How a program logs: one line an event, in real UTC, with the name of the program."""

import logging
import time
from pathlib import Path
from typing import Final

from sysproduction.adapters.limited_log import Limits
from sysproduction.adapters.rotated_file import RotatedFile

_QUIET: Final = ("pymongo", "slack_sdk", "arcticdb", "schedule", "matplotlib")


class BoundedFile(logging.Handler):
    """Lines go to a file that is rotated like a child's log. What a full disk does not take is counted, and told
    with the next line that it takes; nobody ever waits or fails for it."""

    def __init__(self, path: Path, limits: Limits = Limits()) -> None:
        super().__init__()
        self._file = RotatedFile(str(path), bytes_max=limits.file_bytes_max, kept=limits.files_kept)
        self._file.end_line()
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        told = f"[{self._lost} lines lost: {self._file.error}]\n" if self._lost else ""
        line = f"{told}{self.format(record)}\n".encode(errors="replace")
        if self._file.write(line) == len(line):
            self._lost = 0
        else:
            self._file.end_line()
            self._lost += 1

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


def log_to_stderr(program: str, level: int = logging.INFO, also: logging.Handler | None = None) -> None:
    """Send this program's log to standard error (a child's goes to its file from there), and to `also`."""
    formatter = logging.Formatter(f"%(asctime)sZ %(levelname)s {program}: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    stream = logging.StreamHandler()
    stream.setLevel(level)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers[:] = [handler for handler in (stream, also) if handler is not None]
    for handler in root.handlers:
        handler.setFormatter(formatter)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
