"""Records a run: buffers its events, hashes them, and commits them to the journal in batches."""

from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final

import numpy as np

from sysproduction.domain.bar_columns import COLUMNS, BarColumns, Floats, column_hash
from sysproduction.domain.errors import SysproductionError
from sysproduction.domain.events import EVENTS, ORDER_EVENTS, BarPeriod, BarProcessed, BarReceived, Event
from sysproduction.engine.bus import EventBus
from sysproduction.engine.identity import RunHash
from sysproduction.engine.stage import Stage
from sysproduction.ports import IndicatorColumns, Journal, RunEnd, RunHeader

BATCH: Final = 1_000
"""Once there are so many events of one kind, all that there are of any are written and committed."""


class RunRecorder:
    """Subscribes, before anybody else, to the eleven kinds of order events; bars and indicators of a run over columns
    are kept as columns. Of a run that follows a feed bar by bar it takes all thirteen."""

    def __init__(self, bus: EventBus, stage: Stage, journal: Journal, created_ns: Callable[[], int]) -> None:
        self._bus, self._stage, self._journal, self._created_ns = bus, stage, journal, created_ns
        self._buffers: dict[type[Event], list[Any]] = {kind: [] for kind in EVENTS}
        self._hash = RunHash()
        self._followed: dict[str, _Followed] = {}
        self._played = 0
        for kind in ORDER_EVENTS:
            bus.subscribe(kind, self._taker(self._buffers[kind]))

    def begin(self, header: RunHeader, histories: Sequence[BarColumns]) -> None:
        """Open the run, with the bars that it will play if they are known."""
        self._stage.created_ns = self._created_ns()
        self._journal.begin(header, histories)
        for bars in histories:
            self._hash.bars(bars)

    def indicators(self, strategy: str, symbol: str, values: dict[str, Floats]) -> None:
        """Keep a strategy's indicators over all bars of a symbol."""
        hashes = {name: column_hash(column) for name, column in values.items()}
        for name, found in hashes.items():
            self._hash.indicator(strategy, symbol, name, found)
        if values:
            self._journal.processed(IndicatorColumns(strategy, symbol, values, hashes))

    def follow(self) -> None:
        """Take bars as events from now on."""
        self._bus.subscribe(BarReceived, self._received)
        self._bus.subscribe(BarProcessed, self._processed)

    def progress(self, played: int) -> None:
        """So many bars of all symbols have been played: commit what there is."""
        self._played = played
        self._flush(played)

    def end(self, end: RunEnd) -> None:
        """Write what is left and close the run."""
        self._flush(self._played)
        self._journal.end(end)

    def abandon(self, end: RunEnd) -> None:
        """Close a run that did not come to its end, whatever comes of writing what is left."""
        with ExitStack() as last:
            last.callback(self._journal.end, end)
            with suppress(SysproductionError):
                self._flush(self._played)

    def followed(self) -> list[BarColumns]:
        """The bars that came one by one, of each symbol that had any."""
        bars = self._stage.bars
        return [self._followed[s].bars(s, bars[s].period) for s in bars if s in self._followed]

    def run_hash(self) -> str:
        """The hash of the whole run, once everything has been told."""
        self._flush(self._played)
        for bars in self.followed():
            self._hash.bars(bars)
        for symbol, followed in self._followed.items():
            for (strategy, name), values in followed.indicators.items():
                self._hash.indicator(strategy, symbol, name, column_hash(np.frombuffer(values)))
        return self._hash.hexdigest()

    def _taker(self, buffer: list[Any]) -> Callable[[Event], None]:
        append = buffer.append

        def take(event: Event) -> None:
            append(event)
            if len(buffer) >= BATCH:
                self._flush(max(self._stage.bar.position, self._played))

        return take

    def _flush(self, played: int) -> None:
        for kind, rows in self._buffers.items():
            if rows:
                if kind in ORDER_EVENTS:
                    self._hash.events(kind, rows)
                self._journal.write(kind, rows)
                rows.clear()
        self._journal.commit(played)
        self._stage.created_ns = self._created_ns()

    def _received(self, bar: BarReceived) -> None:
        self._followed.setdefault(bar.symbol, _Followed()).take(bar)
        self._played += 1
        self._buffers[BarReceived].append(bar)
        if len(self._buffers[BarReceived]) >= BATCH:
            self._flush(self._played)

    def _processed(self, bar: BarProcessed) -> None:
        kept = self._followed[bar.symbol].indicators
        for name, value in bar.indicators.items():
            kept.setdefault((bar.strategy, name), array("d")).append(value)
        self._buffers[BarProcessed].append(bar)


class _Followed:
    """The bars of a symbol that came one by one, as columns."""

    def __init__(self) -> None:
        self._stamps = array("q")
        self._columns = [array("d") for _ in COLUMNS[1:]]
        self._has_volume = True
        self.indicators: dict[tuple[str, str], array[float]] = {}

    def take(self, bar: BarReceived) -> None:
        self._stamps.append(bar.ts_event_ns)
        values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        for column, value in zip(self._columns, values, strict=True):
            if value is None:
                self._has_volume = False
            else:
                column.append(value)

    def bars(self, symbol: str, period: BarPeriod) -> BarColumns:
        open_, high, low, close, volume = map(np.frombuffer, self._columns)
        stamps = np.frombuffer(self._stamps, np.int64)
        return BarColumns(symbol, period, stamps, open_, high, low, close, volume if self._has_volume else None)


class Unrecorded:
    """The journal of a run that nobody wants to keep."""

    def begin(self, header: RunHeader, bars: Sequence[BarColumns]) -> None:
        """Nothing."""

    def processed(self, columns: IndicatorColumns) -> None:
        """Nothing."""

    def write(self, kind: type[Event], rows: Sequence[Event]) -> None:
        """Nothing."""

    def commit(self, bars_played: int) -> None:
        """Nothing."""

    def end(self, end: RunEnd) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
