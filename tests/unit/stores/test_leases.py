"""Leases: who gets one, when a holder is superseded, and what lost answers do."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from sysproduction.adapters.clocks import SystemClock
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Conflict, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.ports import Document
from sysproduction.stores.leases import Lease, Leases

ONE = Identity("here", "boot", 1, 10)
TWO = Identity("here", "boot", 2, 20)
FAR = Identity("there", "boot", 1, 10)


class Machine:
    """A host on which sleeping is what makes time pass, and whose processes live until they are said to be dead."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.dead: set[Identity] = set()
        self.blocks: list[AbstractContextManager[Lease]] = []

    def now(self) -> datetime:
        return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def alive(self, identity: Identity) -> bool:
        return identity not in self.dead

    def leases(self, documents: MemoryDocuments, identity: Identity = ONE) -> Leases:
        return Leases(
            documents, identity, self.alive, now=self.now, monotonic=self.monotonic, sleep=self.sleep, expiry_seconds=30
        )

    def held(self, leases: Leases, name: str, wait_seconds: float = 0.0) -> Lease:
        """Take a lease and do not give it back before the test ends, as a process that dies or hangs."""
        block = leases.hold(name, wait_seconds)
        lease = block.__enter__()
        self.blocks.append(block)
        return lease


class Weak(MemoryDocuments):
    """Documents whose next writes fail: before anything happened, or after it did."""

    def __init__(self) -> None:
        super().__init__()
        self.lost_before = self.lost_after = 0

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        if self.lost_before:
            self.lost_before -= 1
            raise Unavailable("down")
        written = super().replace(collection, key, body, version)
        if self.lost_after:
            self.lost_after -= 1
            raise Unavailable("no answer")
        return written


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    for block in machine.blocks:
        with suppress(Conflict):
            block.__exit__(None, None, None)


@pytest.fixture
def documents() -> Weak:
    return Weak()


def test_tokens_only_grow(machine: Machine, documents: Weak) -> None:
    """Each holder of a name gets a larger token than the one before, also after a stale one; names do not mix."""
    tokens = []
    for identity in (ONE, TWO, ONE):
        with machine.leases(documents, identity).hold("prices/CORN") as lease:
            tokens.append(lease.token)
    machine.held(machine.leases(documents, TWO), "prices/CORN")
    machine.dead.add(TWO)
    with machine.leases(documents).hold("prices/CORN") as lease, machine.leases(documents).hold("prices/BUND") as other:
        assert [*tokens, lease.token] == [1, 2, 3, 5]
        assert (other.name, other.token) == ("prices/BUND", 1)


def test_a_living_holder_is_waited_for_however_long(machine: Machine, documents: Weak) -> None:
    """On one host time never supersedes a living holder: who gives up waiting gets Unavailable with its name."""
    machine.held(machine.leases(documents, TWO), "prices/CORN")
    machine.seconds = 1e6
    with pytest.raises(Unavailable, match=r"prices/CORN was held by process 2 on here for the 100\.\d s"):
        machine.held(machine.leases(documents), "prices/CORN", wait_seconds=100)
    assert machine.seconds == pytest.approx(1e6 + 100)


def test_a_dead_holder_is_superseded_at_once(machine: Machine, documents: Weak) -> None:
    """The lease of a dead process is free without waiting; a recycled pid with another start is not that process."""
    machine.held(machine.leases(documents, TWO), "prices/CORN")
    machine.dead.add(replace(TWO, start_ticks=21))
    with pytest.raises(Unavailable):
        machine.held(machine.leases(documents), "prices/CORN")
    machine.dead.add(TWO)
    assert machine.held(machine.leases(documents), "prices/CORN").token == 2
    assert machine.seconds == 0


def test_a_holder_on_another_host_is_superseded_after_expiry(machine: Machine, documents: Weak) -> None:
    """Another host's lease lasts until it expires, whatever is thought of its process; the loser gets Conflict."""
    machine.dead.add(FAR)
    far = machine.leases(documents, FAR).hold("prices/CORN")
    far.__enter__()
    machine.seconds = 29.0
    with pytest.raises(Unavailable):
        machine.held(machine.leases(documents), "prices/CORN", wait_seconds=0.5)
    assert machine.held(machine.leases(documents), "prices/CORN", wait_seconds=1.0).token == 2
    with pytest.raises(Conflict, match="prices/CORN expired and was taken over"):
        far.__exit__(None, None, None)


def test_leases_do_not_nest(machine: Machine, documents: Weak) -> None:
    """A thread that asks for a lease it holds is told so at once; the lease goes on."""
    leases = machine.leases(documents)
    with leases.hold("prices/CORN"):
        with pytest.raises(RuntimeError, match="leases do not nest"):
            machine.held(leases, "prices/CORN", wait_seconds=10)
        with leases.hold("prices/BUND"):
            pass
    with leases.hold("prices/CORN") as lease:
        assert lease.token == 2


def test_threads_of_one_process_exclude_each_other() -> None:
    """Threads that share one instance, or have their own, never hold a lease at the same time."""
    clock, documents, inside, seen = SystemClock(), MemoryDocuments(), [0], []

    def made() -> Leases:
        return Leases(documents, ONE, lambda _: True, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)

    def work(leases: Leases) -> None:
        for _ in range(10):
            with leases.hold("prices/CORN", 20) as lease:
                inside[0] += 1
                seen.append((lease.token, inside[0]))
                clock.sleep(0.0005)
                inside[0] -= 1

    shared = made()
    threads = [Thread(target=work, args=(leases,)) for leases in (shared, shared, made())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(token, 1) for token in range(1, 31)]


def test_a_thread_that_waits_too_long_gives_up(machine: Machine, documents: Weak) -> None:
    """A lease held by another thread of the process is Unavailable once the wait is over."""
    leases, caught = machine.leases(documents), []

    def work() -> None:
        with pytest.raises(Unavailable, match="another thread of this process"):
            machine.held(leases, "prices/CORN", wait_seconds=0.01)
        caught.append(True)

    with leases.hold("prices/CORN"):
        thread = Thread(target=work)
        thread.start()
        thread.join()
    assert caught


def test_the_lease_is_given_back_when_the_work_fails(machine: Machine, documents: Weak) -> None:
    """An exception in the block passes on, and the next holder need not wait."""
    with pytest.raises(ZeroDivisionError), machine.leases(documents).hold("prices/CORN"):
        _ = 1 / 0
    assert machine.held(machine.leases(documents, TWO), "prices/CORN").token == 2


@pytest.mark.parametrize("failure", ["lost_before", "lost_after"])
def test_a_release_is_repeated_when_its_answer_is_lost(machine: Machine, documents: Weak, failure: str) -> None:
    """A short outage while giving back is bridged, whether or not the write happened."""
    with machine.leases(documents).hold("prices/CORN"):
        setattr(documents, failure, 2 if failure == "lost_before" else 1)
    assert machine.held(machine.leases(documents, TWO), "prices/CORN").token == 2


def test_a_release_that_failed_is_made_up_for(machine: Machine, documents: Weak) -> None:
    """After an outage too long to bridge, the lease is given back when its instance next holds any lease."""
    leases = machine.leases(documents)
    with pytest.raises(Unavailable, match="down"), leases.hold("prices/CORN"):
        documents.lost_before = 10**9
    documents.lost_before = 0
    with pytest.raises(Unavailable, match="held by process 1"):
        machine.held(machine.leases(documents, TWO), "prices/CORN")
    with leases.hold("prices/BUND"):
        assert machine.held(machine.leases(documents, TWO), "prices/CORN").token == 2


def test_an_acquisition_whose_answer_was_lost_does_not_lock_us_out(machine: Machine, documents: Weak) -> None:
    """What this instance took without learning of it, it takes again; nobody else could."""
    leases = machine.leases(documents)
    with leases.hold("prices/CORN"):
        pass
    documents.lost_after = 1
    with pytest.raises(Unavailable, match="no answer"):
        machine.held(leases, "prices/CORN")
    with pytest.raises(Unavailable, match="held by process 1"):
        machine.held(machine.leases(documents, TWO), "prices/CORN")
    with leases.hold("prices/CORN") as lease:
        assert lease.token == 3


def test_advance_makes_the_token_larger_or_shows_the_loss(machine: Machine, documents: Weak) -> None:
    """A holder may raise its token past one it found; a superseded holder gets Conflict instead."""
    with machine.leases(documents).hold("prices/CORN") as lease:
        pass
    far = machine.leases(documents, FAR)
    lease = machine.held(far, "prices/CORN")
    lease = far.advance(lease, beyond=40)
    assert lease.token == 41
    machine.seconds = 31.0
    with machine.leases(documents).hold("prices/CORN") as ours:
        assert ours.token == 42
        with pytest.raises(Conflict):
            far.advance(lease, beyond=50)


def test_stale_leases_are_closed_once(machine: Machine, documents: Weak) -> None:
    """Leases of dead processes and expired ones of other hosts are closed and named; the others are left alone."""
    for name, identity in (("a", ONE), ("b", TWO), ("c", FAR), ("d", replace(ONE, boot="earlier"))):
        machine.held(machine.leases(documents, identity), name)
    machine.dead |= {TWO, replace(ONE, boot="earlier")}
    leases = machine.leases(documents)
    assert leases.release_stale() == ["b", "d"]
    machine.seconds = 31.0
    assert leases.release_stale() == ["c"]
    assert leases.release_stale() == []
    assert machine.held(leases, "b").token == 2
