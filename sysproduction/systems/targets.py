"""What a system wants now: for each instrument the band that its position should lie in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sysproduction.systems.system import SystemResult


@dataclass(frozen=True, slots=True)
class Target:
    """Contracts, not rounded: the `optimal` position, and the edges outside which one trades. The reference is the last
    price of the contract in use, which contract that was, and when; None where nothing is known of an instrument that
    was dropped from the system."""

    optimal: float
    lower: float
    upper: float
    reference_price: float | None = None
    reference_contract: str | None = None
    reference_at: datetime | None = None


def targets(result: SystemResult, formerly: Iterable[str] = ()) -> dict[str, Target]:
    """Targets of the last day, by instrument. Those of `formerly` that are not in the system any more get zero; those
    that were excluded, or have no position yet, get none: nothing is known of what they should be."""
    wanted = {code: Target(0.0, 0.0, 0.0) for code in sorted(set(formerly) - set(result.config.instruments))}
    for column, code in enumerate(result.prices.instruments):
        last = int(result.prices.rows.end[column]) - 1
        edges = result.positions.edges
        optimal, lower, upper = (float(v[last, column]) for v in (result.positions.optimal, edges.bottom, edges.top))
        if np.isfinite([optimal, lower, upper]).all():
            price, contract, at = _reference(result, code)
            wanted[code] = Target(optimal, lower, upper, price, contract, at)
    return wanted


def _reference(result: SystemResult, code: str) -> tuple[float, str, datetime]:
    multiple = result.ledger.market.histories[code].multiple
    known = np.flatnonzero(np.isfinite(multiple["PRICE"].to_numpy(dtype=float)))[-1]
    row = multiple.iloc[known]
    return float(row["PRICE"]), str(row["PRICE_CONTRACT"]), multiple.index[known].to_pydatetime()
