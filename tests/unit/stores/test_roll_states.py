"""Roll states are stored with compare and set, and every change is explained."""

from datetime import UTC, datetime, timedelta

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Conflict
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.rolls import Roll
from sysproduction.simulation.faults import AtWrite
from sysproduction.stores.roll_states import RollChange, RollIntent, RollStanding, RollStates, next_number
from tests.fakes import FaultyDocuments, ProgramDied

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
ROLL = Roll(AT + timedelta(microseconds=7), "20240600", "20240900", "20240900")


def changed(standing: RollStanding, to: RollState, minutes: int = 0, roll: Roll | None = None) -> RollChange:
    at = AT + timedelta(minutes=minutes)
    return RollChange(standing.instrument, next_number(standing), at, "me", standing.state, to, ("because",), roll=roll)


def three_changes(states: RollStates) -> None:
    for minutes, state in enumerate((RollState.PASSIVE, RollState.NO_OPEN, RollState.NO_ROLL)):
        standing = states.get("CORN")
        states.change(standing, changed(standing, state, minutes))


def died() -> None:
    raise ProgramDied


def test_an_instrument_begins_in_no_roll_and_remembers_each_change() -> None:
    """State, number and reasons survive; history is newest first, by instrument or of all, and bounded."""
    states = RollStates(MemoryDocuments())
    corn = states.get("CORN")
    assert (corn.state, corn.version, states.history()) == (RollState.NO_ROLL, 0, [])
    first = changed(corn, RollState.PASSIVE)
    corn = states.change(corn, first)
    second = changed(corn, RollState.NO_OPEN, 1)
    assert second.number == 2
    states.change(corn, second)
    gold = states.get("GOLD")
    third = changed(gold, RollState.PASSIVE, 2)
    states.change(gold, third)
    assert states.history("CORN") == [second, first]
    assert states.history() == [third, second, first]
    assert states.history(limit=2) == [third, second]
    assert {code: standing.state for code, standing in states.all().items()} == {
        "CORN": RollState.NO_OPEN,
        "GOLD": RollState.PASSIVE,
    }


def test_of_two_writers_the_second_is_told() -> None:
    """A change that starts from an old standing is a Conflict and leaves no entry, also for the very first one."""
    states = RollStates(MemoryDocuments())
    for old in (states.get("CORN"), states.change(states.get("CORN"), changed(states.get("CORN"), RollState.PASSIVE))):
        if old.version:
            states.change(old, changed(old, RollState.NO_ROLL, 1))
        with pytest.raises(Conflict):
            states.change(old, changed(old, RollState.NO_OPEN, 2))
    assert [entry.after for entry in states.history("CORN")] == [RollState.NO_ROLL, RollState.PASSIVE]


def test_an_intent_is_kept_whole_until_a_change_ends_it() -> None:
    """What a roll needs is read back exactly, microseconds and missing prices included."""
    states = RollStates(MemoryDocuments())
    prices = {"PRICE": 400.1, "CARRY": None, "FORWARD": 0.1 + 0.2}
    intent = RollIntent(ROLL, "20240300", prices, ("FORWARD",), AT, RollState.PASSIVE, "me", AT, ("so", "it goes"))
    standing = states.begin_roll(states.get("CORN"), intent)
    assert states.unfinished() == [standing]
    assert states.get("CORN").intent == intent
    assert states.get("CORN").state is RollState.ROLL_ADJUSTED
    states.change(standing, changed(standing, RollState.NO_ROLL, roll=ROLL))
    after = states.get("CORN")
    assert (after.intent, after.rolled_at, states.unfinished()) == (None, ROLL.stamp, [])


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(4))
def test_no_change_loses_its_explanation_in_a_crash(number: int, side: str) -> None:
    """Killed at any write of two changes, the history explains exactly the state that is stored."""
    documents = FaultyDocuments(MemoryDocuments())
    states = RollStates(documents)
    documents.fault = AtWrite(number, side, died)
    with pytest.raises(ProgramDied):
        three_changes(states)
    documents.fault = None
    standing, entries = states.get("CORN"), states.history("CORN")
    assert standing.last == (entries[0] if entries else None)
    assert [entry.number for entry in entries] == list(range(len(entries), 0, -1))
    states.change(standing, changed(standing, RollState.PASSIVE, 9))
    assert len(states.history("CORN")) == len(entries) + 1
    assert len(documents.find("roll_history")) == len(entries) + 1
