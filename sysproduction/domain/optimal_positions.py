"""What a strategy wants to hold: for each instrument the band in which a position is left alone, and where that is
measured from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sysproduction.domain.strategies import PositionMethod


@dataclass(frozen=True, slots=True)
class Choice:
    """How a whole number of contracts was chosen by optimisation: from those that were really `held`, none below
    `lowest` or above `highest`, towards `best`, as far as the tracking-error buffer asked. `factor`, of an override,
    scaled the optimum beforehand. Weights are shares of capital, of the scaled optimum, of what was held and of the
    position; `cost`, of trading one contract, too. `restraint` says in words what narrowed the choice."""

    held: int
    best: int
    position: int
    lowest: int | None = None
    highest: int | None = None
    factor: float = 1.0
    optimum_weight: float | None = None
    held_weight: float | None = None
    position_weight: float | None = None
    cost: float = 0.0
    restraint: str = ""

    def remaining(self, factor: float) -> float:
        """What of an override's factor is not in the position yet; one that was relaxed since then waits for the next
        decision."""
        return min(1.0, factor / self.factor) if self.factor > 0.0 else 1.0


@dataclass(frozen=True, slots=True)
class OptimalPosition:
    """One instrument's target, in contracts: a position inside [`lower`, `upper`] stays, one outside goes to the
    nearest edge, rounded half to even. Dynamic positions have both edges at the whole number of their `choice`, and the
    `weight` of one contract in capital. `optimum` is the unrounded position. Price, contract and moment say what it was
    computed from (None for an instrument that was dropped, whose target is zero)."""

    instrument: str
    lower: float
    upper: float
    optimum: float
    weight: float | None = None
    reference_price: float | None = None
    reference_contract: str | None = None
    reference_at: datetime | None = None
    dropped: bool = False
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class OptimalPositions:
    """The `number`-th decision of a strategy, by instrument in order of their codes. `inputs` is the digest of all that
    it was computed from, `day` the date of the market's clock, `excluded` names instruments without a target and why,
    `versions` what was read."""

    strategy: str
    number: int
    day: date
    at: datetime
    method: PositionMethod
    capital: float
    inputs: str
    positions: tuple[OptimalPosition, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def of(self, instrument: str) -> OptimalPosition | None:
        """Its target, or None."""
        return next((position for position in self.positions if position.instrument == instrument), None)


def dropped(before: OptimalPositions | None, wanted: frozenset[str]) -> tuple[OptimalPosition, ...]:
    """Explicit zero targets for the instruments that belonged to the system before and do not any more; `wanted` are
    those that do, excluded ones too."""
    if before is None:
        return ()
    known = {position.instrument for position in before.positions} | before.excluded.keys()
    return tuple(OptimalPosition(code, 0.0, 0.0, 0.0, dropped=True) for code in sorted(known - wanted))
