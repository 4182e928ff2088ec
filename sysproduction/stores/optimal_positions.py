"""Optimal positions as stored: one document for each decision of a strategy, of which the last one counts."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.domain.optimal_positions import Choice, OptimalPosition, OptimalPositions
from sysproduction.domain.strategies import PositionMethod
from sysproduction.ports import Documents

COLLECTION: Final = "optimal_positions"


class OptimalPositionStore:
    """Typed access to the collection `optimal_positions`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.declare(COLLECTION, unique=[("strategy", "number")])

    def last(self, strategy: str) -> OptimalPositions | None:
        """The decision that counts, or None."""
        found = self.history(strategy, limit=1)
        return found[0] if found else None

    def history(self, strategy: str, limit: int | None = None) -> list[OptimalPositions]:
        """Decisions, newest first."""
        found = self._documents.find(COLLECTION, equal={"strategy": strategy}, order=["-number"], limit=limit)
        return [_positions(document.body) for document in found]

    def add(self, positions: OptimalPositions) -> None:
        """Store the decision that follows the last one; raises Conflict if somebody else stored one meanwhile."""
        key = f"{positions.strategy}#{positions.number:06d}"
        try:
            self._documents.insert(COLLECTION, key, _body(positions))
        except AlreadyExists as reason:
            raise Conflict(f"optimal positions {key} were stored by somebody else: try again") from reason


def _body(positions: OptimalPositions) -> dict[str, Any]:
    """Codes may hold what a field's name may not, so maps are stored as lists; moments as text, to the microsecond."""
    return {
        "strategy": positions.strategy,
        "number": positions.number,
        "day": positions.day.isoformat(),
        "at": positions.at.isoformat(),
        "method": str(positions.method),
        "capital": positions.capital,
        "inputs": positions.inputs,
        "positions": [_position_body(position) for position in positions.positions],
        "excluded": [[code, reason] for code, reason in sorted(positions.excluded.items())],
        "versions": [[name, number] for name, number in sorted(positions.versions.items())],
    }


def _positions(body: Mapping[str, Any]) -> OptimalPositions:
    return OptimalPositions(
        strategy=body["strategy"],
        number=body["number"],
        day=date.fromisoformat(body["day"]),
        at=datetime.fromisoformat(body["at"]),
        method=PositionMethod(body["method"]),
        capital=body["capital"],
        inputs=body["inputs"],
        positions=tuple(_position(position) for position in body["positions"]),
        excluded=dict(body["excluded"]),
        versions=dict(body["versions"]),
    )


def _position_body(position: OptimalPosition) -> dict[str, Any]:
    at = position.reference_at
    return asdict(position) | {"reference_at": at.isoformat() if at else None}


def _position(body: Mapping[str, Any]) -> OptimalPosition:
    at, choice = body["reference_at"], body.get("choice")
    said = {"reference_at": datetime.fromisoformat(at) if at else None, "choice": Choice(**choice) if choice else None}
    return OptimalPosition(**{**body, **said})
