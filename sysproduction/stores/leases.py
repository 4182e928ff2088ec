"""Leases: one writer at a time per name among threads, processes and hosts, each with a token that only grows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Lock, get_ident
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.ports import Document, Documents

COLLECTION: Final = "leases"
_PAUSE_SECONDS: Final = 0.002
_PAUSE_SECONDS_MAX: Final = 0.05
_RELEASE_SECONDS_MAX: Final = 5.0
_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write under `name`; whoever holds it later has a larger `token`."""

    name: str
    token: int


class Leases:
    """Leases of one process, kept as documents `leases/NAME`: who holds it, its token, when it expires.

    On this host a holder is superseded only when its process is dead, never by time: a writer that was merely
    slow, or stopped with a signal, is waited for. A holder on another host, whose process cannot be seen from here,
    is superseded `expiry_seconds` after it took the lease; nothing renews it, so what is done under a lease that
    several hosts share must be shorter, and the hosts' clocks must agree to within that margin. Such a holder
    learns of its loss as a Conflict when it next touches the lease.

    `now` is the machine's real UTC, `monotonic` and `sleep` are machine time, all of them the same on every
    simulated or replayed day. Build it in the process that uses it: `myself` is written into every lease.
    """

    def __init__(
        self,
        documents: Documents,
        myself: Identity,
        alive: Callable[[Identity], bool],
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        expiry_seconds: float = 30.0,
    ) -> None:
        self._documents = documents
        self._alive = alive
        self._myself = myself
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._expiry = timedelta(seconds=expiry_seconds)
        self._holder = {**asdict(myself), "instance": next(_NUMBERS)}
        self._guard = Lock()
        self._turns: dict[str, Lock] = {}
        self._threads: dict[str, int] = {}
        self._held: dict[str, Document] = {}
        self._unreleased: dict[str, Document] = {}

    @contextmanager
    def hold(self, name: str, wait_seconds: float = 30.0) -> Iterator[Lease]:
        """Hold the lease of `name` for the length of the block.

        Waits up to `wait_seconds` for another holder, then raises Unavailable naming it. Raises Unavailable when
        the store cannot be reached, Conflict on leaving if another host took the lease over meanwhile, and
        RuntimeError if this very thread holds it already.
        """
        deadline = self._monotonic() + wait_seconds
        with self._turn(name, wait_seconds):
            self._retry_releases()
            self._held[name] = held = self._acquire(name, deadline)
            try:
                yield Lease(name, held.body["token"])
            finally:
                self._release(self._held.pop(name))

    def advance(self, lease: Lease, beyond: int) -> Lease:
        """The same lease, still held, with a token larger than `beyond`; raises Conflict if it was taken over.

        For a store that remembers larger tokens than the documents do: either this holder was superseded, which
        the Conflict says, or the documents are older than that store (restored, or made anew).
        """
        held = self._held[lease.name]
        body = self._body(max(beyond, lease.token) + 1, self._holder)
        self._held[lease.name] = self._documents.replace(COLLECTION, lease.name, body, held.version)
        return Lease(lease.name, body["token"])

    def release_stale(self) -> list[str]:
        """Close the leases that dead processes of this host, or expired ones of others, left open; their names."""
        stale = [document for document in self._documents.find(COLLECTION) if self._is_stale(document)]
        return [document.key for document in stale if self._close(document)]

    @contextmanager
    def _turn(self, name: str, wait_seconds: float) -> Iterator[None]:
        """Let one thread at a time contend for `name`: hence a document that names this instance as its holder
        while it is our turn is the left-over of an acquisition or release whose answer was lost."""
        with self._guard:
            turn = self._turns.setdefault(name, Lock())
        if self._threads.get(name) == get_ident():
            raise RuntimeError(f"the lease {name} is already held by this thread: leases do not nest")
        if not turn.acquire(timeout=max(0.0, wait_seconds)):
            raise Unavailable(
                f"another thread of this process held the lease {name} for {wait_seconds:g} s: try again later"
            )
        self._threads[name] = get_ident()
        try:
            yield
        finally:
            del self._threads[name]
            turn.release()

    def _acquire(self, name: str, deadline: float) -> Document:
        pause, begun = _PAUSE_SECONDS, self._monotonic()
        while True:
            stored = self._documents.get(COLLECTION, name)
            if (stored is None or self._is_free(stored)) and (taken := self._take(name, stored)):
                return taken
            left = deadline - self._monotonic()
            if left <= 0:
                raise _held_by_other(name, stored, self._monotonic() - begun)
            self._sleep(min(pause, left))
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    def _take(self, name: str, stored: Document | None) -> Document | None:
        """The lease document in our hands, or None if somebody else was quicker."""
        body = self._body(1 if stored is None else stored.body["token"] + 1, self._holder)
        try:
            if stored is None:
                return self._documents.insert(COLLECTION, name, body)
            return self._documents.replace(COLLECTION, name, body, stored.version)
        except (AlreadyExists, Conflict):
            return None

    def _release(self, held: Document) -> None:
        """Give the lease back; what cannot be given back now is given back when this instance next holds a lease."""
        deadline, pause, answer_lost = self._monotonic() + _RELEASE_SECONDS_MAX, _PAUSE_SECONDS, False
        while True:
            try:
                closed = self._close(held)
                break
            except Unavailable:
                if self._monotonic() >= deadline:
                    self._unreleased[held.key] = held
                    raise
            answer_lost = True
            self._sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)
        # After a lost answer, the change that we met may be our own release.
        if not (closed or answer_lost):
            raise Conflict(f"the lease {held.key} expired and was taken over from another host: read again")

    def _retry_releases(self) -> None:
        for name, document in list(self._unreleased.items()):
            if name not in self._held:
                self._close(document)
                self._unreleased.pop(name, None)

    def _close(self, document: Document) -> bool:
        """Leave the document without a holder, so that its token goes on growing; False if it has changed."""
        try:
            body = {**document.body, "holder": None}
            self._documents.replace(COLLECTION, document.key, body, document.version)
        except Conflict:
            return False
        return True

    def _is_free(self, document: Document) -> bool:
        return document.body["holder"] in (None, self._holder) or self._is_stale(document)

    def _is_stale(self, document: Document) -> bool:
        if document.body["holder"] is None:
            return False
        holder = _identity(document.body["holder"])
        if holder.host == self._myself.host:
            return not self._alive(holder)
        return bool(document.body["expires_at"] <= self._now())

    def _body(self, token: int, holder: dict[str, Any]) -> dict[str, Any]:
        return {"token": token, "holder": holder, "expires_at": self._now() + self._expiry}


def _identity(holder: dict[str, Any]) -> Identity:
    return Identity(holder["host"], holder["boot"], holder["pid"], holder["start_ticks"])


def _held_by_other(name: str, stored: Document | None, seconds: float) -> Unavailable:
    holder = None if stored is None else stored.body["holder"]
    who = "changing holders" if holder is None else f"process {holder['pid']} on {holder['host']}"
    return Unavailable(
        f"the lease {name} was held by {who} for the {seconds:.1f} s that were allowed: if that process hangs, "
        "stop it; its lease falls free with it"
    )
