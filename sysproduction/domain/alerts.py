"""What a human is told: alerts, keyed so that one incident speaks once, and recoveries that end them."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How loudly an alert speaks."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident. Alerts with an equal `key` are one incident until it recovers."""

    key: str
    title: str
    text: str = ""
    severity: Severity = Severity.WARNING
