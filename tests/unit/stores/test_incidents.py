"""Open incidents in the store, met by several processes at once."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.alerts import Alert, Severity
from sysproduction.ports import Document
from sysproduction.stores.incidents import Incidents

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CRASH = Alert("process/x", "x crashed", "code 3", Severity.CRITICAL)


class Racing(MemoryDocuments):
    """A store in which another process recovers the incident just before a count is written."""

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        Incidents(self).close(key)
        return super().replace(collection, key, body, version)


def test_one_of_many_speaks() -> None:
    """Of many alerts at once exactly one opens the incident and every other is counted or knows that it is open."""
    incidents = Incidents(MemoryDocuments())
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: incidents.open(CRASH, NOON), range(64)))
    assert opened.count(True) == 1
    with ThreadPoolExecutor(8) as pool:
        closed = list(pool.map(lambda _: incidents.close(CRASH.key), range(16)))
    assert sum(incident is not None for incident in closed) == 1


def test_what_is_stored_comes_back() -> None:
    """Open incidents are listed oldest first with count, times and the latest alert."""
    incidents = Incidents(MemoryDocuments())
    incidents.open(CRASH, NOON)
    incidents.open(Alert("fx", "no FX"), NOON - timedelta(hours=1))
    incidents.open(Alert(CRASH.key, "x crashed again"), NOON + timedelta(minutes=1))
    fx, crash = incidents.all()
    assert fx.alert == Alert("fx", "no FX")
    assert crash.alert == Alert(CRASH.key, "x crashed again")
    assert (crash.opened_at, crash.last_at, crash.count) == (NOON, NOON + timedelta(minutes=1), 2)


def test_an_alert_that_meets_a_recovery_opens_anew() -> None:
    """An alert whose incident is recovered while it is being counted is not lost: it opens the next one."""
    documents = Racing()
    assert Incidents(documents).open(CRASH, NOON)
    assert Incidents(documents).open(CRASH, NOON)
    assert [incident.count for incident in Incidents(documents).all()] == [1]
