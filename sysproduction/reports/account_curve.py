"""What all futures have made since the first fill: curve, drawdown and statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.reports.report import Draft, Figure, Report, Row
from sysproduction.systems.prices import business_days, day_numbers
from sysproduction.systems.statistics import statistics

PERIODS: Final[Mapping[str, pd.DateOffset | None]] = {
    "all": None,
    "1Y": pd.DateOffset(years=1),
    "6M": pd.DateOffset(months=6),
    "3M": pd.DateOffset(months=3),
    "1M": pd.DateOffset(months=1),
}
COLUMNS: Final = (
    *("period", "days", "total", "annual_mean", "annual_stdev", "sharpe", "sortino", "skew", "worst_drawdown"),
    *("mean_drawdown", "t_statistic"),
)


@dataclass(frozen=True, slots=True)
class CurveFacts:
    """`results` in base currency, days x instruments, on midnights (UTC) of consecutive days; `capital` by the moment
    from which on it stood."""

    results: pd.DataFrame
    capital: "pd.Series[float]"
    missing: tuple[str, ...] = field(default=())


def account_curve_report(facts: CurveFacts, at: datetime) -> Report:
    """Percents are of the capital at each day's start (of the first measure, before it), summed without compounding."""
    draft = Draft("account_curve_report", "Account curve", at)
    draft.missing += facts.missing
    if facts.results.empty:
        draft.fine("nothing was ever traded")
        return draft.done()
    if facts.capital.empty:
        draft.missing.append("capital was never measured, so there are no percents: run_capital_update measures it")
        return draft.done()
    percents = in_percent(facts)
    total = percents.sum(axis=1)
    stats = [_row(name, total, offset) for name, offset in PERIODS.items()]
    whole = stats[0]
    draft.note(
        f"{whole['total']:+.2f} % of capital in {whole['days']} days, worst drawdown {whole['worst_drawdown']:.2f} %"
    )
    draft.table("statistics", "Statistics", COLUMNS, stats, "Percent of capital; 256 business days a year.")
    months = total.groupby(pd.DatetimeIndex(total.index).strftime("%Y-%m")).sum()
    rows: list[Row] = [{"month": str(month), "total": float(amount)} for month, amount in months.items()]
    draft.table("months", "By month", ("month", "total"), rows[::-1])
    sums = percents.sum().sort_values(ascending=False)
    by_code: list[Row] = [{"instrument": str(code), "total": float(amount)} for code, amount in sums.items()]
    draft.table("instruments", "By instrument", ("instrument", "total"), by_code)
    times = list(pd.DatetimeIndex(total.index).tz_localize("UTC").to_pydatetime())
    curve, fall = total.cumsum().tolist(), fallen(np.asarray(total, dtype=np.float64)).tolist()
    draft.figures.append(Figure("Sum of results", "% of capital", {"all futures": curve}, times))
    draft.figures.append(Figure("Drawdown", "% of capital", {"drawdown": fall}, times))
    return draft.done()


def in_percent(facts: CurveFacts) -> pd.DataFrame:
    """Results by business day in percent of the capital at the day's start; a weekend belongs to its Friday."""
    days = pd.DatetimeIndex(facts.results.index)
    places = np.searchsorted(facts.capital.index, days, side="left") - 1
    stood = facts.capital.to_numpy(dtype=float)[np.maximum(places, 0)]
    numbers = day_numbers(days)
    percents = facts.results.div(stood, axis=0).mul(100.0).groupby(numbers).sum()
    percents.index = business_days(np.asarray(percents.index))
    return percents


def fallen(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the sum of returns lies below its highest value so far, which is at least the 0 that it began with."""
    curve = np.cumsum(returns)
    return np.asarray(curve - np.maximum(np.maximum.accumulate(curve), 0.0))


def _row(name: str, total: "pd.Series[float]", offset: pd.DateOffset | None) -> Row:
    some = total if offset is None else total.loc[total.index > total.index[-1] - offset]
    returns = np.asarray(some, dtype=np.float64)
    found, fall = statistics(returns), fallen(returns)
    values = (
        *(name, found.days, float(some.sum()), found.annual_mean, found.annual_std, found.sharpe, found.sortino),
        *(found.skew, float(fall.min()), float(fall.mean()), found.t_statistic),
    )
    return dict(zip(COLUMNS, values, strict=True))
