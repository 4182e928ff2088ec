"""Update capital from the account at the broker, and split it between strategies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sysproduction.capital.allocation import split_with
from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.broker import Account
from sysproduction.domain.capital import (
    Allocation,
    CapitalPolicy,
    Measure,
    after,
    checked,
    compounded,
    jump,
    seeded,
    shares,
)
from sysproduction.domain.errors import Conflict, DataError
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.ports import Notifier
from sysproduction.stores.capital import CapitalStanding, CapitalStore
from sysproduction.stores.fx import FxRates

JUMP: Final = "capital/jump"
"""The incident of a change that waits for an operator's word."""

_BY: Final = "run_capital_update"
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class CapitalDesk:
    """What capital is made from, and where it goes."""

    store: CapitalStore
    rates: FxRates
    policy: CapitalPolicy
    stale_after_days: int = 5


def measured(desk: CapitalDesk, statement: Account, now: datetime) -> Measure:
    """The statement in base currency, at the last stored rate.

    Raises DataError for an unknown currency, a rate that is stale, and a value that is not above 0.
    """
    base = desk.policy.base_currency
    rate = 1.0 if statement.currency == base else _rate(desk, statement.currency, now)
    return checked(Measure(statement.value * rate, statement.margin_used * rate, statement.at))


def _rate(desk: CapitalDesk, currency: str, now: datetime) -> float:
    pair = f"{currency}{desk.policy.base_currency}"
    rates = desk.rates.rate(pair).dropna().loc[:now]
    if rates.empty or not rates.iloc[-1] > 0:
        raise DataError(f"{pair}: no rate to bring the account's {currency} to the base currency")
    age = now - rates.index[-1].to_pydatetime()
    if age > timedelta(days=desk.stale_after_days):
        raise DataError(f"{pair}: its last rate is {age.days} days old; run update_fx_prices first")
    return float(rates.iloc[-1])


def update_total_capital(desk: CapitalDesk, statement: Account, notifier: Notifier, *, now: datetime) -> MethodResult:
    """Compare the account with the last measure and compound; the first measure of all seeds capital.

    A change of more than `jump_max` changes nothing, alerts, and waits for `sysproduction capital confirm`. A
    statement that is not later than the last one has nothing new. Raises DataError as `measured` does.
    """
    measure = measured(desk, statement, now)
    for _ in range(_TRIES):
        try:
            return _update(desk, measure, notifier, now)
        except Conflict:
            continue
    raise Conflict(f"capital was changed by somebody else {_TRIES} times meanwhile: it will be tried again")


def _update(desk: CapitalDesk, measure: Measure, notifier: Notifier, now: datetime) -> MethodResult:
    desk.store.recover()
    standing = desk.store.total()
    if standing.last is None:
        desk.store.record(standing, seeded(measure, by=_BY, why="the first measure", now=now))
        return MethodResult(rows_written=1, items=1)
    if measure.at <= standing.last.measured_at:
        return MethodResult(items=1)
    if jump(standing.last, measure) > desk.policy.jump_max:
        return _hold(desk, standing, measure, notifier)
    entry = compounded(
        standing.last, measure, desk.policy.compounding, by=_BY, why=f"{desk.policy.compounding} compounding", now=now
    )
    desk.store.record(standing, entry)
    notifier.recover(JUMP, f"the account is worth {measure.value:,.0f}")
    return MethodResult(rows_written=1, items=1)


def _hold(desk: CapitalDesk, standing: CapitalStanding, measure: Measure, notifier: Notifier) -> MethodResult:
    """The alert comes after the document: a crash between them repeats it, and one incident speaks once."""
    assert standing.last is not None
    if standing.pending != measure:
        desk.store.hold(standing, measure)
    base, bound = desk.policy.base_currency, desk.policy.jump_max
    reason = (
        f"the account went from {standing.last.account_value:,.0f} to {measure.value:,.0f} {base}, by "
        f"{jump(standing.last, measure):.1%}, more than capital.jump_max ({bound:.0%}): capital stays at "
        f"{standing.last.capital:,.0f} until `sysproduction capital confirm` (profit or loss) or "
        "`capital adjust --deposit` (money paid in or out)"
    )
    notifier.alert(Alert(JUMP, "capital waits for a word", reason, Severity.CRITICAL))
    return MethodResult(items=1, problems=(Problem("capital", ProblemKind.SPIKE, reason),))


def allocate(desk: CapitalDesk, weights: Mapping[str, float | None], *, now: datetime) -> MethodResult:
    """Split capital, and the margin in use, between the strategies; nothing is written that is so already.

    Raises DataError if capital has never been measured, ConfigError if the configured function does not fit.
    """
    if not weights:
        return MethodResult()
    for _ in range(_TRIES):
        try:
            return _allocate(desk, weights, now)
        except Conflict:
            continue
    raise Conflict(f"the allocation was changed by somebody else {_TRIES} times meanwhile: it will be tried again")


def _allocate(desk: CapitalDesk, weights: Mapping[str, float | None], now: datetime) -> MethodResult:
    desk.store.recover()
    total, standing = desk.store.total().last, desk.store.allocation()
    if total is None:
        raise DataError("capital has never been measured: run update_total_capital, or `sysproduction capital init`")
    parts = shares(total, split_with(desk.policy.allocation, total.capital, weights))
    if standing.last is not None and (standing.last.total, dict(standing.last.shares)) == (total.number, parts):
        return MethodResult(items=len(parts))
    number = standing.last.number + 1 if standing.last else 1
    at = after(standing.last.at, now) if standing.last else now
    desk.store.allocate(standing, Allocation(number, at, total.number, parts))
    return MethodResult(rows_written=len(parts), items=len(parts))
