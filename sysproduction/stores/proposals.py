"""Entries that a comparison with the broker proposes, until a named human signs them or they are no longer needed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sysproduction.domain.broker import Execution
from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.domain.reconciliation import FindingKind, Proposal, proposal_id
from sysproduction.ports import Document, Documents
from sysproduction.stores.order_controls import Word

COLLECTION: Final = "reconcile_proposals"


class ProposalState(StrEnum):
    """GONE: the last comparison did not find it any more."""

    OPEN = "open"
    ACCEPTED = "accepted"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """A proposal under its identifier; `word` is that of who accepted it."""

    proposal_id: str
    proposal: Proposal
    state: ProposalState
    found_at: datetime
    word: Word | None
    version: int


class Proposals:
    """Typed access to the collection `reconcile_proposals`; documents stay, as a record of what was signed."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.declare(COLLECTION, indexes=[("state",)])

    def get(self, identifier: str) -> StoredProposal | None:
        """The proposal, or None."""
        document = self._documents.get(COLLECTION, identifier)
        return None if document is None else _stored(document)

    def open(self) -> list[StoredProposal]:
        """What waits for a signature, by identifier."""
        return [_stored(one) for one in self._documents.find(COLLECTION, equal={"state": str(ProposalState.OPEN)})]

    def propose(self, found: Sequence[Proposal], now: datetime) -> dict[str, str]:
        """Make these open, beside those that are; the identifier of each, by content. What comes back after it was
        accepted gets an identifier of its own."""
        return {proposal.content: self._reopened(proposal, now) for proposal in found}

    def refresh(self, found: Sequence[Proposal], now: datetime) -> dict[str, str]:
        """The same, for all that there is: what is open and not found is GONE."""
        named = self.propose(found, now)
        for standing in self.open():
            if standing.proposal_id not in named.values():
                self.close(standing, ProposalState.GONE)
        return named

    def close(self, standing: StoredProposal, state: ProposalState, word: Word | None = None) -> None:
        """End a proposal; whoever writes it at the same time does no harm."""
        with suppress(Conflict):
            body = _body(standing.proposal, state, standing.found_at, word)
            self._documents.replace(COLLECTION, standing.proposal_id, body, standing.version)

    def _reopened(self, proposal: Proposal, now: datetime) -> str:
        number = 1
        while True:
            identifier = proposal_id(proposal.content, number)
            standing = self.get(identifier)
            if standing is None:
                with suppress(AlreadyExists):
                    self._documents.insert(COLLECTION, identifier, _body(proposal, ProposalState.OPEN, now, None))
            elif standing.state is ProposalState.OPEN:
                return identifier
            elif standing.state is ProposalState.ACCEPTED:
                number += 1
            else:
                with suppress(Conflict):
                    body = _body(proposal, ProposalState.OPEN, now, None)
                    self._documents.replace(COLLECTION, identifier, body, standing.version)


def _body(proposal: Proposal, state: ProposalState, found_at: datetime, word: Word | None) -> dict[str, Any]:
    signed = None if word is None else asdict(word)
    return {**asdict(proposal), "kind": str(proposal.kind), "state": str(state), "found_at": found_at, "word": signed}


def _stored(document: Document) -> StoredProposal:
    body: dict[str, Any] = dict(document.body)
    state, found_at, word = ProposalState(body.pop("state")), body.pop("found_at"), body.pop("word")
    signed = None if word is None else Word(**word)
    return StoredProposal(document.key, _proposal(body), state, found_at, signed, document.version)


def _proposal(body: Mapping[str, Any]) -> Proposal:
    told = body["execution"]
    execution = None if told is None else Execution(**told)
    return Proposal(**{**body, "kind": FindingKind(body["kind"]), "execution": execution})
