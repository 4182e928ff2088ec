"""Documents kept in this process, behaving as MongoDB does: for simulations and fast tests."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
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

_Entry = tuple[tuple[int, Any], ...]


@dataclass(slots=True)
class _Collection:
    documents: dict[str, Document] = field(default_factory=dict)
    unique: dict[tuple[str, ...], dict["_Entry", str]] = field(default_factory=dict)


class MemoryDocuments:
    """The Documents port in memory; safe for threads.

    Stricter than MongoDB in one way: a query, an order or a unique index that meets a list or a mapping in a
    stored field raises TypeError, where MongoDB would compare its elements.
    """

    def __init__(self) -> None:
        self._collections: dict[str, _Collection] = {}
        self._lock = RLock()

    def declare(
        self, collection: str, *, unique: Sequence[Sequence[str]] = (), indexes: Sequence[Sequence[str]] = ()
    ) -> None:
        """As the port; raises InvariantBroken if stored documents already break a unique index."""
        for names in indexes:
            directions(tuple(names))
        with self._lock:
            stored = self._collection(collection)
            for names in unique:
                fields = tuple(name for name, _ in directions(tuple(names)))
                entries = {_entry(document, fields): key for key, document in stored.documents.items()}
                if len(entries) < len(stored.documents):
                    raise InvariantBroken(f"{collection}: stored documents are not unique in {', '.join(fields)}")
                stored.unique[fields] = entries

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        with self._lock:
            stored = self._collection(collection).documents.get(checked_key(key))
        return None if stored is None else _copied(stored)

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
        accepted = _condition(equal, between)
        with self._lock:
            found = [stored for stored in self._collection(collection).documents.values() if accepted(stored)]
        found.sort(key=lambda stored: stored.key)
        for name, direction in reversed(directions(tuple(order))):
            found.sort(key=lambda stored, name=name: _ranked(stored, name), reverse=direction < 0)  # type: ignore[misc]
        return [_copied(stored) for stored in found[: checked_limit(limit)]]

    def count(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
    ) -> int:
        """As the port."""
        accepted = _condition(equal, between)
        with self._lock:
            return sum(accepted(stored) for stored in self._collection(collection).documents.values())

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
        return self._collections.setdefault(name, _Collection())

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
        self._forget(stored, document.key)
        for fields, entry in entries.items():
            stored.unique[fields][entry] = document.key
        stored.documents[document.key] = document
        return _copied(document)

    def _forget(self, stored: _Collection, key: str) -> None:
        document = stored.documents.pop(key, None)
        for fields, entries in stored.unique.items():
            if document is not None:
                del entries[_entry(document, fields)]


def _copied(document: Document) -> Document:
    return Document(document.key, document.version, deepcopy(document.body))


def _rank(value: Scalar) -> tuple[int, Any]:
    return _RANKS.get(type(value), _RANK_OF_DATETIME), 0 if value is None else value


def _ranked(document: Document, name: str) -> tuple[int, Any]:
    value = document.body.get(name)
    if isinstance(value, (list, dict)):
        raise TypeError(f"{name} of document {document.key!r} holds several values: it cannot be compared")
    return _rank(value)


def _entry(document: Document, fields: tuple[str, ...]) -> _Entry:
    return tuple(_ranked(document, name) for name in fields)


def _condition(equal: Mapping[str, Any] | None, between: tuple[str, Any, Any] | None) -> Callable[[Document], bool]:
    wanted, span = plain_query(equal, between)

    def accepted(document: Document) -> bool:
        if any(_ranked(document, name) != _rank(value) for name, value in wanted.items()):
            return False
        return span is None or _within(_ranked(document, span[0]), span[1], span[2])

    return accepted


def _within(ranked: tuple[int, Any], low: Scalar, high: Scalar) -> bool:
    above = low is None or (ranked[0] == _rank(low)[0] and ranked >= _rank(low))
    return above and (high is None or (ranked[0] == _rank(high)[0] and ranked < _rank(high)))
