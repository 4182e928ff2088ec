"""What restrains orders by an operator's word: limits, overrides and locks, each with who, when and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.overrides import Override, OverrideKind, combined
from sysproduction.ports import Documents
from sysproduction.stores.upsert import upsert

LIMITS: Final = "order_limits"
OVERRIDES: Final = "order_overrides"
LOCKS: Final = "order_locks"
ALL: Final = "*"
"""Stands for all strategies, or for all instruments, in keys."""


@dataclass(frozen=True, slots=True)
class Word:
    """Who set it, when and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A limit that is in force."""

    limit: TradeLimit | PositionLimit
    word: Word

    @property
    def key(self) -> str:
        """One per kind, instrument, strategy and, for trades, length of the window."""
        return _limit_key(self.limit)


@dataclass(frozen=True, slots=True)
class SetOverride:
    """An override of a strategy, of an instrument, or of a strategy in an instrument (None: of all)."""

    strategy: str | None
    instrument: str | None
    override: Override
    word: Word

    @property
    def key(self) -> str:
        """STRATEGY/INSTRUMENT."""
        return f"{self.strategy or ALL}/{self.instrument or ALL}"


class LockKind(StrEnum):
    """BREAK: positions here and at the broker differ, and the machine takes it away when they no longer do. MANUAL: an
    operator's, which only an operator takes away."""

    BREAK = "break"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Lock:
    """Nothing of this instrument is sent while it stands."""

    instrument: str
    kind: LockKind
    word: Word


class Limits:
    """Typed access to the collection `order_limits`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def put(self, limit: SetLimit) -> None:
        """Set a limit, in place of an earlier one of the same kind, instrument, strategy and window."""
        kind = "trade" if isinstance(limit.limit, TradeLimit) else "position"
        upsert(self._documents, LIMITS, limit.key, {"kind": kind, **asdict(limit.limit), **asdict(limit.word)})

    def remove(self, limit: TradeLimit | PositionLimit) -> bool:
        """Take a limit away, whatever its number of contracts; False if there is none."""
        return _delete(self._documents, LIMITS, _limit_key(limit))

    def all(self) -> list[SetLimit]:
        """Every limit, by kind, instrument, strategy and window."""
        return [_limit(document.body) for document in self._documents.find(LIMITS)]


class Overrides:
    """Typed access to the collection `order_overrides`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def put(self, override: SetOverride) -> None:
        """Set an override, in place of an earlier one of the same strategy and instrument."""
        said, word = override.override, asdict(override.word)
        body = {"strategy": override.strategy, "instrument": override.instrument, "kind": str(said.kind)}
        upsert(self._documents, OVERRIDES, override.key, {**body, "factor": said.factor, **word})

    def remove(self, strategy: str | None, instrument: str | None) -> bool:
        """Take an override away; False if there is none."""
        return _delete(self._documents, OVERRIDES, f"{strategy or ALL}/{instrument or ALL}")

    def all(self) -> list[SetOverride]:
        """Every override, by strategy and instrument."""
        return [_override(document.body) for document in self._documents.find(OVERRIDES)]

    def of(self, strategy: str, instrument: str) -> Override:
        """What all overrides that apply add up to."""
        return applying(self.all(), strategy, instrument)


class Locks:
    """Typed access to the collection `order_locks`: a document for each instrument and kind, so that the machine, which
    only ever touches its own kind, cannot take an operator's lock away."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def lock(self, lock: Lock) -> bool:
        """Lock; False if this instrument has a lock of this kind, which stays as it is."""
        body = {"instrument": lock.instrument, "kind": str(lock.kind), **asdict(lock.word)}
        try:
            self._documents.insert(LOCKS, f"{lock.instrument}/{lock.kind}", body)
        except AlreadyExists:
            return False
        return True

    def unlock(self, instrument: str, kind: LockKind) -> bool:
        """Take the lock of this kind away; False if there is none. MANUAL is an operator's command only."""
        return _delete(self._documents, LOCKS, f"{instrument}/{kind}")

    def of(self, instrument: str) -> list[Lock]:
        """The locks of an instrument."""
        found = [self._documents.get(LOCKS, f"{instrument}/{kind}") for kind in LockKind]
        return [_lock(document.body) for document in found if document is not None]

    def all(self) -> list[Lock]:
        """Every lock, by instrument."""
        return [_lock(document.body) for document in self._documents.find(LOCKS)]


def applying(overrides: list[SetOverride], strategy: str, instrument: str) -> Override:
    """What those that apply to a strategy in an instrument add up to."""
    mine = [o for o in overrides if o.strategy in (None, strategy) and o.instrument in (None, instrument)]
    return combined(one.override for one in mine)


def _delete(documents: Documents, collection: str, key: str) -> bool:
    while (stored := documents.get(collection, key)) is not None:
        try:
            documents.delete(collection, key, stored.version)
        except Conflict:
            continue
        return True
    return False


def _limit_key(limit: TradeLimit | PositionLimit) -> str:
    of = f"{limit.instrument}/{limit.strategy or ALL}"
    return f"trade/{of}/{limit.days:g}" if isinstance(limit, TradeLimit) else f"position/{of}"


def _limit(body: Mapping[str, Any]) -> SetLimit:
    of = (body["instrument"], body["strategy"])
    if body["kind"] == "trade":
        return SetLimit(TradeLimit(*of, body["days"], body["contracts"]), _word(body))
    return SetLimit(PositionLimit(*of, body["contracts"]), _word(body))


def _override(body: Mapping[str, Any]) -> SetOverride:
    said = Override(OverrideKind(body["kind"]), body["factor"])
    return SetOverride(body["strategy"], body["instrument"], said, _word(body))


def _lock(body: Mapping[str, Any]) -> Lock:
    return Lock(body["instrument"], LockKind(body["kind"]), _word(body))


def _word(body: Mapping[str, Any]) -> Word:
    return Word(body["by"], body["at"], body["why"])
