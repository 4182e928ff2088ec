"""Fills, and what follows from them: filled quantities, average prices and positions, whatever order they arrive in.

A fill is a fact that is recorded once. The broker may correct an execution or take it back: that is a further fill with
the same execution id and a higher revision, and the highest revision counts. Every function here gives the same answer
for any permutation and any repetition of the same fills.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import copysign, fsum, gcd
from typing import TypeVar

from sysproduction.domain.orders import Leg

Key = tuple[str, str]
_K = TypeVar("_K", str, Key)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution in one contract, as known with this `revision` (0 at first).

    `quantity` is signed, and 0 once the execution was taken back. `price` is per unit of the contract's quotation,
    `commission` money in the instrument's currency (positive costs). `by` is "broker" or the operator who signed it,
    `at` when it was executed. `sequence` numbers the ledger's entries from 1; 0: not recorded yet.
    """

    execution_id: str
    revision: int
    account: str
    strategy: str
    instrument: str
    contract: str
    quantity: int
    price: float
    at: datetime
    commission: float = 0.0
    client_order_id: str | None = None
    contract_order: str | None = None
    instrument_order: str | None = None
    by: str = "broker"
    recorded_at: datetime | None = None
    sequence: int = 0

    @property
    def execution(self) -> str:
        """ACCOUNT/EXECUTION: the same for all revisions."""
        return f"{self.account}/{self.execution_id}"

    @property
    def key(self) -> str:
        """ACCOUNT/EXECUTION#REVISION."""
        return f"{self.execution}#{self.revision}"


@dataclass(frozen=True, slots=True)
class Positions:
    """Contracts held, signed, without those that are 0: by (strategy, instrument), and by (instrument, contract)."""

    strategies: Mapping[Key, int] = field(default_factory=dict)
    contracts: Mapping[Key, int] = field(default_factory=dict)

    def of_instrument(self, instrument: str) -> int:
        """What is held of the instrument over all its contracts."""
        return sum(quantity for (code, _), quantity in self.contracts.items() if code == instrument)


def latest(fills: Iterable[Fill]) -> list[Fill]:
    """The fill of each execution that counts, by execution."""
    found: dict[str, Fill] = {}
    for fill in fills:
        known = found.get(fill.execution)
        if known is None or fill.revision > known.revision:
            found[fill.execution] = fill
    return [found[execution] for execution in sorted(found)]


def positions(fills: Iterable[Fill]) -> Positions:
    """Both position tables."""
    return applied(Positions(), ((fill, None) for fill in latest(fills)))


def applied(held: Positions, changes: Iterable[tuple[Fill, Fill | None]]) -> Positions:
    """Positions after further fills, each with the fill of the same execution that counted before it (None: none did);
    one that comes after an equal or higher revision changes nothing."""
    strategies, contracts = Counter(held.strategies), Counter(held.contracts)
    for fill, before in changes:
        if before is not None:
            if fill.revision <= before.revision:
                continue
            strategies[before.strategy, before.instrument] -= before.quantity
            contracts[before.instrument, before.contract] -= before.quantity
        strategies[fill.strategy, fill.instrument] += fill.quantity
        contracts[fill.instrument, fill.contract] += fill.quantity
    return Positions(_held(strategies), _held(contracts))


def filled(fills: Iterable[Fill]) -> dict[str, int]:
    """Signed quantity by contract; without contracts whose executions were all taken back."""
    quantities: Counter[str] = Counter()
    for fill in latest(fills):
        quantities[fill.contract] += fill.quantity
    return _held(quantities)


def average_prices(fills: Iterable[Fill]) -> dict[str, float]:
    """Average price by contract, weighted by quantity; without contracts that nothing was filled in."""
    by_contract: dict[str, list[Fill]] = {}
    for fill in latest(fills):
        if fill.quantity:
            by_contract.setdefault(fill.contract, []).append(fill)
    return {contract: _average(some) for contract, some in sorted(by_contract.items())}


def commission_of(fills: Iterable[Fill]) -> float:
    """What the fills cost, in the instrument's currency."""
    return fsum(fill.commission for fill in latest(fills))


def is_complete(legs: Sequence[Leg], fills: Iterable[Fill]) -> bool:
    """Whether every leg is filled, exactly or beyond."""
    done = filled(fills)
    return all(abs(done.get(leg.contract, 0)) >= abs(leg.quantity) for leg in legs)


def unfilled(legs: Sequence[Leg], fills: Iterable[Fill]) -> tuple[Leg, ...]:
    """What is left of each leg, without those that are complete."""
    done = filled(fills)
    left = [Leg(leg.contract, leg.quantity - done.get(leg.contract, 0)) for leg in legs]
    return tuple(rest for rest, leg in zip(left, legs, strict=True) if rest.quantity * leg.quantity > 0)


def spread_price(legs: Sequence[Leg], prices: Mapping[str, float]) -> float | None:
    """Price of one unit of the legs: sum of price x leg / highest common factor, the first leg counted as positive; of
    one leg, its price. None while a leg has no price."""
    if not legs or any(leg.contract not in prices for leg in legs):
        return None
    factor = gcd(*(leg.quantity for leg in legs)) * copysign(1, legs[0].quantity)
    return fsum(prices[leg.contract] * (leg.quantity / factor) for leg in legs)


def _average(fills: Sequence[Fill]) -> float:
    # Exactly rounded sums do not depend on the order of the fills.
    return fsum(fill.price * abs(fill.quantity) for fill in fills) / sum(abs(fill.quantity) for fill in fills)


def _held(quantities: Mapping[_K, int]) -> dict[_K, int]:
    return {key: quantities[key] for key in sorted(quantities) if quantities[key]}
