"""The production step of dynamic optimisation: whole contracts for the last day, from those that are really held."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.dynamic import Constraint, Optimised, Portfolio, optimise
from sysproduction.systems.system import SystemResult
from sysproduction.systems.whole_contracts import contracts, last_correlations, portfolio

UNUSABLE: Final = "its contract's risk or cost is not known, so it cannot be optimised"


@dataclass(frozen=True, slots=True)
class Start:
    """Of one instrument: contracts `held`, the `factor` of an override, which scales the optimum, and what else
    restrains the choice."""

    held: int = 0
    factor: float = 1.0
    constraint: Constraint = field(default_factory=Constraint)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was optimised, its optimum scaled by overrides, and what came of it; `unusable` names instruments that have
    an optimum but could not take part, and why."""

    portfolio: Portfolio
    optimised: Optimised
    unusable: Mapping[str, str]


def choose(result: SystemResult, starts: Mapping[str, Start], settings: Dynamic) -> Chosen:
    """Whole contracts that follow each instrument's last unrounded position, from its start (nothing held and free
    without one). What a simulated past would have held does not count.

    Carver, Advanced Futures Trading Strategies (2023), strategy 25.
    """
    prices, optimal = result.prices, result.positions.optimal
    known = contracts(prices, result.vol, result.sizes, result.ledger.terms, result.config.capital)
    columns, last = np.arange(len(prices.instruments)), prices.rows.end - 1
    risk, cost = known.risk[last, columns], known.cost[last, columns]
    wanted = np.isfinite(optimal[last, columns])
    usable = wanted & np.isfinite(risk) & (risk > 0.0) & np.isfinite(cost)
    members = np.flatnonzero(usable)
    begun = [starts.get(code, Start()) for code in prices.instruments]
    held = np.array([start.held for start in begun], dtype=np.int64)
    factors = np.array([start.factor for start in begun])
    matrix = last_correlations(prices, known, settings)
    followed = portfolio(last[members], members, optimal, held, known, matrix, prices.instruments)
    followed = replace(followed, optimum=followed.optimum * factors[members])
    optimised = optimise(followed, [begun[member].constraint for member in members], settings)
    unusable = {prices.instruments[column]: UNUSABLE for column in np.flatnonzero(wanted & ~usable)}
    return Chosen(followed, optimised, unusable)
