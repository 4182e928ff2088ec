"""Whole contracts that follow unrounded positions closely at little cost, within constraints that always hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.errors import DataError
from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.descent import descend

Contracts = NDArray[np.int64]
Numbers = NDArray[np.float64]

UNLIMITED: Final = 2**31


@dataclass(frozen=True, slots=True)
class Constraint:
    """What may be done with one instrument. The tightest of the `limits` (contracts, long or short; None: no limit) is
    in force, whoever set it; `room` is the lowest and highest position that others leave, with 0 inside. `no_trade`
    beats `close` beats `reduce_only` beats limits."""

    limits: tuple[int | None, ...] = ()
    room: tuple[int, int] = (-UNLIMITED, UNLIMITED)
    reduce_only: bool = False
    close: bool = False
    no_trade: bool = False

    def bounds(self, held: int) -> tuple[int, int]:
        """The lowest and highest position that is allowed for somebody who holds so many contracts."""
        if self.no_trade:
            return held, held
        if self.close:
            return 0, 0
        most = tightest(self.limits)
        low, high = max(-most, self.room[0]), min(most, self.room[1])
        if self.reduce_only:
            return max(min(held, 0), low), min(max(held, 0), high)
        return low, high


def tightest(limits: Iterable[int | None]) -> int:
    """The smallest limit that there is; UNLIMITED if there is none. Raises DataError for a negative one."""
    known = [limit for limit in limits if limit is not None]
    if any(limit < 0 for limit in known):
        raise DataError(f"a position limit is negative: {min(known)}")
    return min(known, default=UNLIMITED)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What is to be followed, one entry an instrument: `optimum` contracts, not rounded; `held` contracts that one
    really has; `risk` the annual covariance matrix of what one contract of each earns, and `cost` what trading one
    contract costs, both as shares of capital."""

    instruments: tuple[str, ...]
    optimum: Numbers
    held: Contracts
    risk: Numbers
    cost: Numbers


@dataclass(frozen=True, slots=True)
class Optimised:
    """`best` contracts by objective, and `positions` to hold, which trade towards them no further than the buffer asks
    for. `lower` and `upper` were allowed. Annual tracking errors, shares of capital, against the unrounded optimum, are
    of what was `held` and of the positions; `distance` is that between held and best; `cost` of the trades."""

    best: Contracts
    positions: Contracts
    lower: Contracts
    upper: Contracts
    tracking_error_held: float
    tracking_error: float
    distance: float
    cost: float


def optimise(portfolio: Portfolio, constraints: Sequence[Constraint], settings: Dynamic) -> Optimised:
    """Positions of least tracking error plus shadow cost x cost of trading, by greedy steps from what is held, with the
    sign of their optimum. Within the buffer of the best ones nothing is traded, outside it only the share that
    leads back to its edge; what breaks a constraint is traded all the same, and nothing ever breaks one.

    Raises DataError where a figure is missing or a variance negative.

    Carver, Advanced Futures Trading Strategies (2023), strategy 25.
    """
    _check(portfolio)
    held, optimum, risk = portfolio.held, portfolio.optimum, np.ascontiguousarray(portfolio.risk)
    bounds = [c.bounds(int(now)) for c, now in zip(constraints, held, strict=True)]
    lower, upper = (np.array(side, dtype=np.int64) for side in zip(*bounds, strict=True)) if bounds else (held, held)
    low, high = _own_sign(optimum, lower, upper)
    weight = settings.shadow_cost * portfolio.cost
    best = descend(np.clip(held, low, high), optimum, risk, held, weight, low, high)
    distance = tracking_error(best - held, risk)
    positions = np.clip(held + _partial(best - held, distance, settings.tracking_error_buffer), lower, upper)
    return Optimised(
        best=best,
        positions=positions,
        lower=lower,
        upper=upper,
        tracking_error_held=tracking_error(held - optimum, risk),
        tracking_error=tracking_error(positions - optimum, risk),
        distance=distance,
        cost=float(np.abs(positions - held) @ portfolio.cost),
    )


def tracking_error(difference: NDArray[np.generic], risk: Numbers) -> float:
    """Annual standard deviation of what so many contracts earn, a share of capital."""
    away = difference.astype(float)
    return float(np.sqrt(max(away @ risk @ away, 0.0)))


def contract_risk(vol: Numbers, correlation: Numbers) -> Numbers:
    """The covariance matrix from the annual risk of one contract of each, as shares of capital, and correlations."""
    return vol[:, None] * correlation * vol[None, :]


def _own_sign(optimum: Numbers, lower: Contracts, upper: Contracts) -> tuple[Contracts, Contracts]:
    """Bounds within which a position has the sign of its optimum, or is 0; those that leave no choice stay."""
    fixed = lower == upper
    low = np.where(~fixed & (optimum >= 0.0), np.maximum(lower, 0), lower)
    high = np.where(~fixed & (optimum <= 0.0), np.minimum(upper, 0), upper)
    return low, high


def _partial(trades: Contracts, distance: float, buffer: float) -> Contracts:
    share = (distance - buffer) / distance if distance > buffer else 0.0
    return np.asarray(np.rint(share * trades), dtype=np.int64)


def _check(portfolio: Portfolio) -> None:
    names = np.array(portfolio.instruments, dtype=object)
    risk = portfolio.risk
    for what, missing in (
        ("optimal position", ~np.isfinite(portfolio.optimum)),
        ("cost", ~(np.isfinite(portfolio.cost) & (portfolio.cost >= 0.0))),
        ("risk", ~np.isfinite(risk).all(axis=1) | ~(np.diag(risk) > 0.0)),
    ):
        if missing.any():
            raise DataError(f"no usable {what} of {', '.join(names[missing])}: leave it out of the optimisation")
