"""Roll states as stored: one document an instrument, which is also the journal of a roll of prices, and a history.

The document is the authority: a change of state carries its own explanation, which is copied to the history
afterwards, and a roll that has begun carries everything that is needed to finish it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.rolls import Roll
from sysproduction.ports import Document, Documents

COLLECTION: Final = "roll_states"
HISTORY: Final = "roll_history"


@dataclass(frozen=True, slots=True)
class RollIntent:
    """A roll of prices that has begun: the new row (`prices` by column; None: no price) at `roll.stamp`, which follows
    the row at `last_row`; the state it began in; who asked for it, when and why."""

    roll: Roll
    previous: str
    prices: Mapping[str, float | None]
    inferred: tuple[str, ...]
    last_row: datetime
    began_in: RollState
    by: str
    at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RollChange:
    """One entry of the history, the `number`-th of its instrument. `roll` and `previous` (the contract that was left)
    are set where the prices rolled; `inferred` names prices of its row that no bar gave."""

    instrument: str
    number: int
    at: datetime
    by: str
    before: RollState
    after: RollState
    reasons: tuple[str, ...]
    roll: Roll | None = None
    previous: str | None = None
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RollStanding:
    """Where an instrument stands: its state, the roll that has begun if one has, the last change, and the stamp of the
    last roll that is in the history (or was there before the history began). Version 0 is not stored yet."""

    instrument: str
    state: RollState = RollState.NO_ROLL
    intent: RollIntent | None = None
    last: RollChange | None = None
    rolled_at: datetime | None = None
    version: int = 0


class RollStates:
    """Typed access to the collections `roll_states` and `roll_history`.

    Writes compare and set: they raise Conflict if the standing they start from is no longer the stored one.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.declare(COLLECTION, indexes=[("state",)])
        documents.declare(HISTORY, indexes=[("instrument", "number"), ("at",)])

    def get(self, instrument: str) -> RollStanding:
        """Where the instrument stands; No_Roll if nothing was ever stored."""
        document = self._documents.get(COLLECTION, instrument)
        return RollStanding(instrument) if document is None else _standing(document)

    def all(self) -> dict[str, RollStanding]:
        """Every stored standing, by code."""
        return {document.key: _standing(document) for document in self._documents.find(COLLECTION)}

    def unfinished(self) -> list[RollStanding]:
        """Those whose prices are being rolled, or were when a program died."""
        found = self._documents.find(COLLECTION, equal={"state": str(RollState.ROLL_ADJUSTED)})
        return [_standing(document) for document in found]

    def begin_history(self, standing: RollStanding, rolled_at: datetime) -> RollStanding:
        """Rolls up to this stamp need no entry: they were there before."""
        return self._write(replace(standing, rolled_at=rolled_at))

    def begin_roll(self, standing: RollStanding, intent: RollIntent) -> RollStanding:
        """Enter Roll_Adjusted with what is needed to finish the roll."""
        return self._write(replace(standing, state=RollState.ROLL_ADJUSTED, intent=intent))

    def change(self, standing: RollStanding, change: RollChange) -> RollStanding:
        """Take the state that the change leads to, and end a roll that had begun; `next_number` numbers it.

        The history is written after the document: what a crash left out is made up for by the next change, and
        `history` knows it already.
        """
        self._enter(standing.last)
        rolled_at = change.roll.stamp if change.roll else standing.rolled_at
        written = self._write(replace(standing, state=change.after, intent=None, last=change, rolled_at=rolled_at))
        self._enter(change)
        return written

    def history(self, instrument: str | None = None, limit: int | None = None) -> list[RollChange]:
        """Changes, newest first, of one instrument or of all."""
        equal = {} if instrument is None else {"instrument": instrument}
        found = self._documents.find(HISTORY, equal=equal, order=["-at", "-number"], limit=limit)
        entries = {document.key: _change(document.body) for document in found}
        standings = self.all().values() if instrument is None else [self.get(instrument)]
        entries |= {_key(standing.last): standing.last for standing in standings if standing.last is not None}
        newest_first = sorted(entries.values(), key=lambda entry: (entry.at, entry.number), reverse=True)
        return newest_first[:limit]

    def _enter(self, change: RollChange | None) -> None:
        if change is None:
            return
        try:
            self._documents.insert(HISTORY, _key(change), _change_body(change))
        except AlreadyExists:
            return

    def _write(self, standing: RollStanding) -> RollStanding:
        body = _standing_body(standing)
        if standing.version:
            document = self._documents.replace(COLLECTION, standing.instrument, body, standing.version)
            return replace(standing, version=document.version)
        try:
            document = self._documents.insert(COLLECTION, standing.instrument, body)
        except AlreadyExists as reason:
            raise Conflict(f"the roll state of {standing.instrument} was stored by somebody else") from reason
        return replace(standing, version=document.version)


def next_number(standing: RollStanding) -> int:
    """The number of the change that follows the last one."""
    return standing.last.number + 1 if standing.last else 1


def _key(change: RollChange) -> str:
    return f"{change.instrument}#{change.number:06d}"


def _standing_body(standing: RollStanding) -> dict[str, Any]:
    return {
        "state": str(standing.state),
        "intent": _intent_body(standing.intent) if standing.intent else None,
        "last": _change_body(standing.last) if standing.last else None,
        "rolled_at": standing.rolled_at.isoformat() if standing.rolled_at else None,
    }


def _standing(document: Document) -> RollStanding:
    body = document.body
    return RollStanding(
        instrument=document.key,
        state=RollState(body["state"]),
        intent=_intent(body["intent"]) if body["intent"] else None,
        last=_change(body["last"]) if body["last"] else None,
        rolled_at=datetime.fromisoformat(body["rolled_at"]) if body["rolled_at"] else None,
        version=document.version,
    )


def _intent_body(intent: RollIntent) -> dict[str, Any]:
    return {
        "roll": _roll_body(intent.roll),
        "previous": intent.previous,
        "prices": dict(intent.prices),
        "inferred": list(intent.inferred),
        "last_row": intent.last_row.isoformat(),
        "began_in": str(intent.began_in),
        "by": intent.by,
        "at": intent.at,
        "reasons": list(intent.reasons),
    }


def _intent(body: Mapping[str, Any]) -> RollIntent:
    return RollIntent(
        roll=_roll(body["roll"]),
        previous=body["previous"],
        prices=body["prices"],
        inferred=_texts(body["inferred"]),
        last_row=datetime.fromisoformat(body["last_row"]),
        began_in=RollState(body["began_in"]),
        by=body["by"],
        at=body["at"],
        reasons=_texts(body["reasons"]),
    )


def _change_body(change: RollChange) -> dict[str, Any]:
    return {
        "instrument": change.instrument,
        "number": change.number,
        "at": change.at,
        "by": change.by,
        "before": str(change.before),
        "after": str(change.after),
        "reasons": list(change.reasons),
        "roll": _roll_body(change.roll) if change.roll else None,
        "previous": change.previous,
        "inferred": list(change.inferred),
    }


def _change(body: Mapping[str, Any]) -> RollChange:
    return RollChange(
        instrument=body["instrument"],
        number=body["number"],
        at=body["at"],
        by=body["by"],
        before=RollState(body["before"]),
        after=RollState(body["after"]),
        reasons=_texts(body["reasons"]),
        roll=_roll(body["roll"]) if body["roll"] else None,
        previous=body["previous"],
        inferred=_texts(body["inferred"]),
    )


def _roll_body(roll: Roll) -> dict[str, str]:
    """Stamps as text: stored moments are kept to the millisecond only."""
    return {"stamp": roll.stamp.isoformat(), "price": roll.price, "forward": roll.forward, "carry": roll.carry}


def _roll(body: Mapping[str, str]) -> Roll:
    return Roll(datetime.fromisoformat(body["stamp"]), body["price"], body["forward"], body["carry"])


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)
