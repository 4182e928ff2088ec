"""From what a strategy wants to hold to the orders that it takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sysproduction.domain.errors import AlreadyExists, DataError
from sysproduction.domain.optimal_positions import OptimalPosition, OptimalPositions
from sysproduction.domain.orders import InstrumentOrder, OrderType, Reference
from sysproduction.domain.required_trades import Holding, RequiredTrade, required_trade
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.strategies import Strategy
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_stack import OrderStack
from sysproduction.strategies.digests import digest
from sysproduction.strategies.holdings import Books, holdings_of
from sysproduction.strategies.restraining import restraints_of

BY: Final = "run_strategy_order_generator"


@dataclass(frozen=True, slots=True)
class GeneratorDesk:
    """What orders are made from, and where they go."""

    optimal: OptimalPositionStore
    books: Books
    stale_after_days: int = 5


@dataclass(frozen=True, slots=True)
class Assessment:
    """One instrument of a decision: what is wanted, what is there, what stands in the way, and the trade that follows;
    `stale` says that the target is too old for one."""

    optimal: OptimalPosition
    holding: Holding
    trade: RequiredTrade
    stale: bool


def generate_orders(desk: GeneratorDesk, strategy: Strategy, *, now: datetime) -> MethodResult:
    """Push an instrument order for each trade that the strategy's last decision requires.

    An order's identifier is the strategy, the instrument, and the day with a digest of the decision and the target:
    what was decided once, also by a run that was cut off, is not decided again. Targets from prices that are stale give
    no order, and a problem. Raises DataError if there is no decision.
    """
    decision = last_decision(desk, strategy.name)
    pushed, problems = 0, []
    assessments = assess(desk, decision, now)
    for assessed in assessments:
        if assessed.stale:
            problems.append(_stale(assessed.optimal))
        elif assessed.trade.quantity:
            pushed += _push(desk.books.stack, _order(strategy, decision, assessed, now))
    return MethodResult(rows_written=pushed, items=len(assessments), problems=tuple(problems))


def last_decision(desk: GeneratorDesk, strategy: str) -> OptimalPositions:
    """The decision that counts; DataError if there is none."""
    decision = desk.optimal.last(strategy)
    if decision is None:
        raise DataError(f"{strategy} has no optimal positions: run_systems computes them")
    return decision


def assess(desk: GeneratorDesk, decision: OptimalPositions, now: datetime) -> list[Assessment]:
    """Every target of a decision against what is held, what is under way, and what restrains it; writes nothing."""
    holdings = holdings_of(desk.books, decision.strategy)
    since = now - timedelta(days=desk.stale_after_days)
    found = []
    for optimal in decision.positions:
        holding = holdings(optimal.instrument)
        restraints = restraints_of(desk.books.controls, decision.strategy, optimal.instrument)
        stale = not optimal.dropped and (optimal.reference_at is None or optimal.reference_at < since)
        found.append(Assessment(optimal, holding, required_trade(optimal, holding, restraints), stale))
    return found


def _order(strategy: Strategy, decision: OptimalPositions, assessed: Assessment, now: datetime) -> InstrumentOrder:
    optimal, trade = assessed.optimal, assessed.trade
    said = digest({"decision": decision.number, "target": trade.target})[:8]
    return InstrumentOrder(
        strategy=strategy.name,
        instrument=optimal.instrument,
        decision=f"{now:%Y-%m-%d}#{said}",
        quantity=trade.quantity,
        order_type=OrderType(strategy.order_type),
        generated_at=now,
        by=BY,
        reference=_reference(optimal),
        why="; ".join(filter(None, [f"to hold {trade.target:+d}", trade.why])),
    )


def _reference(optimal: OptimalPosition) -> Reference | None:
    if optimal.reference_price is None or optimal.reference_contract is None or optimal.reference_at is None:
        return None
    return Reference(optimal.reference_price, optimal.reference_contract, optimal.reference_at)


def _push(stack: OrderStack, order: InstrumentOrder) -> int:
    try:
        stack.insert_instrument(order)
    except AlreadyExists:
        return 0
    return 1


def _stale(optimal: OptimalPosition) -> Problem:
    when = f"{optimal.reference_at:%Y-%m-%d}" if optimal.reference_at else "no day"
    return Problem(optimal.instrument, ProblemKind.STALE, f"its target is from prices of {when}, so it gives no order")
