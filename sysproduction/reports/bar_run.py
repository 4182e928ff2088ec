"""A run of strategies on bars as a report: prices with fills and indicators, equity, round trips, and its making."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps
from sysproduction.domain.events import FillEvent, Side
from sysproduction.reports.report import Draft, Figure, Report, Row

POINTS: Final = 2_000
"""Bars that a figure shows at most, besides those with fills."""

FILLS: Final = 1_000
TRIPS: Final = 500
"""More than these are counted, and the last of them told."""


@dataclass(frozen=True, slots=True)
class BarRunFacts:
    """What is recorded of a run. `equity` is the account after each bar of all symbols, `ts` their stamps; `indicators`
    by symbol and name, a value for each of its bars; `figures` and `made_of` by name; `trips` are rows of the table."""

    run_id: str
    at: datetime
    histories: Sequence[BarColumns]
    indicators: Mapping[str, Mapping[str, Floats]]
    fills: Sequence[FillEvent]
    ts: Stamps
    equity: Floats
    figures: Mapping[str, float | int | None]
    trips: Sequence[Row]
    made_of: Mapping[str, Any]
    error: str | None = None


def bar_run_report(facts: BarRunFacts) -> Report:
    """The report, thinned where the run is long."""
    draft = Draft("bar_run", f"Run {facts.run_id}", facts.at)
    if facts.error is not None:
        draft.warn(f"it did not come to its end: {facts.error.strip().splitlines()[-1]}")
    else:
        draft.fine(f"{len(facts.ts):,} bars, {len(facts.fills):,} fills, profit {facts.figures.get('profit', 0):,.2f}")
    if len(facts.ts):
        draft.figures += _account(facts)
    for bars in facts.histories:
        draft.figures.append(_prices(bars, facts.indicators.get(bars.symbol, {}), facts.fills))
    draft.table("figures", "Figures", ("name", "value"), _named(facts.figures))
    shown = facts.trips[-TRIPS:]
    words = f"The last {len(shown)} of {len(facts.trips)}." if len(shown) < len(facts.trips) else ""
    draft.table("trips", "Round trips", tuple(shown[0]) if shown else (), shown, words)
    draft.table("made_of", "What it was made of", ("name", "value"), _named(facts.made_of))
    return draft.done()


def _account(facts: BarRunFacts) -> list[Figure]:
    rows = _thinned(len(facts.ts))
    times = _moments(facts.ts[rows])
    fall = facts.equity - np.maximum.accumulate(facts.equity)
    return [
        Figure("Equity", "account", {"equity": facts.equity[rows].tolist()}, times),
        Figure("Drawdown", "account", {"below the maximum": fall[rows].tolist()}, times),
    ]


def _prices(bars: BarColumns, indicators: Mapping[str, Floats], fills: Sequence[FillEvent]) -> Figure:
    """Closes, indicators, and points where something was bought or sold."""
    mine = [fill for fill in fills if fill.symbol == bars.symbol][-FILLS:]
    at = np.searchsorted(bars.ts, [fill.ts_event_ns for fill in mine])
    rows = np.unique(np.concatenate([_thinned(len(bars)), at]).astype(np.int64))
    curves: dict[str, Sequence[float | None]] = {"close": bars.close[rows].tolist()}
    curves |= {name: values[rows].tolist() for name, values in indicators.items()}
    for side, name in ((Side.BUY, "bought"), (Side.SELL, "sold")):
        prices = {int(row): fill.fill_price for row, fill in zip(at, mine, strict=True) if fill.side is side}
        curves[name] = [prices.get(row) for row in rows.tolist()]
    return Figure(bars.symbol, "price", curves, _moments(bars.ts[rows]))


def _thinned(length: int) -> npt.NDArray[np.int64]:
    """Of so many, as many as are shown, evenly, the last one among them."""
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).astype(np.int64))


def _moments(stamps: Stamps) -> list[datetime]:
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return [begin + timedelta(microseconds=stamp // 1_000) for stamp in stamps.tolist()]


def _named(values: Mapping[str, Any]) -> list[Row]:
    return [
        {"name": name.replace("_", " "), "value": value if isinstance(value, int | float | None) else str(value)}
        for name, value in values.items()
    ]
