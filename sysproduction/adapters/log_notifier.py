"""Alerts as lines of a log: one line each, its fields quoted as JSON strings."""

import json
import logging
from typing import Final

from sysproduction.domain.alerts import Alert, Severity

_LEVELS: Final = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.CRITICAL: logging.CRITICAL,
}


class LogNotifier:
    """Writes whatever it is told, at once; Notifiers in front of it keeps an incident from speaking twice."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def alert(self, alert: Alert) -> None:
        """Log at the level of the alert's severity."""
        self._line(_LEVELS[alert.severity], "alert", key=alert.key, title=alert.title, text=alert.text)

    def recover(self, key: str, text: str) -> None:
        """Log at level info."""
        self._line(logging.INFO, "recovery", key=key, text=text)

    def flush(self, seconds: float) -> None:
        """Nothing ever waits."""

    def _line(self, level: int, event: str, **fields: str) -> None:
        quoted = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
        self._log.log(level, "%s %s", event, quoted, extra={"event": event, "fields": fields})
