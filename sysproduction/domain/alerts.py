"""What a human is told: alerts, keyed so that one incident speaks once, and recoveries that end them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How loudly an alert speaks; declared from quiet to loud."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def loudness(self) -> int:
        """0 for the quietest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident. Alerts with an equal `key` are one incident until it recovers."""

    key: str
    title: str
    text: str = ""
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts of one key since the last recovery: how many, the latest of them, and when they came."""

    alert: Alert
    opened_at: datetime
    last_at: datetime
    count: int = 1

    def repeated(self, alert: Alert, now: datetime) -> "Incident":
        """The incident after one more alert."""
        return replace(self, alert=alert, last_at=max(self.last_at, now), count=self.count + 1)


def recovery_text(text: str, incident: Incident, now: datetime) -> str:
    """`text` with what it ends: the incident's title, its length to the minute, and its number of alerts."""
    length = max(now - incident.opened_at, timedelta(0))
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    spell = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    alerts = "1 alert" if incident.count == 1 else f"{incident.count} alerts"
    return f"{text}\nEnds: {incident.alert.title} ({alerts} in {spell})"


@dataclass(frozen=True, slots=True)
class Message:
    """Something about the incident `key` that waits to be delivered."""

    severity: Severity
    key: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outbox:
    """At most `limit` messages that wait, oldest first; `dropped` were given up and nobody was told of it yet."""

    limit: int
    waiting: tuple[Message, ...] = ()
    dropped: int = 0

    def put(self, message: Message) -> "Outbox":
        """Append; when that is one too many, the oldest of the quietest gives way."""
        waiting = (*self.waiting, message)
        if len(waiting) <= self.limit:
            return replace(self, waiting=waiting)
        return replace(self, waiting=waiting).give_up(min(waiting, key=lambda m: m.severity.loudness))

    def give_up(self, message: Message) -> "Outbox":
        """Without `message`, counted as dropped; unchanged if it does not wait here."""
        rest = self._without(message)
        return self if rest is self else replace(rest, dropped=self.dropped + 1)

    def delivered(self, message: Message, told: int) -> "Outbox":
        """Without `message`, which told of `told` dropped ones."""
        return replace(self._without(message), dropped=self.dropped - told)

    def _without(self, message: Message) -> "Outbox":
        if message not in self.waiting:
            return self
        index = self.waiting.index(message)
        return replace(self, waiting=self.waiting[:index] + self.waiting[index + 1 :])
