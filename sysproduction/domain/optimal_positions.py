"""What a strategy wants to hold: for each instrument the band in which a position is left alone, and where that is
measured from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sysproduction.domain.strategies import PositionMethod


@dataclass(frozen=True, slots=True)
class OptimalPosition:
    """One instrument's target, in contracts: a position inside [`lower`, `upper`] stays, one outside goes to the
    nearest edge, rounded half to even. Dynamic positions have both edges at the whole number that was chosen, and the
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
