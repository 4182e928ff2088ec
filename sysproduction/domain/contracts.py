"""Contracts of an instrument, named by delivery: YYYYMM00, or YYYYMMDD where a month has several."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ContractListing:
    """One contract as a feed lists it; `expiry` is None where the source does not know it."""

    contract: str
    expiry: date | None = None
