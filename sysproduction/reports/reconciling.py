"""Whether what strategies want, what ledger and stack say, and what the broker says agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sysproduction.domain.fills import Key
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.reports.report import Draft, Report, Row

OPTIMAL_COLUMNS: Final = (
    "strategy",
    "instrument",
    "lower",
    "upper",
    "position",
    "outstanding",
    "trade",
    "break",
    "why",
)
POSITION_COLUMNS: Final = ("instrument", "contract", "ours", "broker", "break")
BOOK_COLUMNS: Final = ("instrument", "by_strategies", "by_contracts", "break")
TRADE_COLUMNS: Final = ("at", "instrument", "contract", "quantity", "price", "execution", "strategy")


@dataclass(frozen=True, slots=True)
class ReconcileFacts:
    """`optimal` has rows of OPTIMAL_COLUMNS without `break`. `theirs` and `executions` (TRADE_COLUMNS but for the
    strategy) are the broker's, None if it could not be asked (`why_not`); `findings` what the comparison found, in
    words by what is concerned. `trades` are the ledger's fills of the same days."""

    optimal: Sequence[Row] = ()
    strategies: Mapping[Key, int] = field(default_factory=dict)
    contracts: Mapping[Key, int] = field(default_factory=dict)
    theirs: Mapping[Key, int] | None = None
    why_not: str = ""
    findings: Sequence[str] = ()
    trades: Sequence[Row] = ()
    executions: Sequence[Row] | None = None
    missing: Sequence[str] = ()


def reconcile_report(facts: ReconcileFacts, at: datetime) -> Report:
    """An optimal position breaks if it would be traded now; books break where they differ."""
    draft = Draft("reconcile_report", "Reconciliation", at)
    draft.missing += facts.missing
    for text in facts.findings:
        draft.warn(text)
    if facts.theirs is None:
        draft.warn(f"not compared with the broker: {facts.why_not}")
    optimal = [{**row, "break": bool(row["trade"])} for row in facts.optimal]
    breaking = [row for row in optimal if row["break"]]
    if breaking:
        named = ", ".join(f"{row['strategy']}/{row['instrument']}" for row in breaking)
        draft.note(f"outside the band, and not on order: {named}")
    books = _books(facts)
    for row in books:
        if row["break"]:
            draft.warn(f"{row['instrument']}: {row['by_strategies']} by strategies, {row['by_contracts']} by contracts")
    if not draft.findings:
        draft.fine("optimal positions, strategies, contracts and the broker agree")
    draft.table("optimal", "Optimal against actual positions", OPTIMAL_COLUMNS, optimal)
    draft.table("books", "Positions by strategies and by contracts", BOOK_COLUMNS, books)
    draft.table("positions", "Our positions and the broker's", POSITION_COLUMNS, _positions(facts))
    draft.table("trades", "Our trades", TRADE_COLUMNS, facts.trades)
    draft.table("executions", "The broker's trades", TRADE_COLUMNS[:-1], facts.executions or ())
    return draft.done()


def _books(facts: ReconcileFacts) -> list[Row]:
    strategies: dict[str, int] = {}
    contracts: dict[str, int] = {}
    for (name, code), quantity in facts.strategies.items():
        if name != ROLL_STRATEGY:
            strategies[code] = strategies.get(code, 0) + quantity
    for (code, _), quantity in facts.contracts.items():
        contracts[code] = contracts.get(code, 0) + quantity
    found: list[Row] = []
    for code in sorted({*strategies, *contracts}):
        ours, theirs = strategies.get(code, 0), contracts.get(code, 0)
        found.append(dict(zip(BOOK_COLUMNS, (code, ours, theirs, ours != theirs), strict=True)))
    return found


def _positions(facts: ReconcileFacts) -> list[Row]:
    theirs = facts.theirs or {}
    rows: list[Row] = []
    for key in sorted({*facts.contracts, *theirs}):
        ours = facts.contracts.get(key, 0)
        held = None if facts.theirs is None else theirs.get(key, 0)
        broken = None if held is None else held != ours
        rows.append(dict(zip(POSITION_COLUMNS, (*key, ours, held, broken), strict=True)))
    return rows
