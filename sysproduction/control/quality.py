"""What is wrong with the stored prices: stale, missing, failed, with gaps, or the same market twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import pandas as pd

from sysproduction.domain.processes import MethodRun
from sysproduction.domain.quality import duplicates, gaps
from sysproduction.domain.results import ProblemKind
from sysproduction.markets.items import last_stamp, staleness
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.prices import Prices

METHOD: Final = "update_historical_prices"
FAILURES: Final = (ProblemKind.FAILED, ProblemKind.CORRUPT)


class Fault(StrEnum):
    """What is wrong: prices stopped; there never were any; fetching failed (there may be some); days are missing;
    two instruments move as one."""

    STALE = "stale"
    NO_DATA = "no data"
    FAILURE = "failure"
    GAP = "gap"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the prices of an instrument or a contract."""

    item: str
    fault: Fault
    text: str


def examine(
    contracts: Contracts,
    prices: Prices,
    runs: Sequence[MethodRun],
    *,
    now: datetime,
    stale_after_days: int,
    days: int,
    gap_days: int,
) -> list[Finding]:
    """Everything that is wrong, by fault and item. `runs` are executions of methods, newest first; gaps of at least
    `gap_days` business days and duplicates are looked for in the last `days` days. Instruments with prices are judged
    whether their contracts are sampled or not: what was only imported is stale as well."""
    sampled = contracts.sampled()
    since = pd.Timestamp(now - timedelta(days=days))
    adjusted = {code: prices.adjusted(code) for code in sorted({*sampled, *prices.instruments()})}
    recent = {code: series.loc[since:] for code, series in adjusted.items()}
    return [
        *_failures(runs),
        *_without_bars(sampled, prices),
        *_stale(adjusted, now, stale_after_days),
        *_gaps(recent, gap_days),
        *_duplicates(recent),
    ]


def _failures(runs: Sequence[MethodRun]) -> list[Finding]:
    last = next((run for run in runs if run.method == METHOD), None)
    if last is None:
        return []
    told = f"in the run of {last.started_at:%Y-%m-%d %H:%M}"
    whole = [Finding("all", Fault.FAILURE, f"{last.error} {told}")] if last.error else []
    return whole + [
        Finding(problem["item"], Fault.FAILURE, f"{problem['reason']} {told}")
        for problem in last.problems
        if problem["kind"] in FAILURES
    ]


def _without_bars(sampled: dict[str, list[str]], prices: Prices) -> list[Finding]:
    missing = [
        f"{code}/{contract}"
        for code, contracts in sampled.items()
        for contract in sorted(set(contracts) - set(prices.contracts(code)))
    ]
    text = "is sampled, and the feed has not given a single bar; that is no failure"
    return [Finding(item, Fault.NO_DATA, text) for item in missing]


def _stale(adjusted: dict[str, pd.Series], now: datetime, stale_after_days: int) -> list[Finding]:
    return [
        Finding(code, Fault.STALE if len(series) else Fault.NO_DATA, problem.reason)
        for code, series in adjusted.items()
        for problem in staleness(code, last_stamp(series.index), now, stale_after_days)
    ]


def _gaps(recent: dict[str, pd.Series], gap_days: int) -> list[Finding]:
    return [
        Finding(code, Fault.GAP, f"no price on {gap.business_days} business days, {gap.first} to {gap.last}")
        for code, series in recent.items()
        for gap in gaps(series, shortest=gap_days)
    ]


def _duplicates(recent: dict[str, pd.Series]) -> list[Finding]:
    return [
        Finding(
            found.first,
            Fault.DUPLICATE,
            f"moves as {found.second} does on {found.agreement:.0%} of {found.days} days: trade only one of them",
        )
        for found in duplicates({code: series for code, series in recent.items() if len(series)})
    ]
