"""Rolls: which contract follows which, when a series changed contract."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sysproduction.domain.contracts import contract_name, delivery, first_day, next_in_cycle, previous_in_cycle


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
    """From `stamp` on, the series is made of these contracts. `forward_price` is the forward contract's price at the
    stamp where the source recorded one with the roll itself, apart from any bar."""

    stamp: datetime
    price: str
    forward: str
    carry: str
    forward_price: float | None = None


def next_held(contract: str, parameters: RollParameters) -> str:
    """The contract to hold after this one: its forward."""
    return next_in_cycle(contract, parameters.hold_cycle)


def previous_held(contract: str, parameters: RollParameters) -> str:
    """The contract that was held before this one."""
    return previous_in_cycle(contract, parameters.hold_cycle)


def next_priced(contract: str, parameters: RollParameters) -> str:
    """The first later contract that has prices."""
    return next_in_cycle(contract, parameters.priced_cycle)


def previous_priced(contract: str, parameters: RollParameters) -> str:
    """The last earlier contract that has prices."""
    return previous_in_cycle(contract, parameters.priced_cycle)


def carry_contract(contract: str, parameters: RollParameters) -> str:
    """The contract whose price against this one measures carry."""
    return (previous_priced if parameters.carry_offset < 0 else next_priced)(contract, parameters)


def approximate_expiry(contract: str, parameters: RollParameters) -> date:
    """Expiry where no source knows it better; a contract named by day expires on that day."""
    _, _, day = delivery(contract)
    return first_day(contract) + timedelta(days=0 if day else parameters.expiry_offset)


def desired_roll_date(contract: str, parameters: RollParameters) -> date:
    """When the contract should be left for the next one."""
    return approximate_expiry(contract, parameters) + timedelta(days=parameters.roll_offset_days)


def contracts_at(day: date, parameters: RollParameters) -> tuple[str, str, str]:
    """Price, forward and carry contract by the calendar alone: price is the first whose roll date is after `day`."""
    start = day + timedelta(days=-parameters.roll_offset_days - parameters.expiry_offset - 62)
    price = next_held(contract_name(start.year, start.month), parameters)
    while desired_roll_date(price, parameters) <= day:
        price = next_held(price, parameters)
    return price, next_held(price, parameters), carry_contract(price, parameters)
