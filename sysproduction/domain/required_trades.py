"""From an optimal position to the trade that it requires, under everything that restrains trading.

In this order: overrides scale the band; what is held, with all that is under way, is compared with it, so that an
order that is still working is neither repeated nor taken back inside the band; what may only be reduced is not
enlarged; limits cap the target.
"""

import math
from dataclasses import dataclass

from sysproduction.domain.optimal_positions import OptimalPosition


@dataclass(frozen=True, slots=True)
class Restraints:
    """What holds for one strategy in one instrument. `factor` scales the band (0 closes, 1 leaves it). `no_trade` and
    `reduce_only` are the reasons why nothing may be traded, or positions may only become smaller; None: they may.
    `limit` caps the strategy's own position, `limit_of_all` that of all strategies together."""

    factor: float = 1.0
    no_trade: str | None = None
    reduce_only: str | None = None
    limit: int | None = None
    limit_of_all: int | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """Contracts that the strategy holds, and what its active orders may still add to that (unfilled and signed);
    `others` is the sum of both over all other strategies."""

    position: int = 0
    outstanding: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class RequiredTrade:
    """`quantity` contracts (signed, 0: none) bring the position to `target` once everything outstanding is filled;
    `why` says what kept the target from where the band wanted it."""

    instrument: str
    target: int
    quantity: int
    why: str


def required_trade(optimal: OptimalPosition, holding: Holding, restraints: Restraints) -> RequiredTrade:
    """What has to be traded now; see the module."""
    if restraints.no_trade is not None:
        return RequiredTrade(optimal.instrument, holding.position, 0, restraints.no_trade)
    coming = holding.position + holding.outstanding
    factor = optimal.choice.remaining(restraints.factor) if optimal.choice else restraints.factor
    target, why = _restrained(wanted_position(optimal, coming, factor), holding, restraints)
    quantity = target - coming
    if restraints.reduce_only is not None:
        quantity = _reducing(quantity, holding.position)
    reasons = [_scaled(restraints.factor), why, "dropped from the system" if optimal.dropped else ""]
    return RequiredTrade(optimal.instrument, target, quantity, "; ".join(filter(None, reasons)))


def wanted_position(optimal: OptimalPosition, position: int, factor: float = 1.0) -> int:
    """The nearest whole contract of the band, scaled by `factor`; the position itself if it lies inside."""
    low, high = round(optimal.lower * factor), round(optimal.upper * factor)
    return min(max(position, low), high)


def room(restraints: Restraints, others: int) -> tuple[float, float]:
    """The lowest and the highest position that limits allow while all others have so many contracts."""
    low, high = -math.inf, math.inf
    if restraints.limit is not None:
        low, high = -restraints.limit, restraints.limit
    if restraints.limit_of_all is not None:
        # Never beyond zero: a limit that others have used up closes a position, and opens none against them.
        low = max(low, min(-restraints.limit_of_all - others, 0))
        high = min(high, max(restraints.limit_of_all - others, 0))
    return low, high


def _restrained(wanted: int, holding: Holding, restraints: Restraints) -> tuple[int, str]:
    target, reasons = wanted, []
    if restraints.reduce_only is not None and target != (less := _no_larger(target, holding.position)):
        target, reasons = less, [restraints.reduce_only]
    low, high = room(restraints, holding.others)
    capped = int(min(max(target, low), high))
    if capped != target:
        reasons.append(f"limited to {capped:+d} instead of {target:+d}")
    return capped, "; ".join(reasons)


def _no_larger(target: int, position: int) -> int:
    """The target between zero and the position."""
    return min(max(target, min(position, 0)), max(position, 0))


def _reducing(quantity: int, position: int) -> int:
    """As much of a trade as makes the position smaller without turning it."""
    return max(min(quantity, 0), -position) if position > 0 else min(max(quantity, 0), -position)


def _scaled(factor: float) -> str:
    return "" if factor == 1.0 else "closed by an override" if factor == 0.0 else f"scaled by {factor:g}"
