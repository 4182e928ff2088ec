"""Stores that fail on demand: before or after any operation the store is away, or the caller dies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sysproduction.domain.errors import Unavailable
from sysproduction.ports import Document, Documents, Series

WRITES: Final = frozenset({"insert", "replace", "delete"})
SERIES_WRITES: Final = frozenset({"append", "replace", "replace_many", "delete"})

Fault = Callable[[str, str, str], None]
"""Called with "before" or "after", the operation and the collection; raises what is to happen there."""


class ProgramDied(BaseException):
    """Stands for kill -9 at this very line: nothing in the product may catch it."""


@dataclass
class FaultyDocuments:
    """Documents whose every operation is announced to `fault`, before it happens and after."""

    inner: Documents
    fault: Fault | None = None

    def _do(self, operation: str, collection: str, *args: Any, **kwargs: Any) -> Any:
        for_now = self.fault
        if for_now is not None:
            for_now("before", operation, collection)
        answer = getattr(self.inner, operation)(collection, *args, **kwargs)
        if for_now is not None:
            for_now("after", operation, collection)
        return answer

    def declare(self, collection: str, **indexes: Sequence[Sequence[str]]) -> None:
        """As the port."""
        self._do("declare", collection, **indexes)

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        return self._do("get", collection, key)  # type: ignore[no-any-return]

    def find(self, collection: str, **query: Any) -> list[Document]:
        """As the port."""
        return self._do("find", collection, **query)  # type: ignore[no-any-return]

    def count(self, collection: str, **query: Any) -> int:
        """As the port."""
        return self._do("count", collection, **query)  # type: ignore[no-any-return]

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """As the port."""
        return self._do("insert", collection, key, body)  # type: ignore[no-any-return]

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """As the port."""
        return self._do("replace", collection, key, body, version)  # type: ignore[no-any-return]

    def delete(self, collection: str, key: str, version: int) -> None:
        """As the port."""
        self._do("delete", collection, key, version)

    def close(self) -> None:
        """As the port."""


@dataclass
class FaultySeries:
    """Series whose every write is announced to `fault`, before it happens and after; reading meets no faults."""

    inner: Series
    fault: Fault | None = None

    def append(self, library: str, symbol: str, frame: Any) -> int:
        """As the port."""
        return self._do("append", library, symbol, frame)  # type: ignore[no-any-return]

    def replace(self, library: str, symbol: str, frame: Any) -> int:
        """As the port."""
        return self._do("replace", library, symbol, frame)  # type: ignore[no-any-return]

    def replace_many(self, library: str, frames: Mapping[str, Any]) -> None:
        """As the port."""
        self._do("replace_many", library, frames)

    def delete(self, library: str, symbol: str) -> None:
        """As the port."""
        self._do("delete", library, symbol)

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

    def _do(self, operation: str, library: str, *args: Any) -> Any:
        for_now = self.fault
        if for_now is not None:
            for_now("before", operation, library)
        answer = getattr(self.inner, operation)(library, *args)
        if for_now is not None:
            for_now("after", operation, library)
        return answer


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
