"""Runs on bars for tests: bars out of prices, a journal that keeps a list, and strategies out of functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.events import BarPeriod, Event
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.feed import BarsInMemory, SimulatedDatafeed
from sysproduction.engine.orchestrator import Orchestrator, RunResult
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import IndicatorColumns, RunEnd, RunHeader

MINUTE_NS = BarPeriod.MINUTE.nanoseconds
Prices = Sequence[tuple[float, float, float, float]]


class TestClock:
    """A minute passes with every look."""

    __test__ = False

    def __init__(self) -> None:
        self._at = datetime(2026, 1, 2, tzinfo=UTC)

    def now(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at

    def monotonic(self) -> float:
        return self._at.timestamp()

    def sleep(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


@dataclass
class Kept:
    """A journal that keeps everything in lists."""

    header: RunHeader | None = None
    bars: Sequence[BarColumns] = ()
    indicators: list[IndicatorColumns] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    ends: list[RunEnd] = field(default_factory=list)
    closed: bool = False

    def begin(self, header: RunHeader, bars: Sequence[BarColumns]) -> None:
        self.header, self.bars = header, bars

    def processed(self, columns: IndicatorColumns) -> None:
        self.indicators.append(columns)

    def write(self, kind: type[Event], rows: Sequence[Event]) -> None:
        assert all(type(row) is kind for row in rows)
        self.events += rows

    def commit(self, bars_played: int) -> None:
        self.commits.append(bars_played)

    def end(self, end: RunEnd) -> None:
        self.ends.append(end)

    def close(self) -> None:
        self.closed = True

    def log(self) -> list[Event]:
        """The events in their order."""
        return sorted(self.events, key=lambda event: event.sequence)


def bars_of(symbol: str, prices: Prices, *, start: int = 0, volume: Sequence[float] | None = None) -> BarColumns:
    """One-minute bars (open, high, low, close), the first stamped `start` minutes after 1970."""
    open_, high, low, close = (np.array(column, float) for column in zip(*prices, strict=True))
    ts = (np.arange(len(prices)) + start) * MINUTE_NS
    return BarColumns(
        symbol, BarPeriod.MINUTE, ts, open_, high, low, close, None if volume is None else np.array(volume, float)
    )


def flat(*closes: float) -> list[tuple[float, float, float, float]]:
    """Bars that open, trade and close at one price each."""
    return [(close, close, close, close) for close in closes]


def feed_of(*histories: BarColumns) -> type[SimulatedDatafeed]:
    """A feed of these bars."""
    return type("Feed", (SimulatedDatafeed,), {"source": BarsInMemory(histories)})


def strategy_of(on_bar: Callable[[Any, Bar], None], symbols: Sequence[str] = ("ES",), **more: Any) -> type[Strategy]:
    """A strategy that does that on every bar."""
    return type("_Made", (Strategy,), {"name": "made", "symbols": tuple(symbols), "on_bar": on_bar, **more})


def broker_of(**settings: Any) -> type[SimulatedBroker]:
    """A broker with these settings."""
    return type("Broker", (SimulatedBroker,), settings)


def played(
    strategy: type[Strategy], *histories: BarColumns, broker: dict[str, Any] | None = None, **more: Any
) -> tuple[RunResult, Kept]:
    """The run of a strategy over these bars, and what was recorded of it."""
    journal = Kept()
    made = Orchestrator(
        [strategy], broker_of(**(broker or {})), feed_of(*histories), clock=TestClock(), journal=journal, **more
    )
    return made.run(), journal


class Mean:
    """The mean of the last closes, plainly: for tests of the engine, which must not depend on how it is computed."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.name = f"mean_{length}"

    def batch(self, bars: BarColumns) -> Floats:
        stream = self.stream()
        return np.array([stream.step(0, 0, 0, close, 0) for close in bars.close.tolist()])

    def stream(self) -> "_MeanStream":
        return _MeanStream(self._length)


class _MeanStream:
    def __init__(self, length: int) -> None:
        self._length, self._closes = length, list[float]()

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        self._closes.append(close)
        last = self._closes[-self._length :]
        return sum(last) / self._length if len(last) == self._length else float("nan")
