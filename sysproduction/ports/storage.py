"""Where things are kept: documents, time series, folders of files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document: `body` holds JSON values and aware datetimes (kept to the millisecond)."""

    key: str
    version: int
    body: Mapping[str, Any] = field(default_factory=dict)


class Documents(Protocol):
    """Documents by key in named collections; every write is a durable, atomic single-document write.

    All methods raise Unavailable when the store cannot be reached or cannot write; a write that raises it may
    or may not have happened.
    """

    def declare(
        self, collection: str, *, unique: Sequence[Sequence[str]] = (), indexes: Sequence[Sequence[str]] = ()
    ) -> None:
        """Make sure that the indexes exist (each a tuple of field names); idempotent."""
        ...

    def get(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    def find(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Document]:
        """Documents whose fields equal `equal` and whose field between[0] lies in [between[1], between[2])
        (None = open end), sorted by the fields of `order` ("-name" descends), then by key."""
        ...

    def count(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
    ) -> int:
        """How many documents `find` would return without a limit."""
        ...

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """Store a new document at version 1; raises AlreadyExists."""
        ...

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """Compare-and-set: write `body` at version + 1 if the stored version is `version`; raises Conflict."""
        ...

    def delete(self, collection: str, key: str, version: int) -> None:
        """Compare-and-delete; raises Conflict."""
        ...

    def close(self) -> None:
        """Let go of connections; idempotent."""
        ...


class DocumentDumps(Protocol):
    """Copies of all documents in a folder, in the layout of the store's own tools. Raises Unavailable as Documents."""

    def dump(self, folder: Path) -> dict[str, int]:
        """Write every collection into the folder; how many documents each has. OSError if the folder cannot take it."""
        ...

    def restore(self, folder: Path) -> dict[str, int]:
        """Insert every document of a dump, with the indexes, into an empty store; raises DataError for a file that is
        no dump, AlreadyExists if the store is not empty."""
        ...

    def is_half_restored(self) -> bool:
        """Whether a restore into this store was cut off."""
        ...

    def collections(self) -> list[str]:
        """Names of what the store holds, sorted."""
        ...

    def clear(self) -> None:
        """Remove everything that the store holds."""
        ...

    def fingerprint(self, file: Path) -> str:
        """What two files of dumps share that hold the same documents, byte for byte, in whatever order."""
        ...


@dataclass(frozen=True, slots=True)
class Version:
    """One written state of a series."""

    number: int
    written_at: datetime


class Series(Protocol):
    """Versioned time series (data frames with an aware-UTC DatetimeIndex, increasing) by library and symbol.

    A symbol is "NAME" or "NAME/part/…". Writers are serialised by the first segment: every write holds the
    lease of (library, NAME), so concurrent writers never lose each other's rows. Every write makes a new
    version and none is ever dropped. Raises Unavailable when the store cannot be reached or is full.
    """

    def read(
        self,
        library: str,
        symbol: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: int | datetime | None = None,
    ) -> "pd.DataFrame | None":
        """Rows with start <= stamp <= end as of a version number or a moment of writing; None if there is no
        such symbol or version."""
        ...

    def last_versions(self, library: str, symbols: Sequence[str]) -> dict[str, int]:
        """The newest version number of each of these symbols; what does not exist is left out. Reads no rows."""
        ...

    def read_many(
        self, library: str, versions: Mapping[str, int], *, start: datetime | None = None
    ) -> "dict[str, pd.DataFrame]":
        """`read` for many symbols at once, each as of its version; what does not exist is left out."""
        ...

    def append(self, library: str, symbol: str, frame: "pd.DataFrame") -> int:
        """Add rows whose stamps are all later than the last stored one (creates the symbol if there is none);
        returns the version. Raises DataError if a stamp is not later, checked under the lease."""
        ...

    def replace(self, library: str, symbol: str, frame: "pd.DataFrame") -> int:
        """Make `frame` the whole series; returns the version."""
        ...

    def replace_many(self, library: str, frames: "Mapping[str, pd.DataFrame]") -> None:
        """`replace` for many symbols at once (for imports: one lease per first segment, batched writes)."""
        ...

    def delete(self, library: str, symbol: str) -> None:
        """Remove the symbol and all its versions; no error if there is none."""
        ...

    def symbols(self, library: str, prefix: str = "") -> list[str]:
        """Names that start with `prefix`, sorted."""
        ...

    def versions(self, library: str, symbol: str) -> list[Version]:
        """All versions, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the storage; idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """All that is kept, behind three ports."""

    documents: Documents
    dumps: DocumentDumps
    series: Series


class Folders(Protocol):
    """Named folders of files that people and other programs may read; a name is "NAME" or "NAME/part/…".

    Every method raises Unavailable when the disk is full or cannot be reached.
    """

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Make the folder with exactly these files, all at once or not at all; in place of one that is there."""
        ...

    def read(self, name: str, file: str) -> bytes | None:
        """A file's content, None if there is no such folder or file."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Folders whose names begin with `prefix`, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove the folder; no error if there is none."""
        ...
