"""What a system's result says each instrument's position should be, in the words of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sysproduction.domain.optimal_positions import OptimalPosition
from sysproduction.strategies.choosing import Starts, choices
from sysproduction.systems.next_contracts import Chosen
from sysproduction.systems.smoothing import forward_filled
from sysproduction.systems.system import SystemResult
from sysproduction.systems.targets import Target, targets


@dataclass(frozen=True, slots=True)
class Wants:
    """Positions by instrument, and why others have none."""

    positions: Mapping[str, OptimalPosition]
    excluded: Mapping[str, str]


def banded_wants(result: SystemResult) -> Wants:
    """Each instrument's own buffer."""
    return Wants({code: _position(code, target) for code, target in targets(result).items()}, result.excluded)


def chosen_wants(result: SystemResult, chosen: Chosen, starts: Starts) -> Wants:
    """Bands of no width where optimisation put the whole contracts."""
    weights, wanted, positions = contract_weights(result), targets(result), {}
    for code, choice in choices(chosen, starts, weights).items():
        at = float(choice.position)
        plain = _position(code, wanted[code])
        positions[code] = replace(plain, lower=at, upper=at, weight=weights.get(code), choice=choice)
    return Wants(positions, {**chosen.unusable, **result.excluded})


def contract_weights(result: SystemResult) -> dict[str, float]:
    """What one contract of each instrument is worth today, as a share of capital."""
    value = forward_filled(result.sizes.block_value)[-1] * 100.0 * result.prices.rate[-1] / result.config.capital
    return {code: float(v) for code, v in zip(result.prices.instruments, value, strict=True) if np.isfinite(v)}


def _position(code: str, target: Target) -> OptimalPosition:
    return OptimalPosition(
        instrument=code,
        lower=target.lower,
        upper=target.upper,
        optimum=target.optimal,
        reference_price=target.reference_price,
        reference_contract=target.reference_contract,
        reference_at=target.reference_at,
    )
