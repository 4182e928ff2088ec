"""Reports on their way to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Parcel:
    """A finished report: what stands out as lines of text, and its files by name."""

    title: str
    lines: tuple[str, ...]
    files: Mapping[str, bytes]


class Courier(Protocol):
    """One way on which reports reach people."""

    def deliver(self, parcel: Parcel) -> None:
        """Deliver it, waiting as long as the other side asks within bounds. Raises Unavailable if it could not be
        delivered, with what a human may do; ConfigError if no repetition mends that. It may have been delivered all
        the same."""
        ...
