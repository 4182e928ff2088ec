"""Whether the configured spread of each instrument is what trades and samples show."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import fsum
from typing import Final

from sysproduction.domain.instruments import Instrument
from sysproduction.reports.report import Draft, Report, Row, ranked
from sysproduction.reports.trades import Filled, slippage

CONFIGURED_COUNT: Final = 10
"""The configured spread counts like so many trades or samples."""

FAR: Final = 50.0
"""A difference in percent that wants somebody's eyes."""

COLUMNS: Final = (
    *("instrument", "bid_ask_trades", "total_trades", "bid_ask_sampled", "weight_trades", "weight_samples"),
    *("weight_config", "estimate", "Configured", "% Difference"),
)


def slippage_report(
    instruments: Mapping[str, Instrument],
    orders: Sequence[Filled],
    samples: Mapping[str, Sequence[float]],
    since: datetime,
    at: datetime,
    missing: Sequence[str] = (),
) -> Report:
    """Half spreads in points: of orders at their submission, of samples, and as configured; the estimate weights each
    by how many there are. `samples` are half spreads by instrument."""
    draft = Draft("slippage_report", "Slippage", at)
    draft.missing += missing
    costs: dict[str, list[dict[str, float | None]]] = {}
    for order in orders:
        if order.bid is not None and len(order.contracts.split("_")) == 1:
            costs.setdefault(order.instrument, []).append(slippage(order))
    rows = [_row(one, costs.get(code, []), samples.get(code, [])) for code, one in sorted(instruments.items())]
    silent = [
        str(row["instrument"]) for row in rows if row["bid_ask_trades"] is None and row["bid_ask_sampled"] is None
    ]
    if silent:
        draft.missing.append(f"no trade with a quote and no sample since {since:%Y-%m-%d} of {', '.join(silent)}")
    told = [row for row in rows if row["instrument"] not in silent]
    for row in told:
        difference = row["% Difference"]
        if isinstance(difference, float) and abs(difference) > FAR:
            draft.warn(f"{row['instrument']}: the spread is {difference:+.0f} % from the configured one")
    if told and not draft.findings:
        draft.fine(f"none of {len(told)} spreads is more than {FAR:g} % from the configured one")
    draft.table("points", "In points", COLUMNS, ranked(told, "% Difference"), f"Since {since:%Y-%m-%d}.")
    ticks = [_in_ticks(row, instruments[str(row["instrument"])].tick_size) for row in told]
    draft.table("ticks", "In ticks", COLUMNS, ranked([row for row in ticks if row], "% Difference"))
    draft.bars("Estimated and configured", "points", told, "instrument", "estimate", "Configured")
    return draft.done()


def _row(one: Instrument, costs: Sequence[Mapping[str, float | None]], samples: Sequence[float]) -> Row:
    counts = (len(costs), len(samples), CONFIGURED_COUNT)
    weights = [count / sum(counts) for count in counts]
    spread, total = _mean([cost["bid_ask"] for cost in costs]), _mean([cost["total_trading"] for cost in costs])
    sampled = _mean(samples)
    estimate = fsum(w * v for w, v in zip(weights, (spread, sampled, one.spread_cost), strict=True) if v is not None)
    difference = 100.0 * (estimate / one.spread_cost - 1.0) if one.spread_cost else None
    values = (one.code, spread, total, sampled, *weights, estimate, one.spread_cost, difference)
    return dict(zip(COLUMNS, values, strict=True))


def _in_ticks(row: Row, tick: float) -> Row:
    """Empty where the tick is not known."""
    lengths = ("bid_ask_trades", "total_trades", "bid_ask_sampled", "estimate", "Configured")
    if not tick:
        return {}
    return {
        name: value / tick if name in lengths and isinstance(value, float) else value for name, value in row.items()
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known else None
