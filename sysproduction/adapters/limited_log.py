"""Lines into a log within limits: long lines are cut, too many are dropped, and the log says how many."""

from dataclasses import dataclass, fields
from typing import Final

from sysproduction.adapters.rotated_file import RotatedFile
from sysproduction.domain.errors import ConfigError

_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one log: at most `(files_kept + 1) * file_bytes_max` on the disk; raises ConfigError below 1."""

    bytes_per_second: int = 1_000_000
    burst_bytes: int = 8_000_000
    line_bytes_max: int = 16_384
    file_bytes_max: int = 10_000_000
    files_kept: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ConfigError(f"limits of a log: {field.name} is {value}; it must be at least 1")


class LimitedLog:
    """Takes output in pieces of any size, holds none of it back, and accounts for every line: it is in the log,
    perhaps cut, or counted in a line that begins with "---".

    More than `bytes_per_second`, once `burst_bytes` are used up, closes the log for a second, so that a flood leaves
    a second's worth of whole lines and one count by turns; a failed write closes it for a second too. `now` is
    monotonic seconds. Nothing here raises OSError.
    """

    def __init__(self, file: RotatedFile, limits: Limits, now: float) -> None:
        self._file = file
        self._limits = limits
        self._allowance = _Allowance(limits, now)
        self._reason = self._too_much = f"more than {_size(limits.bytes_per_second)} a second"
        self._mark = f"… (cut: longer than {_size(limits.line_bytes_max)})\n".encode()
        self._dropped: dict[str, tuple[int, int]] = {}
        self._column = 0  # bytes of the last, unfinished line that are in the file
        self._is_skipping = False  # the rest of the last, unfinished line is not wanted

    @property
    def owes_count(self) -> bool:
        """Whether something was dropped that the log does not tell yet."""
        return bool(self._dropped)

    def take(self, data: bytes, now: float) -> bool:
        """Write what the limits allow and count the rest; False while the log is closed."""
        is_open = self.tell(now)
        kept = len(data) if is_open else self._rest_of_line(data)
        self._allowance.spend(kept)
        self._write(self._cut(data[:kept]))
        self._drop(data[kept:])
        return is_open

    def tell(self, now: float) -> bool:
        """Whether the log is open; if so, what was dropped stands in it now."""
        if not self._allowance.is_open(now):
            return False
        self._reason = self._too_much
        return self._tell()

    def finish(self) -> None:
        """The output has ended: tell the rest, and leave the next writer a line of its own."""
        self._tell()
        self._file.end_line()
        self._file.close()

    def say(self, sentence: str) -> None:
        """A line of the log's own, at the beginning."""
        self._file.write(f"--- {sentence}\n".encode())

    def _tell(self) -> bool:
        for reason, (lines, size) in list(self._dropped.items()):
            note = b"\n" * self._file.ends_mid_line
            note += f"--- {lines:,} lines ({_size(size)}) were dropped: {reason}\n".encode()
            if self._file.write(note) < len(note):
                self._close_after_failure()
                return False
            del self._dropped[reason]
        return True

    def _rest_of_line(self, data: bytes) -> int:
        return (data.find(b"\n") + 1 or len(data)) if self._column else 0

    def _cut(self, data: bytes) -> bytes:
        """As it goes into the file. Looks for newlines once per line_bytes_max, not line by line."""
        parts: list[bytes] = []
        start = 0
        while start < len(data):
            if self._is_skipping:
                start = data.find(b"\n", start) + 1 or len(data)
                self._is_skipping = data[start - 1 : start] != b"\n"
                continue
            stop = start + self._limits.line_bytes_max - self._column
            end = data.rfind(b"\n", start, stop + 1) + 1 or min(stop, len(data))
            parts.append(data[start:end])
            if data[end - 1 : end] == b"\n" and end > start:
                self._column = 0
            elif len(data) <= stop:
                self._column += end - start
            else:
                parts.append(self._mark)
                self._column, self._is_skipping = 0, True
            start = end
        return b"".join(parts)

    def _write(self, data: bytes) -> None:
        lost = data[self._file.write(data) :]
        if lost:
            self._close_after_failure()
            self._count(lost.count(b"\n") + (self._column > 0), len(lost))
            self._is_skipping |= self._column > 0
            self._column = 0

    def _drop(self, data: bytes) -> None:
        if data:
            is_unfinished = not data.endswith(b"\n")
            self._count(data.count(b"\n") + is_unfinished - self._is_skipping, len(data))
            self._is_skipping = is_unfinished

    def _count(self, lines: int, size: int) -> None:
        lines_before, size_before = self._dropped.get(self._reason, (0, 0))
        self._dropped[self._reason] = lines_before + lines, size_before + size

    def _close_after_failure(self) -> None:
        self._reason = self._file.error
        self._allowance.close()


class _Allowance:
    """A token bucket which, once empty, stays closed until a second's worth has come in."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._rate = limits.bytes_per_second
        self._burst = max(limits.burst_bytes, limits.bytes_per_second)
        self._left = float(self._burst)
        self._filled_at = now
        self._is_open = True

    def is_open(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._is_open = self._left > 0 if self._is_open else self._left >= self._rate * _PAUSE_SECONDS
        return self._is_open

    def spend(self, size: int) -> None:
        self._left -= size

    def close(self) -> None:
        self._left = min(self._left, 0.0)
        self._is_open = False


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,} bytes"
