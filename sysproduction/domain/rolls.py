"""Rolls: which contract follows which, when a series changed contract."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RollParameters:
    """How an instrument rolls. Cycles are month letters (FGHJKMNQUVXZ). `expiry_offset` is days from the first
    of the delivery month to the approximate expiry, `roll_offset_days` from there to the desired roll date
    (negative: before). `carry_offset` -1 measures carry against the previous priced contract, 1 the next."""

    hold_cycle: str
    priced_cycle: str
    roll_offset_days: int
    carry_offset: int
    expiry_offset: int


@dataclass(frozen=True, slots=True)
class Roll:
    """From `stamp` on, the series is made of these contracts."""

    stamp: datetime
    price: str
    forward: str
    carry: str
