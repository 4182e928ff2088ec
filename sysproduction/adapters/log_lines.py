"""How a program logs: one line an event, in real UTC, with the name of the program."""

import logging
import time
from typing import Final

_QUIET: Final = ("pymongo", "slack_sdk", "arcticdb", "schedule", "matplotlib")


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
