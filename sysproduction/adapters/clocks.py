"""Clocks: the system's, one shifted for a replay, one that runs fast while nothing works, and a simulated one."""

import fcntl
import math
import os
import struct
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sysproduction.domain.errors import ConfigError


class SystemClock:
    """The machine's clock, its market time moved by `shift` (a replay of recorded days shifts into the past)."""

    def __init__(self, shift: timedelta = timedelta(0)) -> None:
        self._shift = shift

    def now(self) -> datetime:
        """Real UTC plus the shift."""
        return datetime.now(UTC) + self._shift

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        time.sleep(seconds)

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds."""
        return max(0.0, (moment - self.now()).total_seconds())


_RECORD: Final = struct.Struct("<qddddq")
"""Sequence number, market seconds, machine seconds at which they held, rate, ceiling in market seconds, sequence."""


class ScaledClock:
    """A market clock shared by all processes of a home through one small file.

    Market time runs at `rate` market seconds a machine second, and never beyond `ceiling`: the supervisor raises
    the ceiling deadline by deadline, so no start is overrun, and time stands still when there is no supervisor.
    For one process it never steps back; two may differ by the few microseconds that a change of rate takes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._latest = -math.inf

    @staticmethod
    def create(path: Path, start: datetime) -> "ScaledClock":
        """Set the clock to `start`, standing still, unless it exists: then it goes on from where it stood."""
        clock = ScaledClock(path)
        with suppress(ConfigError):
            start = max(start, clock.now())
        clock._write(start.timestamp(), at=time.monotonic(), rate=0.0, ceiling=start.timestamp())
        return clock

    def now(self) -> datetime:
        """Market time."""
        record = self._read()
        return datetime.fromtimestamp(self._market_at(time.monotonic(), *record), UTC)

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        time.sleep(seconds)

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds at the present rate."""
        _market, _at, rate, _ceiling = self._read()
        left = (moment - self.now()).total_seconds()
        return max(0.0, left / rate) if rate > 0 else (0.0 if left <= 0 else float("inf"))

    def run_at(self, rate: float, ceiling: datetime) -> None:
        """From now on run at `rate` up to `ceiling` (only the supervisor calls this)."""
        record, at = self._read(), time.monotonic()
        market = self._market_at(at, *record)
        self._write(market, at=at, rate=rate, ceiling=max(ceiling.timestamp(), market))

    def _market_at(self, moment: float, market: float, at: float, rate: float, ceiling: float) -> float:
        """Whoever read just before a change of rate may be ahead of it: then time stands still until it is passed."""
        self._latest = max(self._latest, min(market + max(0.0, moment - at) * rate, ceiling))
        return self._latest

    def _read(self) -> tuple[float, float, float, float]:
        if self._file is None:
            self._file = self._open(os.O_RDWR)
        while True:
            record = os.pread(self._file, _RECORD.size, 0)
            if len(record) < _RECORD.size:
                raise ConfigError(f"{self._path}: the scaled clock was never set; `sysproduction up` sets it")
            first, market, at, rate, ceiling, last = _RECORD.unpack(record)
            if first == last:
                return market, at, rate, ceiling

    def _write(self, market: float, *, at: float, rate: float, ceiling: float) -> None:
        if self._file is None:
            self._file = self._open(os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            old = os.pread(self._file, 8, 0)
            number = int.from_bytes(old, "little", signed=True) + 1 if len(old) == 8 else 1
            record = _RECORD.pack(number, market, at, rate, ceiling, number)
            os.pwrite(self._file, record, 0)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _open(self, flags: int) -> int:
        try:
            return os.open(self._path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self._path}: the scaled clock cannot be read ({error.strerror}); only `sysproduction up` starts it"
            ) from error


class SimulatedClock:
    """A clock that stands still until somebody sleeps; market and machine time advance together."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """The simulated moment."""
        return self._now

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds

    def shift(self, seconds: float) -> None:
        """Set market time forward, or back; machine time does not notice."""
        self._now += timedelta(seconds=seconds)

    def seconds_until(self, moment: datetime) -> float:
        """Simulated seconds."""
        return max(0.0, (moment - self._now).total_seconds())
