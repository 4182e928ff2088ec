"""What a process says of itself while it works: that it lives, and which method it is in since when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of the process that has `pid` and the kernel's `start_ticks`. `at` and `since` (when
    `method` began; equal to `at` between methods, where `method` is "") are seconds of the machine's monotonic
    clock; `timeout` is in seconds, 0 for none; `number` counts the beats."""

    number: int
    at: float
    method: str
    since: float
    timeout: float
    pid: int
    start_ticks: int
