"""Orders that flatten an instrument: against what each strategy holds, in the contracts that it can be of; pure."""

from collections import Counter
from datetime import datetime

from sysproduction.domain.fills import Positions
from sysproduction.domain.orders import ROLL_STRATEGY, InstrumentOrder, Leg, OrderType, PlannedChild


def closing_legs(held: Positions, instrument: str) -> dict[str, tuple[Leg, ...]]:
    """Legs by strategy that bring every contract and every strategy to 0.

    The ledger knows strategies and contracts, not which strategy is in which contract: each strategy, by name, takes
    contracts that it closes, nearest first; these legs come first, for they pass where only what reduces may. What
    strategies have against each other is in the nearest contract. What no strategy accounts for (half a roll) is of
    ROLL_STRATEGY, and adds up to nothing.
    """
    needs = Counter({c: -quantity for (code, c), quantity in sorted(held.contracts.items()) if code == instrument})
    if not needs:
        return {}
    nearest = min(needs)
    wanted = {
        strategy: -quantity
        for (strategy, code), quantity in sorted(held.strategies.items())
        if code == instrument and strategy != ROLL_STRATEGY
    }
    closing = {strategy: _closing(needs, quantity) for strategy, quantity in wanted.items()}
    found: dict[str, tuple[Leg, ...]] = {}
    for strategy, legs in closing.items():
        left = wanted[strategy] - sum(leg.quantity for leg in legs)
        needs[nearest] -= left
        found[strategy] = (*legs, Leg(nearest, left)) if left else legs
    rest = tuple(Leg(contract, needs[contract]) for contract in sorted(needs) if needs[contract])
    return {**found, ROLL_STRATEGY: rest} if rest else found


def _closing(needs: Counter[str], wanted: int) -> tuple[Leg, ...]:
    """Legs of `wanted` contracts at the most, taken out of what is needed."""
    legs = []
    for contract in sorted(needs):
        part = min(abs(needs[contract]), abs(wanted)) * (1 if wanted > 0 else -1)
        if part and needs[contract] * wanted > 0:
            legs.append(Leg(contract, part))
            needs[contract] -= part
            wanted -= part
    return tuple(legs)


def flattening(
    held: Positions, instrument: str, *, decision: str, algo: str, by: str, at: datetime, why: str
) -> list[InstrumentOrder]:
    """The instrument orders, each with its plan; none if nothing is held."""
    return [
        InstrumentOrder(
            strategy=strategy,
            instrument=instrument,
            decision=decision,
            quantity=sum(leg.quantity for leg in legs),
            order_type=OrderType.PANIC,
            generated_at=at,
            by=by,
            why=why,
            plan=tuple(PlannedChild(number, (leg,), OrderType.PANIC, algo) for number, leg in enumerate(legs, start=1)),
        )
        for strategy, legs in closing_legs(held, instrument).items()
        if legs
    ]
