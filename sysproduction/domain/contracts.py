"""Contracts of an instrument, named by delivery: YYYYMM00, or YYYYMMDD where a month has several."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sysproduction.domain.errors import DataError

MONTH_LETTERS: Final = "FGHJKMNQUVXZ"
"""Delivery months, January to December."""


@dataclass(frozen=True, slots=True)
class ContractListing:
    """One contract as a feed lists it; `expiry` is None where the source does not know it."""

    contract: str
    expiry: date | None = None


def contract_name(year: int, month: int) -> str:
    """The contract that delivers in that month."""
    return f"{year:04d}{month:02d}00"


def delivery(contract: str) -> tuple[int, int, int]:
    """Year, month and day (0 = the month has one contract) of delivery; DataError if the name is malformed."""
    if len(contract) == 8 and contract.isdigit():
        year, month, day = int(contract[:4]), int(contract[4:6]), int(contract[6:])
        if year > 0 and 1 <= month <= 12 and 0 <= day <= 31:
            return year, month, day
    raise DataError(f"contract {contract!r}: expected YYYYMM00 or YYYYMMDD, such as 20241200")


def first_day(contract: str) -> date:
    """First of the delivery month, or the delivery day where the name has one."""
    year, month, day = delivery(contract)
    try:
        return date(year, month, max(day, 1))
    except ValueError as reason:
        raise DataError(f"contract {contract!r}: {reason}") from reason


def next_in_cycle(contract: str, cycle: str) -> str:
    """The first contract of `cycle` (month letters) that delivers in a later month."""
    year, month, _ = delivery(contract)
    later = [m for m in cycle_months(cycle) if m > month]
    return contract_name(year, later[0]) if later else contract_name(year + 1, cycle_months(cycle)[0])


def previous_in_cycle(contract: str, cycle: str) -> str:
    """The last contract of `cycle` (month letters) that delivers in an earlier month."""
    year, month, _ = delivery(contract)
    earlier = [m for m in cycle_months(cycle) if m < month]
    return contract_name(year, earlier[-1]) if earlier else contract_name(year - 1, cycle_months(cycle)[-1])


def cycle_months(cycle: str) -> list[int]:
    """Month numbers of a cycle of month letters, increasing; DataError if it is empty or has other letters."""
    if not cycle or set(cycle) - set(MONTH_LETTERS):
        raise DataError(f"roll cycle {cycle!r}: expected some of the month letters {MONTH_LETTERS}")
    return sorted(MONTH_LETTERS.index(letter) + 1 for letter in set(cycle))
