"""The ledger records each fill once, without gaps, and its snapshot adds up to what a full fold does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import DataError
from sysproduction.domain.fills import Fill, positions
from sysproduction.stores.fills import COLLECTION, SNAPSHOTS, FillLedger
from tests.fill_tapes import AT, fill, tapes


def test_a_fill_comes_back_as_it_went_in_with_its_number() -> None:
    """Every field survives; numbers count from 1."""
    ledger = FillLedger(MemoryDocuments())
    told = fill(commission=1.5, client_order_id="SPX", contract_order="a/1", instrument_order="a", recorded_at=AT)
    assert ledger.record(told)
    assert ledger.get(told.key) == replace(told, sequence=1)
    assert ledger.record(fill("e2"))
    assert [one.sequence for one in ledger.since(0)] == [1, 2]
    assert [one.execution_id for one in ledger.since(1)] == ["e2"]


def test_a_fill_is_recorded_once() -> None:
    """Told again it is known, also to another writer and with another arrival time; positions count it once."""
    documents = MemoryDocuments()
    assert FillLedger(documents).record(fill(quantity=3))
    assert not FillLedger(documents).record(fill(quantity=3, recorded_at=AT))
    assert FillLedger(documents).positions().strategies == {("trend", "CORN"): 3}


@pytest.mark.parametrize("other", [{"quantity": 4}, {"price": 450.5}, {"contract": "20250300"}, {"instrument": "GOLD"}])
def test_another_story_of_the_same_revision_is_an_error(other: dict) -> None:
    """What is on record stays; the error says what differs."""
    ledger = FillLedger(MemoryDocuments())
    ledger.record(fill(quantity=3))
    with pytest.raises(DataError, match=next(iter(other))):
        ledger.record(fill(**{"quantity": 3, **other}))
    assert ledger.since(0) == [replace(fill(quantity=3), sequence=1)]


def test_writers_share_one_count_without_gaps() -> None:
    """Three ledgers in turn, each with an old idea of the last number, leave 1 to 9."""
    documents = MemoryDocuments()
    ledgers = [FillLedger(documents) for _ in range(3)]
    for number in range(9):
        assert ledgers[number % 3].record(fill(f"e{number}"))
    assert [one.sequence for one in ledgers[0].since(0)] == list(range(1, 10))


def test_fills_are_found_by_order_execution_and_time() -> None:
    """All revisions, in the ledger's order; a span excludes its end."""
    ledger = FillLedger(MemoryDocuments())
    links = {"client_order_id": "SPX", "contract_order": "a/1", "instrument_order": "a"}
    mine, corrected, other = (
        fill(**links),
        fill(revision=1, quantity=0, **links),
        fill("e2", at=AT + timedelta(hours=1)),
    )
    for one in (corrected, mine, other):
        ledger.record(one)
    for found in (
        ledger.of_client_order("SPX"),
        ledger.of_contract_order("a/1"),
        ledger.of_instrument_order("a"),
        ledger.of_execution("DU1", "e1"),
        ledger.executed_between(AT, AT + timedelta(hours=1)),
    ):
        assert [one.revision for one in found] == [1, 0]
    assert [one.execution_id for one in ledger.executed_between(AT + timedelta(minutes=1), None)] == ["e2"]


@given(tapes(), st.integers(1, 5), st.integers(0, 20))
@settings(deadline=None)
def test_snapshot_and_tail_are_the_full_fold(told: tuple[list[Fill], list[Fill]], every: int, cut: int) -> None:
    """However often snapshots are stored, by two writers, and whenever they are read: for a ledger that has run all the
    time and for one that starts from the store."""
    facts, tape = told
    documents = MemoryDocuments()
    running, other = FillLedger(documents, every), FillLedger(documents, every)
    for number, one in enumerate(tape):
        (running if number % 2 else other).record(one)
        if number == cut:
            assert running.positions() == positions(tape[: number + 1])
    assert running.positions() == other.positions() == FillLedger(documents, every).positions() == positions(facts)


def test_a_snapshot_is_stored_every_so_many_fills() -> None:
    """It counts as far as it says, and what follows is the tail."""
    documents = MemoryDocuments()
    ledger = FillLedger(documents, snapshot_every=4)
    for number in range(10):
        ledger.record(fill(f"e{number}"))
    snapshot = documents.get(SNAPSHOTS, "positions")
    assert snapshot is not None
    assert (snapshot.body["sequence"], snapshot.body["contracts"]) == (8, [["CORN", "20241200", 8]])
    assert FillLedger(documents).positions().of_instrument("CORN") == 10


def test_a_reader_stops_at_a_number_that_is_not_there_yet() -> None:
    """Of two writes that were seen in the wrong order the later one waits: otherwise the first would never count."""
    documents = MemoryDocuments()
    ledger = FillLedger(documents)
    ledger.record(fill("e1"))
    body = dict(documents.get(COLLECTION, fill("e1").key).body)
    documents.insert(COLLECTION, "late", {**body, "execution_id": "e3", "sequence": 3})
    assert ledger.positions().of_instrument("CORN") == 1
    ledger.record(fill("e2"))
    assert ledger.positions().of_instrument("CORN") == 3
