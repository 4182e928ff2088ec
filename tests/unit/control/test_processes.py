"""What ran, summed up by trading day and process."""

from datetime import UTC, datetime, timedelta

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.control.processes import summarise
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ProcessRun, RunOutcome
from sysproduction.stores.process_states import ProcessStates

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def test_a_summary_goes_back_to_its_horizon_and_no_further() -> None:
    """Runs that started before it are left out; without one everything is there, oldest first."""
    states = ProcessStates(MemoryDocuments())
    states.declare()
    for days in range(3):
        now = NOON + timedelta(days=days)
        run = states.begin("run", day=now.date(), identity=Identity("here", "boot", 1, days), now=now)
        assert isinstance(run, ProcessRun)
        states.finish(run, outcome=RunOutcome.SUCCEEDED, reason=None, now=now)
    assert [one.day.day for one in summarise(states)] == [15, 16, 17]
    assert [one.day.day for one in summarise(states, NOON + timedelta(days=1))] == [16, 17]
    assert [one.day.day for one in summarise(states, NOON + timedelta(days=1, seconds=1))] == [17]
