"""The fill ledger: append-only, one document a fill, and a stored snapshot of the positions that it adds up to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, DataError, InvariantBroken
from sysproduction.domain.fills import Fill, Positions, applied, latest
from sysproduction.ports import Document, Documents

COLLECTION: Final = "fills"
SNAPSHOTS: Final = "position_snapshots"
SNAPSHOT_EVERY: Final = 100

_SNAPSHOT_KEY: Final = "positions"
_ATTEMPTS: Final = 1_000
_PAGE: Final = 10_000
_FAMILIES_MAX: Final = 10_000
_FACTS: Final = ("instrument", "contract", "quantity", "price")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Positions after the first `sequence` fills; `revised` are the executions among them that had a revision."""

    sequence: int = 0
    positions: Positions = field(default_factory=Positions)
    revised: frozenset[str] = frozenset()


class FillLedger:
    """Typed access to the collection `fills`, whose documents are inserted and never changed.

    One insert records a fill: its key is account, execution and revision, so it is recorded once however often it is
    told. Its `sequence` is the next whole number and unique, so whoever has read the ledger up to a number has missed
    nothing: two writers that take the same number do not both succeed, and the second takes the next one. The snapshot
    is only a saving; it says up to which number it counts, so a lost, late or repeated write of it changes nothing.
    """

    def __init__(self, documents: Documents, snapshot_every: int = SNAPSHOT_EVERY) -> None:
        self._documents = documents
        self._every = snapshot_every
        self._last = 0
        self._known: _Snapshot | None = None
        self._families: dict[str, dict[str, Fill]] = {}
        documents.declare(
            COLLECTION,
            unique=[("sequence",)],
            indexes=[
                *(("account", "execution_id"), ("client_order_id",), ("contract_order",), ("instrument_order",)),
                ("at",),
            ],
        )

    def record(self, fill: Fill) -> bool:
        """Store a fill; False if it was known. Its sequence is given by the ledger.

        Raises DataError if the same revision of this execution is on record with other contents.
        """
        for _ in range(_ATTEMPTS):
            numbered = replace(fill, sequence=self._last + 1)
            try:
                self._documents.insert(COLLECTION, fill.key, _body(numbered))
            except AlreadyExists:
                known = self.get(fill.key)
                if known is not None:
                    return _require_same(known, fill)
                self.positions()  # finds the last number; a sort of the whole ledger would take seconds
                continue
            self._last += 1
            self._see(numbered)
            self._note_snapshot()
            return True
        raise InvariantBroken(f"the ledger of fills took {_ATTEMPTS} other fills while {fill.key} was being recorded")

    def get(self, key: str) -> Fill | None:
        """The fill with this key (ACCOUNT/EXECUTION#REVISION), or None."""
        document = self._documents.get(COLLECTION, key)
        return None if document is None else _fill(document)

    def since(self, sequence: int, limit: int | None = None) -> list[Fill]:
        """Fills recorded after the `sequence`-th, in the ledger's order; at most `limit` of them."""
        beyond = (
            None if limit is None else sequence + 1 + limit
        )  # there are no gaps, so that no server need sort them all
        span = ("sequence", sequence + 1, beyond)
        found = self._documents.find(COLLECTION, between=span, order=["sequence"], limit=limit)
        return _without_gap([_fill(document) for document in found], sequence)

    def of_client_order(self, client_order_id: str) -> list[Fill]:
        """Fills of one broker order, all revisions."""
        return self._of("client_order_id", client_order_id)

    def of_contract_order(self, order_id: str) -> list[Fill]:
        """Fills of one contract order, all revisions."""
        return self._of("contract_order", order_id)

    def of_instrument_order(self, order_id: str) -> list[Fill]:
        """Fills of one instrument order, all revisions."""
        return self._of("instrument_order", order_id)

    def seen_of(self, instrument_order: str, contract_order: str | None = None) -> list[Fill]:
        """The same, or those of one of its contract orders, as of the last `positions` of this object, or later: they
        are read once, and then kept up to date by what `positions` and `record` see."""
        family = self._families.get(instrument_order)
        if family is None:
            family = self._follow(instrument_order, self.of_instrument_order(instrument_order))
        return [fill for fill in family.values() if contract_order in (None, fill.contract_order)]

    def follow_new(self, instrument_order: str) -> None:
        """No child of this order has been made yet: `seen_of` need not look for fills before now."""
        self._follow(instrument_order, [])

    def of_execution(self, account: str, execution_id: str) -> list[Fill]:
        """All revisions of one execution."""
        equal = {"account": account, "execution_id": execution_id}
        return [_fill(document) for document in self._documents.find(COLLECTION, equal=equal, order=["sequence"])]

    def executed_between(self, start: datetime | None, end: datetime | None) -> list[Fill]:
        """Fills executed in [start, end), all revisions, by time."""
        found = self._documents.find(COLLECTION, between=("at", start, end), order=["at", "sequence"])
        return [_fill(document) for document in found]

    def positions(self) -> Positions:
        """Both position tables as of now: from what was known before, or the stored snapshot, and the fills since."""
        self._known = self._advanced(self._known or self._stored())
        return self._known.positions

    def _follow(self, instrument_order: str, fills: list[Fill]) -> dict[str, Fill]:
        if len(self._families) >= _FAMILIES_MAX:
            del self._families[next(iter(self._families))]
        family = self._families[instrument_order] = {fill.key: fill for fill in fills}
        return family

    def _see(self, *fills: Fill) -> None:
        for fill in fills:
            family = self._families.get(fill.instrument_order or "")
            if family is not None:
                family[fill.key] = fill

    def _of(self, name: str, value: str) -> list[Fill]:
        found = self._documents.find(COLLECTION, equal={name: value}, order=["sequence"])
        return [_fill(document) for document in found]

    def _advanced(self, snapshot: _Snapshot) -> _Snapshot:
        while tail := self.since(snapshot.sequence, _PAGE):
            snapshot = self._after(snapshot, tail)
            self._see(*tail)
            if len(tail) < _PAGE:
                break
        self._last = max(self._last, snapshot.sequence)
        return snapshot

    def _after(self, snapshot: _Snapshot, tail: list[Fill]) -> _Snapshot:
        revised = snapshot.revised | {fill.execution for fill in tail if fill.revision}
        before = {fill.execution: self._before(fill, snapshot) for fill in tail if fill.execution in revised}
        changes = [(fill, before.get(fill.execution)) for fill in latest(tail)]
        return _Snapshot(tail[-1].sequence, applied(snapshot.positions, changes), revised)

    def _before(self, fill: Fill, snapshot: _Snapshot) -> Fill | None:
        """The revision of this execution that counts in the snapshot."""
        earlier = [f for f in self.of_execution(fill.account, fill.execution_id) if f.sequence <= snapshot.sequence]
        return next(iter(latest(earlier)), None)

    def _note_snapshot(self) -> None:
        if self._last % self._every:
            return
        self.positions()
        stored = self._documents.get(SNAPSHOTS, _SNAPSHOT_KEY)
        if self._known is None or (stored is not None and stored.body["sequence"] >= self._known.sequence):
            return
        try:
            if stored is None:
                self._documents.insert(SNAPSHOTS, _SNAPSHOT_KEY, _snapshot_body(self._known))
            else:
                self._documents.replace(SNAPSHOTS, _SNAPSHOT_KEY, _snapshot_body(self._known), stored.version)
        except (AlreadyExists, Conflict):
            return

    def _stored(self) -> _Snapshot:
        document = self._documents.get(SNAPSHOTS, _SNAPSHOT_KEY)
        return _Snapshot() if document is None else _snapshot(document.body)


def _body(fill: Fill) -> dict[str, Any]:
    return {f.name: getattr(fill, f.name) for f in fields(Fill)}


def _fill(document: Document) -> Fill:
    return Fill(**document.body)


def _require_same(known: Fill, told: Fill) -> bool:
    differing = [name for name in _FACTS if getattr(known, name) != getattr(told, name)]
    if differing:
        said = ", ".join(f"{name} {getattr(told, name)} instead of {getattr(known, name)}" for name in differing)
        raise DataError(f"fill {told.key} is on record, and now it is told with {said}: compare with the broker")
    return False


def _without_gap(fills: list[Fill], sequence: int) -> list[Fill]:
    """Fills up to the first missing number: a read that runs beside a write may see the later of two first."""
    return [fill for number, fill in enumerate(fills, start=sequence + 1) if fill.sequence == number]


def _snapshot_body(snapshot: _Snapshot) -> dict[str, Any]:
    return {
        "sequence": snapshot.sequence,
        "strategies": [[*key, quantity] for key, quantity in snapshot.positions.strategies.items()],
        "contracts": [[*key, quantity] for key, quantity in snapshot.positions.contracts.items()],
        "revised": sorted(snapshot.revised),
    }


def _snapshot(body: Mapping[str, Any]) -> _Snapshot:
    tables = [{(first, second): quantity for first, second, quantity in body[n]} for n in ("strategies", "contracts")]
    return _Snapshot(body["sequence"], Positions(*tables), frozenset(body["revised"]))
