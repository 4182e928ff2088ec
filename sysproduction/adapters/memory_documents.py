"""Documents kept in this process, behaving as MongoDB does: for simulations and fast tests."""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from threading import RLock
from typing import Any

from sysproduction.adapters.document_values import (
    Scalar,
    checked_key,
    checked_limit,
    directions,
    plain_body,
    plain_query,
)
from sysproduction.domain.errors import AlreadyExists, Conflict, InvariantBroken
from sysproduction.ports import Document

# MongoDB compares values of one kind only, and sorts the kinds in this order.
_RANKS: dict[type, int] = {type(None): 0, int: 1, float: 1, str: 2, bool: 3}
_RANK_OF_DATETIME = 4
_END = chr(0x10FFFF) * 2

_Entry = tuple[tuple[int, Any], ...]
_Rank = tuple[int, Any]


@dataclass(slots=True)
class _Collection:
    documents: dict[str, Document] = field(default_factory=dict)
    unique: dict[tuple[str, ...], dict["_Entry", str]] = field(default_factory=dict)
    indexes: dict[str, "_Index"] = field(default_factory=dict)


@dataclass(slots=True)
class _Index:
    """Keys by the value of one field, sorted; `unranked` are those whose value cannot be compared."""

    entries: list[tuple[_Rank, str]] = field(default_factory=list)
    unranked: set[str] = field(default_factory=set)

    def add(self, document: Document, name: str) -> None:
        if isinstance(document.body.get(name), (list, dict)):
            self.unranked.add(document.key)
        else:
            insort(self.entries, (_ranked(document, name), document.key))

    def remove(self, document: Document, name: str) -> None:
        if document.key in self.unranked:
            self.unranked.remove(document.key)
        else:
            del self.entries[bisect_left(self.entries, (_ranked(document, name), document.key))]

    def between(self, low: _Rank | None, high: _Rank | None) -> tuple[int, int]:
        """Where the entries with low <= value < high lie."""
        start = 0 if low is None else bisect_left(self.entries, (low, ""))
        return start, len(self.entries) if high is None else bisect_left(self.entries, (high, ""))

    def equal(self, value: _Rank) -> tuple[int, int]:
        """Where the entries with this value lie; every key sorts before the end of all texts."""
        return bisect_left(self.entries, (value, "")), bisect_left(self.entries, (value, _END))


class MemoryDocuments:
    """The Documents port in memory; safe for threads.

    Without `copies` it hands out what it stores, for callers who change nothing that they read: twice as fast.

    Stricter than MongoDB in one way: a query, an order or a unique index that meets a list or a mapping in a
    stored field raises TypeError, where MongoDB would compare its elements.
    """

    def __init__(self, *, copies: bool = True) -> None:
        self._out = _copied if copies else _itself
        self._collections: dict[str, _Collection] = {}
        self._lock = RLock()

    def declare(
        self, collection: str, *, unique: Sequence[Sequence[str]] = (), indexes: Sequence[Sequence[str]] = ()
    ) -> None:
        """As the port; raises InvariantBroken if stored documents already break a unique index."""
        first_fields = [directions(tuple(names))[0][0] for names in indexes]
        with self._lock:
            stored = self._collection(collection)
            for name in first_fields:
                _index(stored, name)
            for names in unique:
                fields = tuple(name for name, _ in directions(tuple(names)))
                entries = {_entry(document, fields): key for key, document in stored.documents.items()}
                if len(entries) < len(stored.documents):
                    raise InvariantBroken(f"{collection}: stored documents are not unique in {', '.join(fields)}")
                stored.unique[fields] = entries
                _index(stored, fields[0])

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        with self._lock:
            stored = self._collection(collection).documents.get(checked_key(key))
        return None if stored is None else self._out(stored)

    def find(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Document]:
        """As the port."""
        wanted, span = plain_query(equal, between)
        with self._lock:
            found = _matching(self._collection(collection), wanted, span)
        fields, most = directions(tuple(order)), checked_limit(limit)
        if len(found) > 1:
            found.sort(key=attrgetter("key"))
            for name, direction in reversed(fields):
                found.sort(key=partial(_ranked, name=name), reverse=direction < 0)
        return list(map(self._out, found[:most]))

    def count(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
    ) -> int:
        """As the port."""
        wanted, span = plain_query(equal, between)
        with self._lock:
            return len(_matching(self._collection(collection), wanted, span))

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """As the port."""
        document = Document(checked_key(key), 1, plain_body(body))
        with self._lock:
            if key in self._collection(collection).documents:
                raise AlreadyExists(f"{collection} already has a document {key!r}")
            return self._put(collection, document)

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """As the port; raises AlreadyExists if it would break a unique index."""
        document = Document(checked_key(key), version + 1, plain_body(body))
        with self._lock:
            self._require_version(collection, key, version)
            return self._put(collection, document)

    def delete(self, collection: str, key: str, version: int) -> None:
        """As the port."""
        with self._lock:
            self._require_version(collection, checked_key(key), version)
            self._forget(self._collection(collection), key)

    def close(self) -> None:
        """As the port; the documents stay for as long as this object does."""

    def _collection(self, name: str) -> _Collection:
        stored = self._collections.get(name)
        if stored is None:
            stored = self._collections[name] = _Collection()
        return stored

    def _require_version(self, collection: str, key: str, version: int) -> None:
        stored = self._collection(collection).documents.get(key)
        if stored is None or stored.version != version:
            raise Conflict(f"{collection} has no document {key!r} at version {version}")

    def _put(self, collection: str, document: Document) -> Document:
        stored = self._collection(collection)
        entries = {fields: _entry(document, fields) for fields in stored.unique}
        for fields, entry in entries.items():
            if stored.unique[fields].get(entry, document.key) != document.key:
                raise AlreadyExists(f"{collection} already has a document with these values of {', '.join(fields)}")
        before = stored.documents.get(document.key)
        for fields, entry in entries.items():
            if before is not None:
                del stored.unique[fields][_entry(before, fields)]
            stored.unique[fields][entry] = document.key
        stored.documents[document.key] = document
        for name, index in stored.indexes.items():
            if before is None:
                index.add(document, name)
            elif _differ(before.body.get(name), document.body.get(name)):
                index.remove(before, name)
                index.add(document, name)
        return self._out(document)

    def _forget(self, stored: _Collection, key: str) -> None:
        document = stored.documents.pop(key, None)
        for fields, entries in stored.unique.items():
            if document is not None:
                del entries[_entry(document, fields)]
        for name, index in stored.indexes.items():
            if document is not None:
                index.remove(document, name)


def _index(stored: _Collection, name: str) -> None:
    if name not in stored.indexes:
        index = stored.indexes[name] = _Index()
        for document in stored.documents.values():
            index.add(document, name)


def _matching(
    stored: _Collection, wanted: dict[str, Scalar], span: tuple[str, Scalar, Scalar] | None
) -> list[Document]:
    """The documents that meet all conditions, in no order; the narrowest usable index looks most of them up."""
    best: tuple[int, int] | None = None
    used, of = "", _Index()
    for name, index in stored.indexes.items():
        if index.unranked:
            continue
        if name in wanted:
            found = index.equal(_rank(wanted[name]))
        elif span is not None and span[0] == name:
            found = index.between(*(None if bound is None else _rank(bound) for bound in span[1:]))
        else:
            continue
        if best is None or found[1] - found[0] < best[1] - best[0]:
            best, used, of = found, name, index
    if best is None:
        candidates = list(stored.documents.values())
    else:
        candidates = [stored.documents[key] for _, key in of.entries[slice(*best)]]
        wanted = {name: value for name, value in wanted.items() if name != used}
    return list(filter(_condition(wanted, span), candidates)) if candidates and (wanted or span) else candidates


def _itself(document: Document) -> Document:
    return document


def _copied(document: Document) -> Document:
    return Document(document.key, document.version, _copy(document.body))


def _copy(value: Any) -> Any:
    """A deep copy of plain values, which is all that a stored body holds."""
    if isinstance(value, dict):
        return {name: _copy(inner) for name, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _rank(value: Scalar) -> tuple[int, Any]:
    return _RANKS.get(type(value), _RANK_OF_DATETIME), 0 if value is None else value


def _ranked(document: Document, name: str) -> tuple[int, Any]:
    value = document.body.get(name)
    if isinstance(value, (list, dict)):
        raise TypeError(f"{name} of document {document.key!r} holds several values: it cannot be compared")
    return _rank(value)


def _differ(before: Any, after: Any) -> bool:
    return type(before) is not type(after) or before != after


def _entry(document: Document, fields: tuple[str, ...]) -> _Entry:
    return tuple(_ranked(document, name) for name in fields)


def _condition(wanted: Mapping[str, Scalar], span: tuple[str, Scalar, Scalar] | None) -> Callable[[Document], bool]:
    ranks = [(name, _rank(value)) for name, value in wanted.items()]

    def accepted(document: Document) -> bool:
        for name, rank in ranks:
            if _ranked(document, name) != rank:
                return False
        return span is None or _within(_ranked(document, span[0]), span[1], span[2])

    return accepted


def _within(ranked: tuple[int, Any], low: Scalar, high: Scalar) -> bool:
    above = low is None or (ranked[0] == _rank(low)[0] and ranked >= _rank(low))
    return above and (high is None or (ranked[0] == _rank(high)[0] and ranked < _rank(high)))
