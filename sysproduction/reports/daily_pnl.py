"""The day's profit and loss: of the account, of futures by instrument, strategy and asset class, and what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum
from typing import Final

from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.domain.pnl import Line
from sysproduction.reports.report import Draft, Figure, Report, Row, ranked

AMOUNTS: Final = ("holding", "trading", "costs", "total", "percent")
DAYS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Profit of the account by its measures, deposits apart: from the last one before the day to the last one in it."""

    profit: float
    measured_before: datetime
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class DayFacts:
    """`lines` of the day since `since`, in base currency. `capital` stood when it began (None: never measured);
    `account` None: not measured before and in the day. `days` are results of all futures by day, up to this one."""

    since: datetime
    base_currency: str
    lines: Sequence[Line] = ()
    asset_classes: Mapping[str, str] = field(default_factory=dict)
    capital: float | None = None
    account: AccountChange | None = None
    days: Sequence[tuple[datetime, float]] = ()
    missing: Sequence[str] = ()


def daily_pandl_report(facts: DayFacts, at: datetime) -> Report:
    """Percents are of the capital at the start of the day; the residual is the account's profit less that of futures
    by stored prices: what moved between the last price and the measure, interest, exchange rates, and errors."""
    draft = Draft("daily_pandl_report", "Daily profit and loss", at)
    draft.missing += facts.missing
    if facts.capital is None:
        draft.missing.append("capital was never measured before this day, so there are no percents")
    if facts.account is None:
        draft.missing.append("the account was not measured both before and in this day, so its profit is not known")
    futures = fsum(line.total for line in facts.lines)
    draft.note(f"futures made {_said(futures, facts)} since {facts.since:%Y-%m-%d %H:%M}")
    if facts.account is not None:
        draft.note(f"the account made {_said(facts.account.profit, facts)}")
    draft.table("totals", "Totals", ("of", "amount", "percent", "from", "to"), _totals(facts, futures, at))
    for name, title, rows in (
        ("instrument", "By instrument", _grouped(facts, {line.instrument: line.instrument for line in facts.lines})),
        ("asset_class", "By asset class", _grouped(facts, facts.asset_classes)),
    ):
        draft.table(f"by_{name}", title, (name, *AMOUNTS), [{name: row["of"], **row} for row in ranked(rows, "total")])
    draft.table("by_strategy", "By strategy, and the residual", ("strategy", *AMOUNTS), _by_strategy(facts))
    _days(draft, facts)
    return draft.done()


def _totals(facts: DayFacts, futures: float, at: datetime) -> list[Row]:
    rows: list[Row] = []
    if facts.account is not None:
        change = facts.account
        rows.append(_total("account", change.profit, facts, change.measured_before, change.measured_at))
    rows.append(_total("futures", futures, facts, facts.since, at))
    if facts.account is not None:
        rows.append(_total("residual", facts.account.profit - futures, facts, None, None))
    return rows


def _total(of: str, amount: float, facts: DayFacts, start: datetime | None, end: datetime | None) -> Row:
    return {"of": of, "amount": amount, "percent": _percent(amount, facts), "from": start, "to": end}


def _grouped(facts: DayFacts, group_of: Mapping[str, str]) -> list[Row]:
    """Lines by the group of their instrument."""
    groups: dict[str, list[Line]] = {}
    for line in facts.lines:
        groups.setdefault(group_of.get(line.instrument, ""), []).append(line)
    return [_sums(name, lines, facts) for name, lines in sorted(groups.items())]


def _by_strategy(facts: DayFacts) -> list[Row]:
    """Strategies, then what no strategy accounts for."""
    names = sorted({line.strategy for line in facts.lines} - {ROLL_STRATEGY})
    rows = [_sums(name, [one for one in facts.lines if one.strategy == name], facts) for name in names]
    rest = _sums("residual", [one for one in facts.lines if one.strategy == ROLL_STRATEGY], facts)
    return [{"strategy": row["of"], **row} for row in [*ranked(rows, "total"), rest]]


def _sums(name: str, lines: Sequence[Line], facts: DayFacts) -> Row:
    amounts = {part: fsum(getattr(line, part) for line in lines) for part in ("holding", "trading", "costs", "total")}
    return {"of": name, **amounts, "percent": _percent(amounts["total"], facts)}


def _days(draft: Draft, facts: DayFacts) -> None:
    """The last days, month and year to date, and the curve."""
    if not facts.days:
        return
    last = facts.days[-1][0]
    recent = reversed(facts.days[-DAYS_SHOWN:])
    rows = [{"day": day.date(), "amount": amount, "percent": _percent(amount, facts)} for day, amount in recent]
    draft.table("days", "Last days, all futures", ("day", "amount", "percent"), rows)
    spans = {
        "month to date": fsum(amount for day, amount in facts.days if (day.year, day.month) == (last.year, last.month)),
        "year to date": fsum(amount for day, amount in facts.days if day.year == last.year),
    }
    sums = [{"span": name, "amount": amount, "percent": _percent(amount, facts)} for name, amount in spans.items()]
    draft.table("spans", "To date, all futures", ("span", "amount", "percent"), sums)
    times = [day for day, _ in facts.days]
    total, curve = 0.0, []
    for _, amount in facts.days:
        total += amount
        curve.append(total)
    draft.figures.append(Figure("Sum of daily results, all futures", facts.base_currency, {"futures": curve}, times))


def _percent(amount: float, facts: DayFacts) -> float | None:
    return 100.0 * amount / facts.capital if facts.capital else None


def _said(amount: float, facts: DayFacts) -> str:
    percent = _percent(amount, facts)
    told = f" ({percent:+.2f} % of capital)" if percent is not None else ""
    return f"{amount:+,.2f} {facts.base_currency}{told}"
