"""The audit log's chains: whatever is changed, taken out, put in or cut off is found."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.stores.audit import COLLECTION, HEADS, AuditEntry, AuditLog, read, verify
from tests.fakes import FaultyDocuments, OnWrite, ProgramDied

AT = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
ENTRY = AuditEntry("me", "set limit", "CORN", AT, "too much", {"contracts": 5, "days": 1.0, "of": None})


def entry(minutes: int, **changes: Any) -> AuditEntry:
    return replace(ENTRY, at=AT + timedelta(minutes=minutes), why=f"reason {minutes}", **changes)


def filled() -> MemoryDocuments:
    """Three chains of some documents each, the later ones linked to the earlier ones."""
    documents = MemoryDocuments()
    for chain in ("run_stack_handler", "operator me", "run_roll"):
        log = AuditLog(documents, chain)
        for number in range(4):
            log.append(*(entry(10 * number + n) for n in range(number % 2 + 1)))
    return documents


def test_entries_come_back_as_they_went_in() -> None:
    """To the microsecond, oldest first, by chain, subject and time."""
    documents = MemoryDocuments()
    AuditLog(documents, "a").append(entry(0), entry(1, subject="GOLD"))
    AuditLog(documents, "b").append(entry(2))
    assert read(documents) == [entry(0), entry(1, subject="GOLD"), entry(2)]
    assert read(documents, chain="b") == read(documents, since=AT + timedelta(minutes=2)) == [entry(2)]
    assert read(documents, subject="GOLD") == [entry(1, subject="GOLD")]


def test_whole_chains_verify_and_an_empty_append_writes_nothing() -> None:
    """Chains that several writers wrote to in turn as well."""
    documents = filled()
    logs = [AuditLog(documents, "operator me") for _ in range(3)]
    for number in range(9):
        logs[number % 3].append(entry(number))
        logs[0].append()
    assert verify(documents) == []
    assert documents.count(COLLECTION, equal={"chain": "operator me"}) == 13
    assert verify(MemoryDocuments()) == []


def trial(rng: random.Random) -> str:
    """Tamper once, somewhere; what was done."""
    documents = filled()
    collection = rng.choice([COLLECTION, COLLECTION, HEADS])
    victim = rng.choice(documents.find(collection))
    done = rng.choice(["delete", "flip", "swap", "rename"])
    body = dict(victim.body)
    if done == "flip":
        name = rng.choice(sorted(body))
        body[name] = flipped(body[name], rng)
        documents.replace(collection, victim.key, body, victim.version)
    elif done == "swap":
        other = rng.choice([d for d in documents.find(collection) if d.key != victim.key])
        documents.replace(collection, victim.key, other.body, victim.version)
    else:
        documents.delete(collection, victim.key, victim.version)
        if done == "rename":
            documents.insert(collection, victim.key + "0", body)
    assert verify(documents) != [], (done, collection, victim.key)
    return done


def flipped(value: Any, rng: random.Random) -> Any:
    """The value with one bit, entry or digit changed."""
    if isinstance(value, str):
        place = rng.randrange(len(value)) if value else 0
        return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :] if value else "x"
    if isinstance(value, int):
        return value ^ (1 << rng.randrange(3))
    if isinstance(value, list):
        return [*value[:-1], flipped(value[-1], rng)] if value else [["run_roll", 1, "x"]]
    if isinstance(value, dict):
        name = rng.choice(sorted(value))
        return {**value, name: flipped(value[name], rng)}
    return 1.5 if value is None else value + 1.0


def test_any_change_or_deletion_is_found() -> None:
    """300 times: a flipped bit, a deleted, swapped or renamed document, of an entry or of a head."""
    rng = random.Random(6)
    assert {trial(rng) for _ in range(300)} == {"delete", "flip", "swap", "rename"}


@pytest.mark.soak
def test_any_change_or_deletion_is_found_10_000_times() -> None:
    """The same 10,000 times."""
    rng = random.Random(7)
    for _ in range(10_000):
        trial(rng)


def test_a_chain_that_vanished_as_a_whole_is_missed_by_the_others() -> None:
    """Its head taken along."""
    documents = filled()
    for collection, equal in ((COLLECTION, {"chain": "run_stack_handler"}), (HEADS, None)):
        for document in documents.find(collection, equal=equal):
            if collection == COLLECTION or document.key == "run_stack_handler":
                documents.delete(collection, document.key, document.version)
    assert "another chain tells of it" in verify(documents)[0].reason


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", [0, 1])
def test_a_crash_between_entry_and_head_leaves_whole_chains(side: str, write: int) -> None:
    """The next entry goes on where the chain ended, and moves the head."""
    documents = filled()
    with pytest.raises(ProgramDied):
        AuditLog(FaultyDocuments(documents, OnWrite(write, ProgramDied(), side)), "run_roll").append(entry(50))
    assert verify(documents) == []
    AuditLog(documents, "run_roll").append(entry(51))
    assert verify(documents) == []
    assert entry(51) in read(documents)
    head = documents.get(HEADS, "run_roll")
    assert head is not None
    assert head.body["number"] == documents.count(COLLECTION, equal={"chain": "run_roll"})
