"""Who a running program is: precise enough that a recycled process id is never mistaken for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """One OS process for all time: `host` and `boot` name the machine's current life, `start_ticks` the
    kernel's start stamp of `pid` within it (field 22 of /proc/PID/stat)."""

    host: str
    boot: str
    pid: int
    start_ticks: int
