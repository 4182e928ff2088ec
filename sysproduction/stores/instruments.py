"""Instruments as stored: costs, point size and roll parameters by code."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, DataError
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters
from sysproduction.ports import Documents

COLLECTION: Final = "instruments"
_EDIT: Final = "roll_parameters_edited"
_EDITED: Final = ("roll_parameters", _EDIT)


@dataclass(frozen=True, slots=True)
class Edit:
    """Who set the roll parameters by hand, when and why."""

    by: str
    at: datetime
    reason: str


class Instruments:
    """Typed access to the collection `instruments`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def put(self, listing: Listing) -> bool:
        """Store or update a definition; whether that changed anything. Roll parameters that an operator edited stay."""

        def updated(stored: Mapping[str, Any] | None) -> Mapping[str, Any]:
            body = asdict(listing.instrument) | {"roll_parameters": asdict(listing.roll_parameters)}
            kept = {} if stored is None or _EDIT not in stored else {name: stored[name] for name in _EDITED}
            return body | kept

        return self._change(listing.instrument.code, updated)

    def edit(self, code: str, parameters: RollParameters, edit: Edit) -> None:
        """Set roll parameters by hand: from now on no feed's definition changes them. DataError as `get`."""
        self.get(code)
        self._change(
            code, lambda stored: {**(stored or {}), "roll_parameters": asdict(parameters), _EDIT: asdict(edit)}
        )

    def edit_of(self, code: str) -> Edit | None:
        """Who set the roll parameters by hand; None where they are a feed's."""
        document = self._documents.get(COLLECTION, code)
        edit = document.body.get(_EDIT) if document is not None else None
        return Edit(**edit) if edit else None

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

    def _change(self, code: str, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any]]) -> bool:
        """Write what the stored body becomes, whoever else writes meanwhile; False if that is what it is."""
        while True:
            stored = self._documents.get(COLLECTION, code)
            body = change(None if stored is None else stored.body)
            if stored is not None and dict(stored.body) == dict(body):
                return False
            try:
                if stored is None:
                    self._documents.insert(COLLECTION, code, body)
                else:
                    self._documents.replace(COLLECTION, code, body, stored.version)
            except (AlreadyExists, Conflict):
                continue
            return True


def unknown_instrument(code: str, known: list[str]) -> DataError:
    """The error for a code that is not among `known`, with the nearest one."""
    close = get_close_matches(code.upper(), {name.upper(): name for name in known}, n=1, cutoff=0.5)
    nearest = [name for name in known if name.upper() in close]
    hint = (
        f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known) or 'none: import or update first'}"
    )
    return DataError(f"unknown instrument {code}: {hint}")


def _listing(body: Mapping[str, Any]) -> Listing:
    fields = {name: value for name, value in body.items() if name != _EDIT}
    return Listing(roll_parameters=RollParameters(**fields.pop("roll_parameters")), instrument=Instrument(**fields))
