"""Contracts as stored: which ones are sampled, when they expire, when a feed listed them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sysproduction.ports import Documents
from sysproduction.stores.upsert import upsert

COLLECTION: Final = "contracts"


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """One contract. `approximate` tells that no source knows the expiry and roll parameters gave it;
    `first_seen` and `last_seen` are when a feed's chain first and, to within a week, last had it."""

    instrument: str
    contract: str
    sampling: bool
    expiry: date
    approximate: bool
    first_seen: datetime
    last_seen: datetime

    @property
    def key(self) -> str:
        """INSTRUMENT/CONTRACT."""
        return f"{self.instrument}/{self.contract}"


class Contracts:
    """Typed access to the collection `contracts`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.declare(COLLECTION, indexes=[("instrument", "contract"), ("sampling",)])

    def put(self, record: ContractRecord) -> bool:
        """Store or update; whether that changed anything."""
        body = {
            "instrument": record.instrument,
            "contract": record.contract,
            "sampling": record.sampling,
            "expiry": record.expiry.isoformat(),
            "approximate": record.approximate,
            "first_seen": record.first_seen,
            "last_seen": record.last_seen,
        }
        return upsert(self._documents, COLLECTION, record.key, body)

    def of(self, instrument: str) -> list[ContractRecord]:
        """Every contract of the instrument, by date."""
        found = self._documents.find(COLLECTION, equal={"instrument": instrument}, order=["contract"])
        return [_record(document.body) for document in found]

    def all(self) -> list[ContractRecord]:
        """Every contract, by instrument and date."""
        found = self._documents.find(COLLECTION, order=["instrument", "contract"])
        return [_record(document.body) for document in found]

    def sampled(self) -> dict[str, list[str]]:
        """Contracts to bring prices of, by date, for each instrument that has any, by code."""
        found = self._documents.find(COLLECTION, equal={"sampling": True}, order=["instrument", "contract"])
        sampled: dict[str, list[str]] = {}
        for document in found:
            sampled.setdefault(document.body["instrument"], []).append(document.body["contract"])
        return sampled


def _record(body: Mapping[str, Any]) -> ContractRecord:
    return ContractRecord(**{**body, "expiry": date.fromisoformat(body["expiry"])})
