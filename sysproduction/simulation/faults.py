"""Stores that fail on demand: before or after any operation the store is away, or the caller dies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from sysproduction.domain.errors import Unavailable
from sysproduction.ports import Document, Documents, Series

T = TypeVar("T")

WRITES: Final = frozenset({"insert", "replace", "delete"})
SERIES_WRITES: Final = frozenset({"append", "replace", "replace_many", "delete"})

Fault = Callable[[str, str, str], None]
"""Called with "before" or "after", the operation and the collection; raises what is to happen there."""


class ProgramDied(BaseException):
    """Stands for kill -9 at this very line: nothing in the product may catch it."""


def _announced(fault: Fault | None, operation: str, where: str, deed: Callable[[], T]) -> T:
    if fault is None:
        return deed()
    fault("before", operation, where)
    answer = deed()
    fault("after", operation, where)
    return answer


@dataclass
class FaultyDocuments:
    """Documents whose every operation is announced to `fault`, before it happens and after."""

    inner: Documents
    fault: Fault | None = None

    def declare(self, collection: str, **indexes: Sequence[Sequence[str]]) -> None:
        """As the port."""
        _announced(self.fault, "declare", collection, partial(self.inner.declare, collection, **indexes))

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        return _announced(self.fault, "get", collection, partial(self.inner.get, collection, key))

    def find(self, collection: str, **query: Any) -> list[Document]:
        """As the port."""
        return _announced(self.fault, "find", collection, partial(self.inner.find, collection, **query))

    def count(self, collection: str, **query: Any) -> int:
        """As the port."""
        return _announced(self.fault, "count", collection, partial(self.inner.count, collection, **query))

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """As the port."""
        return _announced(self.fault, "insert", collection, partial(self.inner.insert, collection, key, body))

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """As the port."""
        return _announced(
            self.fault, "replace", collection, partial(self.inner.replace, collection, key, body, version)
        )

    def delete(self, collection: str, key: str, version: int) -> None:
        """As the port."""
        _announced(self.fault, "delete", collection, partial(self.inner.delete, collection, key, version))

    def close(self) -> None:
        """As the port."""


@dataclass
class FaultySeries:
    """Series whose every write is announced to `fault`, before it happens and after; reading meets no faults."""

    inner: Series
    fault: Fault | None = None

    def append(self, library: str, symbol: str, frame: Any) -> int:
        """As the port."""
        return _announced(self.fault, "append", library, partial(self.inner.append, library, symbol, frame))

    def replace(self, library: str, symbol: str, frame: Any) -> int:
        """As the port."""
        return _announced(self.fault, "replace", library, partial(self.inner.replace, library, symbol, frame))

    def replace_many(self, library: str, frames: Mapping[str, Any]) -> None:
        """As the port."""
        _announced(self.fault, "replace_many", library, partial(self.inner.replace_many, library, frames))

    def delete(self, library: str, symbol: str) -> None:
        """As the port."""
        _announced(self.fault, "delete", library, partial(self.inner.delete, library, symbol))

    def read(self, library: str, symbol: str, **what: Any) -> Any:
        """As the port."""
        return self.inner.read(library, symbol, **what)

    def last_versions(self, library: str, symbols: Sequence[str]) -> dict[str, int]:
        """As the port."""
        return self.inner.last_versions(library, symbols)

    def read_many(self, library: str, versions: Mapping[str, int], **what: Any) -> Any:
        """As the port."""
        return self.inner.read_many(library, versions, **what)

    def symbols(self, library: str, prefix: str = "") -> list[str]:
        """As the port."""
        return self.inner.symbols(library, prefix)

    def versions(self, library: str, symbol: str) -> list[Any]:
        """As the port."""
        return list(self.inner.versions(library, symbol))

    def close(self) -> None:
        """As the port."""


@dataclass
class AtWrite:
    """A fault that calls `die` on one side of the `number`-th write (from 0) of either store; `struck` says whether it
    came to that."""

    number: int
    side: str
    die: Callable[[], None]
    struck: bool = False
    seen: int = 0

    def __call__(self, side: str, operation: str, collection: str) -> None:  # noqa: ARG002 (a Fault)
        if operation in WRITES | SERIES_WRITES and side == self.side:
            self.seen += 1
            if self.seen - 1 == self.number:
                self.struck = True
                self.die()


def die() -> None:
    """As kill -9 would have it, in this thread."""
    raise ProgramDied


def outage(side: str, operation: str, collection: str) -> None:  # noqa: ARG001 (a Fault)
    """A fault: the store cannot be reached."""
    raise Unavailable("no answer from the store")
