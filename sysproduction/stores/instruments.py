"""Instruments as stored: costs, point size and roll parameters by code."""

from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters
from sysproduction.ports import Documents
from sysproduction.stores.upsert import upsert

COLLECTION: Final = "instruments"


class Instruments:
    """Typed access to the collection `instruments`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def put(self, listing: Listing) -> bool:
        """Store or update a definition; whether that changed anything."""
        body = asdict(listing.instrument) | {"roll_parameters": asdict(listing.roll_parameters)}
        return upsert(self._documents, COLLECTION, listing.instrument.code, body)

    def get(self, code: str) -> Listing:
        """The definition; DataError, with the nearest known code, if there is none."""
        document = self._documents.get(COLLECTION, code)
        if document is None:
            raise unknown_instrument(code, self.codes())
        return _listing(document.body)

    def all(self) -> list[Listing]:
        """Every definition, by code."""
        return [_listing(document.body) for document in self._documents.find(COLLECTION)]

    def codes(self) -> list[str]:
        """Every code, sorted."""
        return [document.key for document in self._documents.find(COLLECTION)]


def unknown_instrument(code: str, known: list[str]) -> DataError:
    """The error for a code that is not among `known`, with the nearest one."""
    close = get_close_matches(code.upper(), {name.upper(): name for name in known}, n=1, cutoff=0.5)
    nearest = [name for name in known if name.upper() in close]
    hint = (
        f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known) or 'none: import or update first'}"
    )
    return DataError(f"unknown instrument {code}: {hint}")


def _listing(body: Mapping[str, Any]) -> Listing:
    fields = dict(body)
    return Listing(roll_parameters=RollParameters(**fields.pop("roll_parameters")), instrument=Instrument(**fields))
