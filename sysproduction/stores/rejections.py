"""Prices that the spike filter did not believe, one record each, until a later price or an operator clears them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists
from sysproduction.ports import Documents
from sysproduction.stores.upsert import upsert

COLLECTION: Final = "price_rejections"


@dataclass(frozen=True, slots=True)
class PriceRejected:
    """A price that was not stored: `item` is a currency pair or INSTRUMENT/CONTRACT (then `instrument` and
    `contract` are set), `multiples` its distance from `last_good` in typical changes, `daily` whether a daily bar
    had it. `accepted_at` is when it was stored after all, since later prices confirmed it or an operator said so;
    `refused_at` when an operator said that it is wrong; `by` and `reason` are the operator's."""

    item: str
    instrument: str | None
    contract: str | None
    stamp: datetime
    price: float
    last_good: float
    multiples: float
    found_at: datetime
    method: str
    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    daily: bool = False

    @property
    def key(self) -> str:
        """One per item and stamp."""
        return f"{self.item}@{self.stamp.isoformat()}"


class Rejections:
    """Typed access to the collection `price_rejections`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.declare(COLLECTION, indexes=[("item", "stamp"), ("found_at",), ("accepted_at",)])

    def record(self, rejected: PriceRejected) -> bool:
        """Remember it; False if this item's price at this stamp is on record already."""
        try:
            self._documents.insert(COLLECTION, rejected.key, asdict(rejected))
        except AlreadyExists:
            return False
        return True

    def all(self) -> list[PriceRejected]:
        """Every record, by the moment it was found."""
        return [_rejected(d.body) for d in self._documents.find(COLLECTION, order=["found_at", "item", "stamp"])]

    def open(self) -> dict[str, list[PriceRejected]]:
        """Records that nobody has accepted or refused, by item."""
        return _by_item(record for record in self._unaccepted() if record.refused_at is None)

    def refused(self) -> dict[str, list[PriceRejected]]:
        """Records of prices that an operator called wrong, by item."""
        return _by_item(record for record in self._unaccepted() if record.refused_at is not None)

    def get(self, item: str, stamp: datetime) -> PriceRejected | None:
        """The record of this item's price at this stamp, or None."""
        document = self._documents.get(COLLECTION, f"{item}@{stamp.isoformat()}")
        return None if document is None else _rejected(document.body)

    def accept(self, records: Iterable[PriceRejected], now: datetime) -> None:
        """Note that these prices were stored after all."""
        for record in records:
            self.put(replace(record, accepted_at=now))

    def put(self, record: PriceRejected) -> None:
        """Store what has become of a record."""
        upsert(self._documents, COLLECTION, record.key, asdict(record))

    def _unaccepted(self) -> list[PriceRejected]:
        found = self._documents.find(COLLECTION, equal={"accepted_at": None}, order=["item", "stamp"])
        return [_rejected(document.body) for document in found]


def _by_item(records: Iterable[PriceRejected]) -> dict[str, list[PriceRejected]]:
    found: dict[str, list[PriceRejected]] = {}
    for record in records:
        found.setdefault(record.item, []).append(record)
    return found


def _rejected(body: Mapping[str, Any]) -> PriceRejected:
    return PriceRejected(**body)
