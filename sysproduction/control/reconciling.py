"""Reconciliation as an operator sees and signs it: what differs from the broker, and the entries that mend it.

Nothing is recorded but what a named human accepts: an execution that the broker tells of, a number of contracts at a
price that the human gives, or that an order of unknown outcome is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sysproduction.control.hand_fills import record_balance
from sysproduction.control.order_entry import MANUAL_ACCOUNT, EntryDesk, known, real_price
from sysproduction.domain.errors import Conflict, DataError, Refused, Unavailable
from sysproduction.domain.fills import Fill
from sysproduction.domain.order_states import BrokerEvent, BrokerStatus, after
from sysproduction.domain.reconciliation import Finding, Proposal, compare, unknown_outcome
from sysproduction.orders.reconciling import read_steady
from sysproduction.ports import Broker
from sysproduction.stores.order_controls import LockKind, Locks
from sysproduction.stores.proposals import Proposals, ProposalState, StoredProposal

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What differs. `compared` tells that the broker was asked now; otherwise rows are what the last comparison of the
    stack handler left, and `why` says why. `locked` are the instruments that a break has locked."""

    at: datetime
    compared: bool
    why: str
    findings: Sequence[Row]
    locked: Sequence[str]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a human adds to a proposal: whose it is, and at what price, where the proposal does not say."""

    strategy: str | None = None
    price: float | None = None


def view(desk: EntryDesk, broker: Broker | None) -> Reconciliation:
    """Compare now, if the broker can be reached; proposals that this finds are stored under their identifiers."""
    locked = sorted(lock.instrument for lock in Locks(desk.documents).all() if lock.kind is LockKind.BREAK)
    if broker is None:
        return Reconciliation(desk.now, False, "no broker is configured", _left(desk), locked)
    try:
        findings, named = _look(desk, broker)
    except Unavailable as error:
        return Reconciliation(desk.now, False, str(error), _left(desk), locked)
    rows = [_row(one, named.get(one.proposal.content) if one.proposal else None) for one in findings]
    return Reconciliation(desk.now, True, "", rows, locked)


def accept(desk: EntryDesk, broker: Broker | None, proposal_id: str, signed: Signature) -> Proposal | Refused:
    """Sign a proposal: its entry is written, once. Refused if it no longer holds, or if something is missing. Entries
    need a comparison at this moment (Unavailable if the broker is away); that an order is over does not."""
    answer = desk.forbidden or _accept(desk, broker, proposal_id, signed)
    return desk.told("reconcile accept", proposal_id, answer)


def _accept(desk: EntryDesk, broker: Broker | None, proposal_id: str, signed: Signature) -> Proposal | Refused:
    away = _compared(desk, broker)
    standing = Proposals(desk.documents).get(proposal_id)
    if standing is None:
        return Refused(f"there is no proposal {proposal_id}: `sysproduction reconcile` shows those that wait")
    if standing.state is not ProposalState.OPEN:
        by = f" by {standing.word.by}: {standing.word.why}" if standing.word else ""
        return Refused(f"{proposal_id} is {standing.state}{by}; `sysproduction reconcile` shows those that wait")
    if standing.proposal.client_order_id is not None:
        return _over(desk, standing, standing.proposal.client_order_id)
    if away is not None:
        raise away
    return _recorded(desk, standing, signed)


def _compared(desk: EntryDesk, broker: Broker | None) -> Unavailable | None:
    """None once proposals are those of this moment; otherwise why they are not."""
    if broker is None:
        return Unavailable("no broker is configured, so nothing can be compared")
    try:
        _look(desk, broker)
    except Unavailable as error:
        return error
    return None


def _over(desk: EntryDesk, standing: StoredProposal, client_order_id: str) -> Proposal | Refused:
    order = desk.stack.get_broker(client_order_id)
    if order is None:
        return Refused(f"there is no order {client_order_id}")
    status = after(order.status, BrokerEvent.SIGNED)
    if isinstance(status, Refused):
        return status
    desk.note("reconcile accept", order.parent, {"proposal": standing.proposal_id, "is over": client_order_id})
    why = f"{desk.by}: {desk.why}"
    try:
        desk.stack.replace_broker(replace(order, status=status, active=False, completed_at=desk.now, why=why))
    except Conflict:
        return Refused(f"{client_order_id} has changed meanwhile: look again")
    return _close(desk, standing)


def _recorded(desk: EntryDesk, standing: StoredProposal, signed: Signature) -> Proposal | Refused:
    proposal = standing.proposal
    fill = _fill(desk, standing, signed)
    if isinstance(fill, Refused):
        return fill
    if desk.ledger.of_execution(fill.account, fill.execution_id):
        _close(desk, standing)
        return Refused(f"{fill.execution} is on record already: look again")
    held = desk.ledger.positions().contracts.get((proposal.instrument, proposal.contract), 0)
    if proposal.execution is None and held != proposal.ours:
        return Refused(f"{held:+d} {proposal.contract} is held now, and it was {proposal.ours:+d}: look again")
    details = {"proposal": standing.proposal_id, "contract": fill.contract, "quantity": fill.quantity}
    desk.note("reconcile accept", fill.instrument, {**details, "price": fill.price, "strategy": fill.strategy})
    try:
        if proposal.execution is None:
            record_balance(desk, fill)
        else:
            desk.ledger.record(fill)
    except DataError as error:
        return Refused(str(error))
    return _close(desk, standing)


def _fill(desk: EntryDesk, standing: StoredProposal, signed: Signature) -> Fill | Refused:
    """The entry, with whose it is and its price."""
    proposal = standing.proposal
    strategy = signed.strategy or proposal.strategy
    if strategy is None:
        return Refused(f"say whose {proposal.quantity:+d} {proposal.contract} is: --strategy NAME")
    told = proposal.execution
    price = signed.price if told is None else told.price
    if told is not None and signed.price is not None:
        return Refused(f"the broker tells its price, {told.price:g}: leave --price out")
    if price is None:
        return Refused("no execution tells the price: give --price")
    refused = known(desk, strategy, proposal.instrument) or real_price(price)
    if refused is not None:
        return refused
    return Fill(
        execution_id=told.execution_id if told else standing.proposal_id,
        revision=told.revision if told else 0,
        account=told.account if told else MANUAL_ACCOUNT,
        strategy=strategy,
        instrument=proposal.instrument,
        contract=proposal.contract,
        quantity=proposal.quantity,
        price=price,
        at=told.at if told else desk.now,
        commission=told.commission if told else 0.0,
        by=desk.by,
        recorded_at=desk.now,
    )


def _close(desk: EntryDesk, standing: StoredProposal) -> Proposal:
    proposals = Proposals(desk.documents)
    proposals.close(proposals.get(standing.proposal_id) or standing, ProposalState.ACCEPTED, desk.word)
    return standing.proposal


def _look(desk: EntryDesk, broker: Broker) -> tuple[list[Finding], dict[str, str]]:
    """What differs now, and the identifiers of what is proposed, by content."""
    findings = compare(read_steady(desk.stack, desk.ledger, broker, desk.now))
    wanted = [one.proposal for one in findings if one.proposal is not None]
    return findings, Proposals(desk.documents).refresh(wanted, desk.now)


def _left(desk: EntryDesk) -> list[Row]:
    """Without the broker: what was proposed last, and orders whose outcome nobody knows, which can be signed."""
    proposals, unknown = (
        Proposals(desk.documents),
        [order for order in desk.stack.active_brokers() if order.status is BrokerStatus.UNKNOWN],
    )
    found = [one.proposal for one in map(unknown_outcome, unknown) if one.proposal is not None]
    proposals.propose(found, desk.now)
    return [_row(_finding(one.proposal), one.proposal_id) for one in proposals.open()]


def _finding(proposal: Proposal) -> Finding:
    subject = proposal.client_order_id or proposal.contract
    return Finding(proposal.kind, proposal.instrument, subject, f"{subject}, as it was last seen", proposal)


def _row(finding: Finding, proposal_id: str | None) -> Row:
    proposed = finding.proposal
    return {
        "kind": str(finding.kind),
        "instrument": finding.instrument,
        "found": finding.text,
        "proposal": proposal_id,
        "accept_to": None if proposed is None else proposed.text,
        "strategy": None if proposed is None else proposed.strategy,
    }
