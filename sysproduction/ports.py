"""What we ask of the outside, one Protocol each, and World: the frozen set of them that a process is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sysproduction.domain.alerts import Alert
from sysproduction.domain.backups import BackupPolicy
from sysproduction.domain.bars import Frequency
from sysproduction.domain.capital import CapitalPolicy
from sysproduction.domain.identity import Identity
from sysproduction.domain.roll_policies import RollPolicies
from sysproduction.domain.strategies import Strategies

if TYPE_CHECKING:
    import pandas as pd

    from sysproduction.domain.contracts import ContractListing
    from sysproduction.domain.instruments import Listing, Quote
    from sysproduction.domain.rolls import Roll


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


class Clock(Protocol):
    """Two kinds of time, never mixed: market time (what the calendar says) and machine time (what elapses)."""

    def now(self) -> datetime:
        """Market time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Machine seconds since an arbitrary origin; never steps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of machine time pass."""
        ...

    def seconds_until(self, moment: datetime) -> float:
        """Machine seconds until market time reaches `moment` at the present pace; 0 if it has."""
        ...


class PacedClock(Clock, Protocol):
    """A market clock that somebody keeps going, for demos and replays."""

    def run_at(self, rate: float, ceiling: datetime) -> None:
        """From now on let `rate` market seconds pass in a machine second, and stand still at `ceiling`."""
        ...


class Feed(Protocol):
    """A source of market data. Bars and rolls are facts of the past: asked twice, it answers the same.

    Every method raises Unavailable if the source cannot be reached and DataError if it has no usable data for
    that one item; a file that the user must supply or mend raises ConfigError.
    """

    def instruments(self) -> "Sequence[Listing]":
        """All instruments it knows, with costs, point size and roll parameters, sorted by code."""
        ...

    def chain(self, instrument: str, now: datetime) -> "Sequence[ContractListing]":
        """Contracts that can be sampled at `now`, by date; may be empty."""
        ...

    def bars(
        self, instrument: str, contract: str, frequency: Frequency, *, after: datetime | None, until: datetime
    ) -> "pd.DataFrame":
        """Bars of one contract with after < stamp <= until (columns BAR_COLUMNS); empty if there are none."""
        ...

    def rolls(self, instrument: str, *, after: datetime | None, until: datetime) -> "Sequence[Roll]":
        """Rolls that the source records with after < stamp <= until; the first of all sets the first contracts."""
        ...

    def currency_pairs(self) -> Sequence[str]:
        """Pairs such as EURUSD (USD for one EUR), sorted."""
        ...

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> "pd.DataFrame":
        """Rates with after < stamp <= until in one column `rate`."""
        ...

    def quote(self, instrument: str, contract: str, now: datetime) -> "Quote | None":
        """Best bid and ask with sizes; None when there is no recent price."""
        ...


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


class Notifier(Protocol):
    """Tells a human. Never blocks and never raises: what cannot be delivered is kept in a bounded queue."""

    def alert(self, alert: Alert) -> None:
        """Say it, unless an incident with this key is already open."""
        ...

    def recover(self, key: str, text: str) -> None:
        """Say that the incident is over, if one with this key is open."""
        ...

    def flush(self, seconds: float) -> None:
        """Deliver what is queued, for at most this much machine time."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A child to start: `arguments` follow `sysproduction` on a command line that would do the same. `fresh`: in an
    interpreter of its own instead of forked from the template."""

    name: str
    arguments: tuple[str, ...]
    log_path: str
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child and its descendants use: resident memory, and CPU time since each began."""

    memory_mb: float
    cpu_seconds: float


class Programs(Protocol):
    """Start and signal programs, and tell who is alive. An identity is never confused with a recycled pid."""

    def myself(self) -> Identity:
        """The calling process."""
        ...

    def alive(self, identity: Identity) -> bool:
        """Whether exactly this process exists on this host (zombies do not count)."""
        ...

    def start(self, program: Program) -> Identity:
        """Start a child in its own session, its output appended to its log; raises Unavailable."""
        ...

    def signal(self, identity: Identity, number: int) -> bool:
        """Send a signal to the child's whole group; False if it is gone. SIGKILL ends everything that the child has
        started, wherever it went, also when the child itself is gone."""
        ...

    def dump_stacks(self, identity: Identity) -> bool:
        """Have the child write the stacks of its threads to its log; False if it cannot."""
        ...

    def watch(self, identity: Identity) -> None:
        """Let `wait` return early when this process, started by somebody else, ends."""
        ...

    def exit_code(self, identity: Identity) -> int | None:
        """Exit code of a child that has ended (negative: signal), None if it is alive or unknown."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after `seconds` of machine time, or earlier when a child ends or a signal arrives."""
        ...

    def usage(self, identity: Identity) -> Usage | None:
        """What it uses, None if it is gone."""
        ...

    def close(self) -> None:
        """Let go of what starts children; the children go on."""
        ...


class InitSystem(Protocol):
    """What started this program as a service, if anything did (systemd); no call blocks or raises, each returns
    whether it was told."""

    def ready(self) -> bool:
        """Start-up, or a reload, is complete."""
        ...

    def reloading(self) -> bool:
        """A reload has begun."""
        ...

    def stopping(self) -> bool:
        """The end has begun."""
        ...

    def alive(self, now_monotonic: float) -> bool:
        """The main loop turns; said as often as its watchdog wants to hear it."""
        ...


BeatHeart = Callable[[str, float], None]
"""Told the method that begins and its time-out in seconds, or "" and 0 between methods."""


class Signals(Protocol):
    """Signals as a queue: handlers only append, the owner's loop drains."""

    def listen(self) -> None:
        """From now on queue the signals that ask a program to end or to reload (main thread only)."""
        ...

    def drain(self) -> list[int]:
        """Signals received since the last call."""
        ...

    def wait(self, seconds: float, *others: Any) -> list[Any]:
        """Return after `seconds` of machine time, when a signal or a wake arrives, or when some of `others` (sockets,
        handles) can be read: those."""
        ...

    def close(self) -> None:
        """Listen no more; idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that a process may use. Only processes, wiring and ops name it; what they call
    receives the one or two ports that it needs."""

    clock: Clock
    documents: Documents
    series: Series
    feed: Feed
    notifier: Notifier
    folders: Folders
    max_price_spike: float = 8.0
    stale_after_days: int = 5
    rolls: RollPolicies = field(default_factory=RollPolicies)
    capital: CapitalPolicy = field(default_factory=CapitalPolicy)
    strategies: Strategies = field(default_factory=Strategies)
    dumps: DocumentDumps | None = None
    backups: BackupPolicy | None = None
