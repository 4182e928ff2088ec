"""Prices that the spike filter did not believe, one record each, until a later price or an operator clears them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists
from sysproduction.ports import Documents
from sysproduction.stores.upsert import upsert

COLLECTION: Final = "price_rejections"


@dataclass(frozen=True, slots=True)
class PriceRejected:
    """A price that was not stored: `item` is a currency pair or INSTRUMENT/CONTRACT (then `instrument` and
    `contract` are set), `multiples` its distance from `last_good` in typical changes. `accepted_at` is when
    later prices confirmed it and it was stored after all."""

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
        """Records that are not accepted, by item."""
        found: dict[str, list[PriceRejected]] = {}
        for document in self._documents.find(COLLECTION, equal={"accepted_at": None}, order=["item", "stamp"]):
            found.setdefault(document.body["item"], []).append(_rejected(document.body))
        return found

    def accept(self, records: Iterable[PriceRejected], now: datetime) -> None:
        """Note that these prices were stored after all."""
        for record in records:
            upsert(self._documents, COLLECTION, record.key, {**asdict(record), "accepted_at": now})


def _rejected(body: Mapping[str, Any]) -> PriceRejected:
    return PriceRejected(**body)
