"""Open incidents, shared by all processes, so that one of them speaks and the others count."""

from datetime import datetime
from typing import Final

from sysproduction.domain.alerts import Alert, Incident, Severity
from sysproduction.domain.errors import AlreadyExists, Conflict, Unavailable
from sysproduction.ports import Document, Documents

_COLLECTION: Final = "incidents"
_TRIES: Final = 20


class Incidents:
    """Repository of open incidents by alert key; a recovered incident leaves no document."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def open(self, alert: Alert, now: datetime) -> bool:
        """Whether this alert opens its incident; otherwise it is counted to the one that is open."""
        for _ in range(_TRIES):
            document = self._documents.get(_COLLECTION, alert.key)
            try:
                if document is None:
                    self._documents.insert(_COLLECTION, alert.key, _body(Incident(alert, now, now)))
                    return True
                repeated = _incident(document).repeated(alert, now)
                self._documents.replace(_COLLECTION, alert.key, _body(repeated), document.version)
            except (AlreadyExists, Conflict):
                continue
            return False
        return False  # so many others were counting that it is open for certain

    def close(self, key: str) -> Incident | None:
        """Take the incident away; None if none is open, or if another process took it first."""
        for _ in range(_TRIES):
            document = self._documents.get(_COLLECTION, key)
            if document is None:
                return None
            try:
                self._documents.delete(_COLLECTION, key, document.version)
            except Conflict:
                continue
            return _incident(document)
        raise Unavailable(f"incident {key} changed {_TRIES} times while it was being closed: try again")

    def all(self) -> list[Incident]:
        """Open incidents, oldest first."""
        return [_incident(document) for document in self._documents.find(_COLLECTION, order=["opened_at"])]


def _body(incident: Incident) -> dict[str, object]:
    return {
        "title": incident.alert.title,
        "text": incident.alert.text,
        "severity": incident.alert.severity.value,
        "opened_at": incident.opened_at,
        "last_at": incident.last_at,
        "count": incident.count,
    }


def _incident(document: Document) -> Incident:
    body = document.body
    alert = Alert(document.key, body["title"], body["text"], Severity(body["severity"]))
    return Incident(alert, body["opened_at"], body["last_at"], body["count"])
