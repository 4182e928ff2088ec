"""A dynamic strategy's day: where it starts from, and its chosen contracts as a decision says them."""

from collections.abc import Iterable, Mapping
from math import isfinite

from sysproduction.domain.optimal_positions import Choice
from sysproduction.domain.required_trades import Holding, Restraints, room
from sysproduction.strategies.holdings import Books, holdings_of
from sysproduction.strategies.restraining import restraints_of
from sysproduction.systems.dynamic import UNLIMITED, Constraint
from sysproduction.systems.next_contracts import Chosen, Start

Starts = Mapping[str, Start]


def starts_of(books: Books, strategy: str, instruments: Iterable[str]) -> dict[str, Start]:
    """What the strategy really holds of each instrument, and what restrains it."""
    holdings = holdings_of(books, strategy)
    return {code: start(holdings(code), restraints_of(books.controls, strategy, code)) for code in instruments}


def start(holding: Holding, restraints: Restraints) -> Start:
    """Only what is held counts, for orders may never be filled; what others hold and have under way takes room from a
    limit of all strategies."""
    low, high = room(restraints, holding.others)
    constraint = Constraint(
        room=(int(max(low, -UNLIMITED)), int(min(high, UNLIMITED))),
        reduce_only=restraints.reduce_only is not None,
        close=restraints.factor == 0.0,
        no_trade=restraints.no_trade is not None,
    )
    return Start(holding.position, float(restraints.factor), constraint)


def choices(chosen: Chosen, starts: Starts, weights: Mapping[str, float]) -> dict[str, Choice]:
    """By instrument, with `weights` of one contract in capital."""
    found = chosen.optimised
    columns = zip(
        chosen.portfolio.instruments,
        chosen.portfolio.optimum.tolist(),
        chosen.portfolio.held.tolist(),
        found.best.tolist(),
        found.positions.tolist(),
        found.lower.tolist(),
        found.upper.tolist(),
        chosen.portfolio.cost.tolist(),
        strict=True,
    )
    return {
        code: Choice(
            held=held,
            best=best,
            position=position,
            lowest=lowest if lowest > -UNLIMITED else None,
            highest=highest if highest < UNLIMITED else None,
            factor=starts[code].factor,
            optimum_weight=_weight(optimum, weights.get(code)),
            held_weight=_weight(held, weights.get(code)),
            position_weight=_weight(position, weights.get(code)),
            cost=cost,
            restraint=_restraint(starts[code], lowest, highest),
        )
        for code, optimum, held, best, position, lowest, highest, cost in columns
    }


def _weight(contracts: float, of_one: float | None) -> float | None:
    weight = contracts * of_one if of_one is not None else float("nan")
    return weight if isfinite(weight) else None


def _restraint(begun: Start, lowest: int, highest: int) -> str:
    constraint = begun.constraint
    if constraint.no_trade:
        return "may not be traded"
    if constraint.close:
        return "closed by an override"
    said = ["may only become smaller"] if constraint.reduce_only else []
    said += [f"scaled by {begun.factor:g}"] if begun.factor != 1.0 else []
    if not constraint.reduce_only and (lowest > -UNLIMITED or highest < UNLIMITED):
        said.append(f"limited to {lowest:+d} to {highest:+d}")
    return "; ".join(said)
