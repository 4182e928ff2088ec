"""Futures instruments: what one block of one is worth and costs."""

from dataclasses import dataclass
from datetime import datetime

from sysproduction.domain.rolls import RollParameters


@dataclass(frozen=True, slots=True)
class Instrument:
    """One futures market. `point_size` is money in `currency` for a price move of 1 on one contract. Costs:
    `per_block` and `per_trade` in currency, `percentage` as a fraction of value, `spread_cost` in price points
    (half the usual bid-ask spread). `tick_size` is the smallest price step; 0: not known."""

    code: str
    description: str
    point_size: float
    currency: str
    asset_class: str
    region: str
    per_block: float = 0.0
    percentage: float = 0.0
    per_trade: float = 0.0
    spread_cost: float = 0.0
    tick_size: float = 0.0


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument as a feed lists it: with the roll parameters that its contracts follow."""

    instrument: Instrument
    roll_parameters: RollParameters


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices at a moment; sizes in contracts."""

    at: datetime
    bid: float
    ask: float
    bid_size: int
    ask_size: int
