"""What each strategy decided last, and from which forecasts, weights and volatilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sysproduction.domain.optimal_positions import OptimalPositions
from sysproduction.reports.report import Draft, Report, Row

COLUMNS: Final = (
    *("instrument", "forecast", "weight", "daily_vol", "price", "contract", "lower", "optimum", "upper", "position"),
    "inside",
)


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision of a strategy (None: there is none), what it holds, and by instrument the last forecast,
    weight and daily volatility of its state."""

    strategy: str
    decision: OptimalPositions | None
    held: Mapping[str, int] = field(default_factory=dict)
    forecasts: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    volatility: Mapping[str, float] = field(default_factory=dict)


def strategy_report(decided: Sequence[Decided], at: datetime) -> Report:
    """One table a strategy."""
    draft = Draft("strategy_report", "Strategies", at)
    if not decided:
        draft.missing.append("no strategy is configured")
    for one in decided:
        if one.decision is None:
            draft.missing.append(f"{one.strategy} has no optimal positions: run_systems computes them")
            continue
        _tell(draft, one, one.decision)
    return draft.done()


def _tell(draft: Draft, one: Decided, decision: OptimalPositions) -> None:
    rows: list[Row] = []
    for position in decision.positions:
        code = position.instrument
        held = one.held.get(code, 0)
        values = (
            *(code, one.forecasts.get(code), one.weights.get(code), one.volatility.get(code)),
            *(position.reference_price, position.reference_contract),
            *(position.lower, position.optimum, position.upper, held),
            round(position.lower) <= held <= round(position.upper),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    outside = [str(row["instrument"]) for row in rows if not row["inside"]]
    said = (
        f"{one.strategy}: decision {decision.number} of {decision.at:%Y-%m-%d %H:%M}, capital {decision.capital:,.0f}"
    )
    draft.note(f"{said}; outside the band: {', '.join(outside) or 'none'}")
    for code, why in sorted(decision.excluded.items()):
        draft.note(f"{one.strategy}: {code} is excluded: {why}")
    draft.table(one.strategy, f"Strategy {one.strategy} ({decision.method})", COLUMNS, rows)
    draft.bars(f"Forecasts of {one.strategy}", "forecast", rows, "instrument", "forecast")
