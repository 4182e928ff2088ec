"""What we tell systemd: that we are ready, alive, reloading or stopping, as datagrams to its NOTIFY_SOCKET."""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)


def send_datagram(address: str, message: bytes) -> None:
    """Send without waiting, to a path or, behind "@", an abstract name; raises OSError."""
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
        notice.setblocking(False)
        notice.sendto(message, target)


class Systemd:
    """The service manager that started this process, if one did.

    Without NOTIFY_SOCKET every call does nothing. No call blocks or raises; each returns whether the message was
    handed over. A message that could not be is logged, once until the next success. `send` takes the address as
    NOTIFY_SOCKET names it, and the message.
    """

    def __init__(self, environ: Mapping[str, str], send: Callable[[str, bytes], None] = send_datagram) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._send = send
        self._seconds = _watchdog_seconds(environ) / 2 if self._address else 0.0
        self._told: float | None = None
        self._failing = False

    @property
    def alive_seconds(self) -> float | None:
        """How often `alive` has something to say; None if no watchdog waits for it."""
        return self._seconds or None

    def ready(self) -> bool:
        """Start-up, or a reload, is complete."""
        return self._tell("READY=1")

    def stopping(self) -> bool:
        """The end has begun."""
        return self._tell("STOPPING=1")

    def reloading(self) -> bool:
        """A reload has begun; `ready` ends it."""
        return self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`; line breaks become blanks."""
        return self._tell("STATUS=" + " ".join(text.split()))

    def alive(self, now_monotonic: float) -> bool:
        """Feed the watchdog, unless it was fed less than half its time ago; call it from the main loop only."""
        if not self._seconds or (self._told is not None and now_monotonic - self._told < self._seconds):
            return False
        fed = self._tell("WATCHDOG=1")
        if fed:
            self._told = now_monotonic
        return fed

    def _tell(self, message: str) -> bool:
        if not self._address:
            return False
        try:
            self._send(self._address, message.encode("utf-8", "replace"))
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            if not self._failing:
                _log.warning("systemd cannot be told %s: %s", message.split("=")[0], error)
            self._failing = True
            return False
        self._failing = False
        return True


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """0 if no watchdog waits for this very process."""
    asked, addressee = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not asked or addressee not in {"", str(os.getpid())}:
        return 0.0
    if not (asked.isascii() and asked.isdigit()):
        _log.warning("WATCHDOG_USEC is %r and not a number of microseconds: the watchdog is not fed", asked)
        return 0.0
    return int(asked) / 1e6
