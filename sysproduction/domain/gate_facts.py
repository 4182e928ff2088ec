"""What the risk gate goes by: facts of the moment, and rules that a human set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from sysproduction.domain.fills import Positions
from sysproduction.domain.instruments import Quote
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.orders import BrokerOrder, Leg
from sysproduction.domain.overrides import NO_OVERRIDE, Override
from sysproduction.domain.roll_states import RollState


class KillState(StrEnum):
    """NORMAL; REDUCE: only what reduces a position is sent; HALT: nothing is sent but cancels."""

    NORMAL = "normal"
    REDUCE = "reduce"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class WorkingLeg:
    """What a live broker order may still fill in one contract; of one whose outcome is unknown, all of it."""

    parent: str
    strategy: str
    instrument: str
    contract: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Funds:
    """The account in its currency; `margin_per_contract` is the broker's word, None: estimate it by the rules."""

    value: float
    margin_used: float
    margin_per_contract: float | None = None


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything that the gate knows of an order's surroundings; what could not be read is None, and then it refuses.

    `expiries` holds the contracts that exist, with their last day if it is known. `quote` is of the order's legs as
    they are traded, `outright` the price of its first contract, `value_per_point` money in the account's currency for a
    price move of 1 on one contract. `parent_legs` and `parent_filled` are of the contract order, `family_quantity` and
    `family_filled` of the instrument order (None: it is a roll, whose net is 0). `sent` reaches back over the longest
    window and may hold more than the order's own instrument; `working` holds all live orders of the instrument.
    """

    now: datetime
    kill: KillState | None
    session_open: bool
    expiries: Mapping[str, date | None]
    quote: Quote | None
    outright: float | None
    value_per_point: float | None
    funds: Funds | None
    parent_legs: tuple[Leg, ...]
    parent_filled: Mapping[str, int] = field(default_factory=dict)
    family_quantity: int | None = None
    family_filled: int = 0
    family_working: int = 0
    positions: Positions = field(default_factory=Positions)
    working: tuple[WorkingLeg, ...] = ()
    sent: tuple[BrokerOrder, ...] = ()
    override: Override = NO_OVERRIDE
    locks: tuple[str, ...] = ()
    roll_state: RollState = RollState.NO_ROLL


@dataclass(frozen=True, slots=True)
class GateRules:
    """Limits that hold for every order of whatever type.

    `size_max` contracts an order (its largest leg); `notional_max` in the account's currency; `collar` the largest
    adverse distance of an order's price from the middle of the quote, as a fraction of the outright price; counts of
    orders in any minute; `repeats_max` equal orders in `repeat_seconds`; `margin_share_max` of the account's value, and
    `margin_rate` of the notional where the broker does not say what margin is.
    """

    size_max: int = 100
    notional_max: float = 25_000_000.0
    collar: float = 0.03
    orders_per_minute: int = 120
    instrument_orders_per_minute: int = 20
    repeats_max: int = 5
    repeat_seconds: float = 60.0
    quote_age_seconds_max: float = 300.0
    margin_share_max: float = 0.8
    margin_rate: float = 0.1
    trade_limits: tuple[TradeLimit, ...] = ()
    position_limits: tuple[PositionLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class UsualLimits:
    """What holds for an instrument as a whole that has no limit of its own of that kind; contracts."""

    position_max: int = 500
    trades_per_day_max: int = 500
