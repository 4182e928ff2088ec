"""Where a run on bars is recorded, and where its bars come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from sysproduction.domain.events import BarPeriod, Event

if TYPE_CHECKING:
    from sysproduction.domain.bar_columns import BarColumns, Floats


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What is known of a run before its first event. `config` can be written as JSON: mode, parameters, fill rule,
    seed, versions, code and data hashes."""

    run_id: str
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended. `run_hash` is over the ordered payload of all streams, None unless it completed;
    `error` has the traceback and `event_index` the sequence number reached of one that failed."""

    status: RunStatus
    run_hash: str | None = None
    summary: Mapping[str, Any] | None = None
    error: str | None = None
    event_index: int | None = None


@dataclass(frozen=True, slots=True)
class IndicatorColumns:
    """Values of one strategy's indicators over all bars of one symbol of the run, by name, with the `column_hash` of
    each; row i belongs to bar i."""

    strategy: str
    symbol: str
    values: "Mapping[str, Floats]"
    hashes: Mapping[str, str]


class Journal(Protocol):
    """Keeps one run. What was committed outlives a kill -9; every call may raise Unavailable (disk full, database
    held by another writer), and the run then fails."""

    def begin(self, header: RunHeader, bars: "Sequence[BarColumns]") -> None:
        """Open the run as running, and keep its bars by content; symbols of one stamp are played in this order."""
        ...

    def processed(self, columns: IndicatorColumns) -> None:
        """Keep indicators that were computed up front; they belong to the run as far as `commit` says it came."""
        ...

    def write(self, kind: type[Event], rows: Sequence[Event]) -> None:
        """Keep events of one kind, in their order, in the transaction that the next `commit` ends. Bars come this way
        only from a feed that gives no columns."""
        ...

    def commit(self, bars_played: int) -> None:
        """Make all that was written durable, with how many bars of the run (all symbols together) have been played."""
        ...

    def end(self, end: RunEnd) -> None:
        """Close the run."""
        ...

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        ...


class BarSource(Protocol):
    """Stored bars."""

    def bars(
        self, symbols: Sequence[str], period: BarPeriod, start_ns: int | None, end_ns: int | None
    ) -> "list[BarColumns]":
        """Each symbol's bars stamped from `start_ns` to `end_ns` (included; None: no bound), in the order asked for.

        Raises DataError for a symbol that is not known (with names like it) or has no bars there.
        """
        ...
