"""What one execution of a process method did: counts, and the items it had to skip with their reasons."""

from dataclasses import dataclass
from enum import StrEnum


class ProblemKind(StrEnum):
    """Why an item was skipped or is suspicious."""

    SPIKE = "spike"
    STALE = "stale"
    MISSING = "missing"
    CORRUPT = "corrupt"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One item that needs a human eye: `item` names it (CORN, CORN/20241200, EURUSD), `reason` is a sentence."""

    item: str
    kind: ProblemKind
    reason: str


@dataclass(frozen=True, slots=True)
class MethodResult:
    """`rows_written` counts rows that are new in the store; `problems` lists what was skipped, item by item."""

    rows_written: int = 0
    items: int = 0
    problems: tuple[Problem, ...] = ()
