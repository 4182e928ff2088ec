"""Three books that must agree: the broker's, the ledger of fills and the stack of orders; what differs, and which
entries would mend it. Nothing here mends anything: a named human signs. Pure."""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

from sysproduction.domain.broker import Execution, OpenOrder
from sysproduction.domain.fills import Fill, Key, Positions
from sysproduction.domain.orders import ROLL_STRATEGY, BrokerOrder

_ID_CHARACTERS: Final = 7


class FindingKind(StrEnum):
    """What differs. POSITION: contracts held. EXECUTION: one that the ledger does not have. FOREIGN_ORDER: one that
    works at the broker and is not ours. UNKNOWN_OUTCOME: one of ours that the broker says nothing of."""

    POSITION = "position"
    EXECUTION = "execution"
    FOREIGN_ORDER = "foreign order"
    UNKNOWN_OUTCOME = "unknown outcome"


@dataclass(frozen=True, slots=True)
class PositionBreak:
    """Contracts held by the ledger and by the broker that are not the same number."""

    instrument: str
    contract: str
    ours: int
    theirs: int

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.contract}: {self.ours:+d} by the ledger, {self.theirs:+d} at the broker"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a human may sign: a fill of `quantity` in `contract`, as the broker's `execution` tells (EXECUTION) or at a
    price that only the human knows (POSITION, where the ledger now holds `ours`); or that the order `client_order_id`
    is over (UNKNOWN_OUTCOME). `strategy` is whose it probably is; None: several could be."""

    kind: FindingKind
    instrument: str
    text: str
    contract: str = ""
    quantity: int = 0
    ours: int = 0
    strategy: str | None = None
    execution: Execution | None = None
    client_order_id: str | None = None

    @property
    def content(self) -> str:
        """The same for the same proposal, whoever finds it."""
        if self.execution is not None:
            return f"execution/{_name(self.execution)}#{self.execution.revision}"
        if self.client_order_id is not None:
            return f"outcome/{self.client_order_id}"
        return f"position/{self.instrument}/{self.contract}/{self.ours}/{self.quantity}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs, and what would mend it, if anything here can."""

    kind: FindingKind
    instrument: str
    subject: str
    text: str
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """All sides at one moment. `fills` are the ledger's by ACCOUNT/EXECUTION, the last revision of each; `orders` those
    of ours that the broker's executions and open orders name; `lost` live ones that neither work at the broker nor have
    any word of it."""

    ours: Positions
    theirs: Mapping[Key, int]
    open_orders: Sequence[OpenOrder] = ()
    executions: Sequence[Execution] = ()
    fills: Mapping[str, Fill] = field(default_factory=dict)
    orders: Mapping[str, BrokerOrder] = field(default_factory=dict)
    lost: Sequence[BrokerOrder] = ()


def proposal_id(content: str, number: int = 1) -> str:
    """R and seven letters and digits; with a number where the same is proposed once more after it was accepted."""
    name = "R" + base64.b32encode(sha256(content.encode()).digest()).decode()[:_ID_CHARACTERS]
    return name if number == 1 else f"{name}-{number}"


def find_breaks(ours: Mapping[Key, int], theirs: Mapping[Key, int]) -> list[PositionBreak]:
    """Every contract in which the two differ, by instrument and contract."""
    return [
        PositionBreak(*key, ours.get(key, 0), theirs.get(key, 0))
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key, 0) != theirs.get(key, 0)
    ]


def compare(books: Books) -> list[Finding]:
    """Everything that differs: positions and executions by contract, then open orders, then outcomes."""
    missing = _missing(books)
    breaks = {(one.instrument, one.contract): one for one in find_breaks(books.ours.contracts, books.theirs)}
    found: list[Finding] = []
    for key in sorted({*breaks, *missing}):
        found += _of_contract(books, breaks.get(key), missing.get(key, []))
    return [*found, *_foreign(books), *(unknown_outcome(order) for order in books.lost)]


def _missing(books: Books) -> dict[Key, list[Execution]]:
    """Executions by contract whose last revision the ledger does not have."""
    last: dict[str, Execution] = {}
    for execution in books.executions:
        known = last.get(_name(execution))
        if known is None or execution.revision > known.revision:
            last[_name(execution)] = execution
    found: dict[Key, list[Execution]] = defaultdict(list)
    for name in sorted(last):
        execution, fill = last[name], books.fills.get(name)
        if fill is None and not execution.quantity:
            continue
        if fill is None or fill.revision < execution.revision:
            found[execution.instrument, execution.contract].append(execution)
    return found


def _of_contract(books: Books, broken: PositionBreak | None, missing: Sequence[Execution]) -> Iterator[Finding]:
    """What the stack handler records by itself needs nobody; where positions agree, a human recorded it already."""
    for execution in missing:
        if execution.client_order_id in books.orders or _name(execution) in books.fills:
            text = f"{_said(execution)}: run_stack_handler records it while it runs"
            yield Finding(FindingKind.EXECUTION, execution.instrument, _name(execution), text)
        elif broken is None:
            text = f"{_said(execution)} is of no order of ours; positions agree, so it seems to be recorded by hand"
            yield Finding(FindingKind.EXECUTION, execution.instrument, _name(execution), text)
        else:
            yield _foreign_execution(books, execution)
    if broken is None:
        return
    wanted = broken.theirs - broken.ours
    told = Counter(execution.instrument for execution in missing)
    explained = sum(_change(books, execution) for execution in missing)
    if told and explained != wanted:
        text = f"{broken.text}; executions tell of {explained:+d}: accept those that are missing, then look again"
        yield Finding(FindingKind.POSITION, broken.instrument, broken.contract, text)
    elif told:
        yield Finding(FindingKind.POSITION, broken.instrument, broken.contract, f"{broken.text}, as executions tell")
    else:
        yield _unexplained(books, broken, wanted)


def _foreign_execution(books: Books, execution: Execution) -> Finding:
    text = f"{_said(execution)} is of no order of ours"
    proposal = Proposal(
        kind=FindingKind.EXECUTION,
        instrument=execution.instrument,
        text=f"record {_said(execution)}",
        contract=execution.contract,
        quantity=execution.quantity,
        ours=books.ours.contracts.get((execution.instrument, execution.contract), 0),
        strategy=_holder(books.ours, execution.instrument),
        execution=execution,
    )
    return Finding(FindingKind.EXECUTION, execution.instrument, _name(execution), text, proposal)


def _unexplained(books: Books, broken: PositionBreak, wanted: int) -> Finding:
    proposal = Proposal(
        kind=FindingKind.POSITION,
        instrument=broken.instrument,
        text=f"record {wanted:+d} {broken.contract} at a price that you give",
        contract=broken.contract,
        quantity=wanted,
        ours=broken.ours,
        strategy=_holder(books.ours, broken.instrument),
    )
    text = f"{broken.text}; no execution tells why"
    return Finding(FindingKind.POSITION, broken.instrument, broken.contract, text, proposal)


def _foreign(books: Books) -> Iterator[Finding]:
    for order in books.open_orders:
        if order.client_order_id is None or order.client_order_id not in books.orders:
            text = f"{order.broker_id} at the broker ({_legs(order)}) is not an order of ours: cancel it there"
            yield Finding(FindingKind.FOREIGN_ORDER, order.instrument, order.broker_id, text)


def unknown_outcome(order: BrokerOrder) -> Finding:
    """Of an order that the broker says nothing of."""
    identifier = order.client_order_id
    proposal = Proposal(
        kind=FindingKind.UNKNOWN_OUTCOME,
        instrument=order.instrument,
        text=f"sign that {identifier} is over at the broker; what is unfilled of it may be sent again",
        strategy=order.strategy,
        client_order_id=identifier,
    )
    text = f"{identifier} of {order.parent} is {order.status}, and the broker says nothing of it"
    return Finding(FindingKind.UNKNOWN_OUTCOME, order.instrument, identifier, text, proposal)


def _change(books: Books, execution: Execution) -> int:
    fill = books.fills.get(_name(execution))
    return execution.quantity - (fill.quantity if fill is not None else 0)


def _holder(ours: Positions, instrument: str) -> str | None:
    holders = [name for name, code in ours.strategies if code == instrument and name != ROLL_STRATEGY]
    return holders[0] if len(holders) == 1 else None


def _name(execution: Execution) -> str:
    return f"{execution.account}/{execution.execution_id}"


def _said(execution: Execution) -> str:
    return f"{execution.quantity:+d} {execution.contract} at {execution.price:g} ({_name(execution)})"


def _legs(order: OpenOrder) -> str:
    return ", ".join(f"{leg.quantity:+d} {leg.contract}" for leg in order.legs)
