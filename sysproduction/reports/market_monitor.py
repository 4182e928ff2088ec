"""How far each market has moved, over a day to a year, in percent and against its volatility."""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import Final

import pandas as pd

from sysproduction.reports.markets import Markets
from sysproduction.reports.report import Draft, Report, Row, ranked

PERIODS: Final[Mapping[str, pd.DateOffset | pd.offsets.BDay]] = {
    "1D": pd.offsets.BDay(1),
    "1W": pd.offsets.BDay(5),
    "1M": pd.DateOffset(months=1),
    "3M": pd.DateOffset(months=3),
    "6M": pd.DateOffset(months=6),
    "1Y": pd.DateOffset(years=1),
}
UNUSUAL: Final = 3.0
"""A day's move of more standard deviations stands out."""

NAMES: Final = (*PERIODS, "YTD")


def market_monitor_report(markets: Markets, at: datetime) -> Report:
    """Moves of the back-adjusted price since the last price at or before a period's start: in percent of the price of
    the contract in use then, and in daily standard deviations of today times the root of its business days."""
    draft = Draft("market_monitor_report", "Markets", at)
    draft.missing += markets.silent
    percents: list[Row] = []
    moves: list[Row] = []
    for code, one in markets.measures.items():
        adjusted, current = markets.adjusted[code], markets.current[code]
        starts = {name: adjusted.index[-1] - offset for name, offset in PERIODS.items()}
        starts["YTD"] = pd.Timestamp(adjusted.index[-1].year, 1, 1) - pd.Timedelta(days=1)
        percent, move = {}, {}
        for name, start in starts.items():
            percent[name], move[name] = _moved(adjusted, current, start, one.daily_vol)
        described = {"instrument": code, "name": one.instrument.description}
        percents.append({**described, **percent})
        moves.append({**described, **move})
    for row in ranked(moves, "1D"):
        moved = row["1D"]
        if isinstance(moved, float) and abs(moved) > UNUSUAL:
            draft.warn(f"{row['instrument']} moved by {moved:+.1f} daily standard deviations")
    if moves and not draft.findings:
        draft.fine(f"no market of {len(moves)} moved by more than {UNUSUAL:g} daily standard deviations")
    columns = ("instrument", "name", *NAMES)
    draft.table("percent", "Change in percent", columns, ranked(percents, "1D"))
    draft.table("volatility", "Change against volatility", columns, ranked(moves, "1D"))
    draft.bars("Change of the day", "standard deviations", ranked(moves, "1D"), "instrument", "1D")
    return draft.done()


def _moved(
    adjusted: "pd.Series[float]", current: "pd.Series[float]", start: pd.Timestamp, vol: float
) -> tuple[float | None, float | None]:
    """Percent and standard deviations since a day; None where prices begin later."""
    before = adjusted.loc[:start]
    was = current.loc[:start]
    if before.empty or was.empty or not was.iloc[-1]:
        return None, None
    change = float(adjusted.iloc[-1] - before.iloc[-1])
    days = len(pd.bdate_range(before.index[-1], adjusted.index[-1])) - 1
    return 100.0 * change / abs(float(was.iloc[-1])), change / (vol * sqrt(days)) if days else None
