"""Orders on their three levels: what a strategy wants, what is traded in which contract, what the broker is told.

Children name their parent; parents do not list children. What was filled is never stored in an order: it is a fold of
the fills (`domain.fills`). Identifiers derive from content, so that whoever makes an order again makes the same one.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final

from sysproduction.domain.order_states import BrokerStatus

ROLL_STRATEGY: Final = "_ROLL"
"""The strategy of roll orders: what it holds over all contracts of an instrument is nothing, once they are filled."""

_ID_CHARACTERS: Final = 18


class OrderType(StrEnum):
    """What kind of order an instrument or contract order is."""

    BEST = "best"
    MARKET = "market"
    LIMIT = "limit"
    BALANCE = "balance"
    ROLL = "roll"
    PANIC = "panic"


class BrokerOrderType(StrEnum):
    """What the broker is told to do."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    SNAP = "snap"


class Outcome(StrEnum):
    """How an instrument or contract order ended; the fills say how much of it was traded."""

    FILLED = "filled"
    PARTLY_FILLED = "partly_filled"
    UNFILLED = "unfilled"
    REFUSED = "refused"


class AlgoPhase(StrEnum):
    """Where an execution algorithm stands with its present broker order."""

    PASSIVE = "passive"
    AGGRESSIVE = "aggressive"
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class Leg:
    """Contracts to trade of one delivery: positive buys."""

    contract: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reference:
    """The price that the decision saw, in the contract that it is of."""

    price: float
    contract: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AlgoState:
    """What an execution algorithm remembers of its present broker order: when it began, the price of its passive side
    at that time, and the limit that stands."""

    phase: AlgoPhase
    began_at: datetime
    passive_price: float | None = None
    limit_price: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedChild:
    """All that the contract order `number` of an instrument order is made from."""

    number: int
    legs: tuple[Leg, ...]
    order_type: OrderType
    algo: str
    limit_price: float | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class InstrumentOrder:
    """What a strategy (or an operator) decided to trade of an instrument; `quantity` is signed.

    `decision` is the same text for the same decision and has no slash. `plan` holds the contract orders: stored once,
    by compare and set, before any of them is; None: not spawned yet. `version` 0: not stored yet. While `active` the
    order is worked on; afterwards it is its own archive.
    """

    strategy: str
    instrument: str
    decision: str
    quantity: int
    order_type: OrderType
    generated_at: datetime
    by: str
    limit_price: float | None = None
    reference: Reference | None = None
    why: str = ""
    plan: tuple[PlannedChild, ...] | None = None
    active: bool = True
    completed_at: datetime | None = None
    outcome: Outcome | None = None
    version: int = 0

    @property
    def order_id(self) -> str:
        """STRATEGY/INSTRUMENT/DECISION."""
        return f"{self.strategy}/{self.instrument}/{self.decision}"


@dataclass(frozen=True, slots=True)
class ContractOrder:
    """One trade in one contract, or in several legs at once, for an instrument order; child `number` of its plan."""

    parent: str
    number: int
    strategy: str
    instrument: str
    legs: tuple[Leg, ...]
    order_type: OrderType
    algo: str
    limit_price: float | None = None
    reference: Reference | None = None
    algo_state: AlgoState | None = None
    generated_at: datetime | None = None
    active: bool = True
    completed_at: datetime | None = None
    outcome: Outcome | None = None
    why: str = ""
    version: int = 0

    @property
    def order_id(self) -> str:
        """PARENT/NUMBER."""
        return f"{self.parent}/{self.number}"


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """What the broker was told, or is about to be: stored as SUBMITTING before the call.

    `parent` is the contract order and `attempt` counts its broker orders from 1; both make the identifier that travels
    to the broker, so an attempt can exist only once. `submitted_at` is market time at which the intent was stored,
    `bid` and `ask` what one unit of the legs was quoted at then, the first leg bought (None: there was no quote).
    `why` tells the broker's or an operator's word on how it stands.
    """

    parent: str
    attempt: int
    instrument_order: str
    strategy: str
    instrument: str
    legs: tuple[Leg, ...]
    order_type: BrokerOrderType
    submitted_at: datetime
    limit_price: float | None = None
    stop_price: float | None = None
    bid: float | None = None
    ask: float | None = None
    status: BrokerStatus = field(default=BrokerStatus.SUBMITTING)
    broker_id: str | None = None
    why: str = ""
    active: bool = True
    completed_at: datetime | None = None
    version: int = 0

    @property
    def client_order_id(self) -> str:
        """The identifier in the broker's reference field, the same whenever and wherever it is derived."""
        return client_order_id(self.parent, self.attempt)


@lru_cache(maxsize=16_384)
def client_order_id(parent: str, attempt: int) -> str:
    """SP and 18 letters and digits, from the contract order and the attempt."""
    digest = sha256(f"{parent}.{attempt}".encode()).digest()
    return "SP" + base64.b32encode(digest).decode()[:_ID_CHARACTERS]


def quantity_of(legs: tuple[Leg, ...]) -> int:
    """What the legs change of the instrument's position as a whole; 0 for a spread of equal legs."""
    return sum(leg.quantity for leg in legs)


def size_of(legs: tuple[Leg, ...]) -> int:
    """Contracts that an order trades, whatever the direction: of the largest leg."""
    return max((abs(leg.quantity) for leg in legs), default=0)
