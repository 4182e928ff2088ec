"""What strategies want, hold and trade, as an operator sees it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sysproduction.domain.optimal_positions import OptimalPositions
from sysproduction.strategies.generating import Assessment, GeneratorDesk, assess

Row = dict[str, Any]


def optimal_rows(desk: GeneratorDesk, strategies: Iterable[str], now: datetime) -> list[Row]:
    """Each instrument of the last decision of these strategies: its band, what is held and under way, and the trade
    that it would require now. Instruments that were excluded have only the reason."""
    rows: list[Row] = []
    for decision in filter(None, map(desk.optimal.last, strategies)):
        rows += [_row(decision, assessed) for assessed in assess(desk, decision, now)]
        rows += [_excluded(decision, code, reason) for code, reason in sorted(decision.excluded.items())]
    return rows


def _row(decision: OptimalPositions, assessed: Assessment) -> Row:
    optimal, holding, trade = assessed.optimal, assessed.holding, assessed.trade
    return {
        "strategy": decision.strategy,
        "instrument": optimal.instrument,
        "lower": optimal.lower,
        "upper": optimal.upper,
        "optimum": optimal.optimum,
        "position": holding.position,
        "outstanding": holding.outstanding,
        "trade": None if assessed.stale else trade.quantity,
        "price": optimal.reference_price,
        "contract": optimal.reference_contract,
        "price_at": optimal.reference_at,
        "decided_at": decision.at,
        "why": "stale prices" if assessed.stale else trade.why or (optimal.choice.restraint if optimal.choice else ""),
    }


def _excluded(decision: OptimalPositions, code: str, reason: str) -> Row:
    nothing = ("lower", "upper", "optimum", "position", "outstanding", "trade", "price", "contract", "price_at")
    row: Row = {"strategy": decision.strategy, "instrument": code, **dict.fromkeys(nothing)}
    return {**row, "decided_at": decision.at, "why": f"excluded: {reason}"}
