"""What trading each instrument costs, next to its volatility."""

from datetime import datetime
from typing import Final

from sysproduction.reports.markets import Markets, Measure
from sysproduction.reports.report import Draft, Report, Row, ranked

DEAR: Final = 0.01
"""A round trip that costs more than this in Sharpe ratio units makes an instrument too dear (Carver, Advanced Futures
Trading Strategies, 2023, strategy 3)."""

COLUMNS: Final = ("instrument", "percentage_cost", "avg_annual_vol_perc", "SR_cost")


def costs_report(markets: Markets, at: datetime) -> Report:
    """One trade of one contract at the configured spread and commission, in percent of its value; `SR_cost` is that of
    a round trip over annual volatility (Carver, Systematic Trading, 2015, chapter 12)."""
    draft = Draft("costs_report", "Costs of trading", at)
    draft.missing += markets.silent
    measures = list(markets.measures.values())
    whole = [_row(one, spread=True, commission=True) for one in measures]
    dear = [row for row in whole if isinstance(row["SR_cost"], float) and row["SR_cost"] > DEAR]
    for row in ranked(dear, "SR_cost"):
        draft.warn(f"{row['instrument']} is too dear: a round trip costs {row['SR_cost']:.4f} in Sharpe ratio units")
    if whole and not dear:
        draft.fine(f"no instrument of {len(whole)} costs more than {DEAR} in Sharpe ratio units for a round trip")
    free = [one.instrument.code for one in measures if _spread(one) == 0.0]
    if free:
        draft.note(f"without a configured spread: {', '.join(free)}")
    words = "Percent of a contract's value for one trade; annual volatility in percent, mean of a year."
    dearest = ranked(whole, "SR_cost")
    draft.table("all", "All costs", COLUMNS, dearest, words)
    draft.bars("A round trip against volatility", "Sharpe ratio units", dearest, "instrument", "SR_cost")
    for name, title, spread in (("commission", "Commission only", False), ("spread", "Spread only", True)):
        rows = [_row(one, spread=spread, commission=not spread) for one in measures]
        draft.table(name, title, COLUMNS, ranked(rows, "SR_cost"))
    return draft.done()


def _row(one: Measure, *, spread: bool, commission: bool) -> Row:
    cost = (_spread(one) if spread else 0.0) + (_commission(one) if commission else 0.0)
    value = abs(one.price) * one.instrument.point_size
    percent = 100.0 * cost / value if value else None
    vol = one.mean_annual_percent
    sharpe = 2.0 * percent / vol if percent is not None and vol else None
    return dict(zip(COLUMNS, (one.instrument.code, percent, vol, sharpe), strict=True))


def _spread(one: Measure) -> float:
    """Half of bid to ask, in the instrument's currency."""
    return one.instrument.spread_cost * one.instrument.point_size


def _commission(one: Measure) -> float:
    """The greatest of the three kinds, as systems charge it."""
    known = one.instrument
    return max(known.per_block, known.per_trade, known.percentage * max(one.price, 0.0) * known.point_size)
