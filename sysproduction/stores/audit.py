"""The audit log: what was decided about orders, by whom, when and why, in chains of hashes, one for each writer.

Each document holds a batch of entries and the hash of the document before it in its chain; its own hash covers all of
that. A document that is changed, taken out or put in between breaks the chain. A head for each chain says how far it
came, so that its end cannot be cut off either; and the first document that a program writes repeats the heads of all
other chains, so that a chain that vanished as a whole is missed by the others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, InvariantBroken
from sysproduction.ports import Document, Documents

COLLECTION: Final = "audit"
HEADS: Final = "audit_heads"
_ATTEMPTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`who` did `what` to `subject` (an order, an instrument, the kill switch), `at` market time, and `why`; `details`
    are plain values."""

    who: str
    what: str
    subject: str
    at: datetime
    why: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Where the log was tampered with, or damaged."""

    chain: str
    number: int
    reason: str


class AuditLog:
    """Writes to one chain, named like the process or operator that writes. Several writers of one chain do not fork it:
    the key of a document is its number, and who comes second takes the next one."""

    def __init__(self, documents: Documents, chain: str) -> None:
        self._documents = documents
        self._chain = chain
        self._linked = False
        self._end: tuple[int, str] | None = None
        self._head: tuple[int, int] | None = None
        _declare(documents)

    def append(self, *entries: AuditEntry) -> None:
        """Store entries durably, in one document; nothing for none."""
        if not entries:
            return
        links = [] if self._linked else _links(self._documents, self._chain)
        for _ in range(_ATTEMPTS):
            number, previous = self._end or _end_of(self._documents, self._chain)
            body = _linked_body(self._chain, number + 1, previous, entries, links)
            try:
                self._documents.insert(COLLECTION, _key(self._chain, body["number"]), body)
            except AlreadyExists:
                self._end = None
                continue
            self._linked = True
            self._end = (body["number"], body["hash"])
            self._move_head(*self._end)
            return
        raise InvariantBroken(f"the audit log's chain {self._chain} grew {_ATTEMPTS} times while it was written to")

    def _move_head(self, number: int, digest: str) -> None:
        """Say how far the chain came; a head that a crash left behind is moved on by the next entry."""
        head = {"number": number, "hash": digest}
        while True:
            known = self._head or self._stored_head()
            if known is not None and known[0] >= number:
                return
            try:
                if known is None:
                    stored = self._documents.insert(HEADS, self._chain, head)
                else:
                    stored = self._documents.replace(HEADS, self._chain, head, known[1])
            except (AlreadyExists, Conflict):
                self._head = None
                continue
            self._head = (number, stored.version)
            return

    def _stored_head(self) -> tuple[int, int] | None:
        """Its number and the version of its document."""
        stored = self._documents.get(HEADS, self._chain)
        return None if stored is None else (stored.body["number"], stored.version)


def read(
    documents: Documents, *, since: datetime | None = None, chain: str | None = None, subject: str | None = None
) -> list[AuditEntry]:
    """Entries stored at or after `since`, oldest first, of one chain or of all, on one subject or on all."""
    equal = {} if chain is None else {"chain": chain}
    start = None if since is None else since.isoformat()
    found = documents.find(COLLECTION, equal=equal, between=("at", start, None), order=["at", "chain", "number"])
    entries = [_entry(stored) for document in found for stored in document.body["entries"]]
    return [entry for entry in entries if subject in (None, entry.subject)]


def verify(documents: Documents) -> list[AuditFault]:
    """Everything that is wrong with any chain; empty if nothing is."""
    chains: dict[str, list[Document]] = {}
    faults: list[AuditFault] = []
    for document in documents.find(COLLECTION):
        chain, _, number = document.key.rpartition("#")
        chains.setdefault(chain, []).append(document)
        if (document.body.get("chain"), document.body.get("number")) != (chain, int(number)):
            faults.append(AuditFault(chain, int(number), "it is not stored under its own name"))
    for chain in sorted(chains):
        faults += _broken_links(chain, chains[chain])
    known = {document.key: document.body.get("hash") for documents_ in chains.values() for document in documents_}
    heads = [(head.key, head.body.get("number"), head.body.get("hash")) for head in documents.find(HEADS)]
    faults += _missing(known, heads, "the head of its chain tells of it")
    headless = sorted(set(chains) - {head[0] for head in heads})
    faults += [AuditFault(chain, 0, "its head is gone") for chain in headless if len(chains[chain]) > 1]
    told = [tuple(link) for d in chains.values() for one in d for link in one.body.get("links", [])]
    return faults + _missing(known, told, "another chain tells of it")


def _broken_links(chain: str, documents: Sequence[Document]) -> Iterator[AuditFault]:
    previous = ""
    for number, document in enumerate(documents, start=1):
        body = document.body
        if body.get("number") != number:
            yield AuditFault(chain, number, "it is missing")
            return
        if body.get("previous") != previous:
            yield AuditFault(chain, number, "it does not follow the one before it")
        if body.get("hash") != _hash(body):
            yield AuditFault(chain, number, "its contents are not what they were")
        previous = body.get("hash", "")


def _missing(known: Mapping[str, Any], told: Sequence[tuple[str, Any, Any]], reason: str) -> list[AuditFault]:
    return [
        AuditFault(str(chain), number if isinstance(number, int) else 0, f"it is missing or changed: {reason}")
        for chain, number, digest in told
        if not isinstance(number, int) or known.get(_key(chain, number)) != digest
    ]


def _declare(documents: Documents) -> None:
    documents.declare(COLLECTION, indexes=[("chain", "number"), ("at",)])


def _end_of(documents: Documents, chain: str) -> tuple[int, str]:
    """Number and hash of a chain's end: at its head, or a little beyond where a crash left the head behind; number 0 of
    one that has not begun."""
    head = documents.get(HEADS, chain)
    span = ("number", head.body["number"] if head else 1, None)
    found = documents.find(COLLECTION, equal={"chain": chain}, between=span, order=["number"])
    return (found[-1].body["number"], found[-1].body["hash"]) if found else (0, "")


def _links(documents: Documents, chain: str) -> list[list[Any]]:
    heads = [document for document in documents.find(HEADS) if document.key != chain]
    return [[head.key, head.body["number"], head.body["hash"]] for head in heads]


def _linked_body(
    chain: str, number: int, previous: str, entries: Sequence[AuditEntry], links: list[list[Any]]
) -> dict[str, Any]:
    body = {
        "chain": chain,
        "number": number,
        "previous": previous,
        "at": entries[-1].at.isoformat(),
        "entries": [_entry_body(entry) for entry in entries],
        "links": links,
    }
    return {**body, "hash": _hash(body)}


def _key(chain: str, number: int) -> str:
    return f"{chain}#{number:010d}"


def _hash(body: Mapping[str, Any]) -> str:
    """SHA-256 of everything but the hash, in one canonical spelling; the hash before it is part of that."""
    said = {name: value for name, value in body.items() if name != "hash"}
    spelled = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return sha256(spelled.encode()).hexdigest()


def _entry_body(entry: AuditEntry) -> dict[str, Any]:
    said = {"who": entry.who, "what": entry.what, "subject": entry.subject, "why": entry.why}
    return {**said, "at": entry.at.isoformat(), "details": dict(entry.details)}


def _entry(body: Mapping[str, Any]) -> AuditEntry:
    at = datetime.fromisoformat(body["at"])
    return AuditEntry(body["who"], body["what"], body["subject"], at, body["why"], body["details"])
