"""Plays bars: each meets the broker first, then the strategies that have its symbol."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import DataError
from sysproduction.domain.events import BarProcessed, BarReceived
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.bus import EventBus
from sysproduction.engine.stage import WINDOW, Bar, BarValues, Stage
from sysproduction.engine.strategy import Strategy
from sysproduction.engine.waking import awake_positions, next_trade

OnBar = Callable[[Bar], None]


def play_order(histories: Sequence[BarColumns]) -> list[npt.NDArray[np.int64]]:
    """For each history, the place of each of its bars among all: by stamp, then in the order of histories."""
    lengths = [len(bars) for bars in histories]
    order = np.argsort(np.concatenate([bars.ts for bars in histories]), kind="stable")
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return np.split(places, np.cumsum(lengths)[:-1])


class Player:
    """Plays the bars of a run over its strategies and broker; `progress` is told now and then how many were played, and
    may end the run by raising."""

    def __init__(
        self,
        bus: EventBus,
        stage: Stage,
        broker: SimulatedBroker,
        strategies: Sequence[Strategy],
        progress: Callable[[int], None],
    ) -> None:
        self._bus, self._stage, self._broker, self._progress = bus, stage, broker, progress
        self._strategies = strategies
        self._listeners = {
            bar.code: [one for one in strategies if symbol in one.symbols] for symbol, bar in stage.bars.items()
        }

    def play(self, histories: Sequence[BarColumns], places: Sequence[npt.NDArray[np.int64]], *, wake: bool) -> None:
        """Play whole histories, whose indicators have been read over them; with `wake`, skip the bars that every
        strategy declares to need no call."""
        self._load(histories, places)
        total = sum(map(len, histories))
        awake = awake_positions(self._strategies, self._stage, total) if wake else None
        if self._bus.wanted(BarReceived) or self._bus.wanted(BarProcessed):
            self._play_observed(places)
        elif awake is not None:
            self._play_awake(places, awake)
        elif len(histories) == 1:
            self._play_one(self._stage.bars[histories[0].symbol], total)
        else:
            self._play_all(places)
        self._progress(total)

    def _load(self, histories: Sequence[BarColumns], places: Sequence[npt.NDArray[np.int64]]) -> None:
        stage = self._stage
        for bars, where in zip(histories, places, strict=True):
            bar = stage.bars[bars.symbol]
            bar.load(bars)
            bar.positions = where if len(histories) > 1 else None
        counts = [len(self._listeners[stage.bars[bars.symbol].code]) for bars in histories]
        stage.bar_events = 1 + counts[0]
        if len(set(counts)) > 1:
            processed = np.empty(sum(map(len, histories)), np.int64)
            for where, count in zip(places, counts, strict=True):
                processed[where] = count
            stage.processed_before = np.cumsum(processed) - processed

    def _on_bar(self, bar: Bar) -> OnBar:
        """What is to be called after the broker: the one strategy of the symbol, or each in turn."""
        calls = [strategy.on_bar for strategy in self._listeners[bar.code]]
        if len(calls) == 1:
            return calls[0]
        stage = self._stage

        def each(bar: Bar) -> None:
            for stage.told, on_bar in enumerate(calls, 1):
                on_bar(bar)
            stage.told = 1  # as a symbol with one strategy expects

        return each

    def _meet(self, bar: Bar) -> None:
        """Let the symbol's orders meet the bar, of which no strategy knows yet."""
        self._stage.told = 0
        self._broker.match(bar)
        self._stage.told = 1

    def _play_one(self, bar: Bar, total: int) -> None:
        on_bar, meet, stage = self._on_bar(bar), self._meet, self._stage
        stage.told = 1
        for first in range(0, total, WINDOW):
            bar.turn(first, min(first + WINDOW, total))
            book = bar.book
            stage.bar = bar
            for row in range(bar.stop):
                bar.row = row
                if book:
                    meet(bar)
                on_bar(bar)
            self._progress(first + bar.stop)

    def _play_all(self, places: Sequence[npt.NDArray[np.int64]]) -> None:
        stage, meet = self._stage, self._meet
        stage.told = 1
        cast = [(bar, bar.book, self._on_bar(bar)) for bar in stage.bars.values()]
        codes = _codes(places)
        for first in range(0, len(codes), WINDOW):
            for code in codes[first : first + WINDOW].tolist():
                bar, book, on_bar = cast[code]
                row = bar.row = bar.row + 1
                if row == bar.stop:
                    bar.seek(bar.offset + row)
                stage.bar = bar
                if book:
                    meet(bar)
                on_bar(bar)
            self._progress(min(first + WINDOW, len(codes)))

    def _play_observed(self, places: Sequence[npt.NDArray[np.int64]]) -> None:
        """Like the others, with each bar published for those who are subscribed to bars."""
        stage = self._stage
        bars = list(stage.bars.values())
        codes = _codes(places)
        for position, code in enumerate(codes.tolist()):
            bar = stage.bar = bars[code]
            bar.seek(bar.index + 1)
            self._show(bar)
            if position % WINDOW == WINDOW - 1:
                self._progress(position + 1)

    def _play_awake(self, places: Sequence[npt.NDArray[np.int64]], awake: npt.NDArray[np.int64]) -> None:
        """Visit the bars on which a strategy is awake or an order may trade, and no others."""
        stage, meet = self._stage, self._meet
        stage.told, stage.skips = 1, len(places) > 1
        cast = [(bar, self._on_bar(bar)) for bar in stage.bars.values()]
        for bar, _ in cast:
            bar.leap()
        codes, total = _codes(places), sum(map(len, places))
        calls = iter([*awake.tolist(), total])
        call, told, at = next(calls), 0, -1
        while True:
            after, at = at, call
            for bar, _ in cast:
                if bar.book:
                    at = next_trade(bar, after, at, by_price_alone=self._broker.trades_by_price_alone(bar))
            if at >= total:
                return
            bar, on_bar = cast[codes[at] if stage.skips else 0]
            bar.seek(at if bar.positions is None else int(np.searchsorted(bar.positions, at)))
            stage.bar = bar
            if at // WINDOW > told:
                told = at // WINDOW
                self._progress(at)
            if bar.book:
                meet(bar)
            if at == call:
                call = next(calls)
                on_bar(bar)

    def follow(self, bars: Iterator[BarValues]) -> None:
        """Play bars as they come, with indicators that advance bar by bar."""
        stage = self._stage
        stage.counts = True
        for values in bars:
            bar = stage.bars.get(values.symbol)
            if bar is None:
                raise DataError(f"{values.symbol}: the feed gave a bar of a symbol that nobody asked for")
            check_next(stage.bar, bar, values)
            bar.push(values[2:])
            stage.bar = bar
            stage.played += 1
            self._show(bar, stream=True)
        self._progress(stage.played)

    def _show(self, bar: Bar, *, stream: bool = False) -> None:
        """Publish the bar, let orders meet it, and let each strategy process it."""
        stage, publish = self._stage, self._bus.publish
        stage.told = 0
        ts, symbol, period = bar.ts, bar.symbol, bar.period
        open_, high, low, close, volume = bar.open, bar.high, bar.low, bar.close, bar.volume
        made = stage.created_ns
        sequence = stage.bar_sequence(received=True)
        publish(BarReceived(sequence, ts, made, symbol, period, open_, high, low, close, volume))
        if bar.book:
            self._broker.match(bar)
        for told, strategy in enumerate(self._listeners[bar.code], 1):
            if stream:
                for reading in strategy.readings:
                    reading.advance(bar)
            sequence = stage.bar_sequence(received=False)
            stage.told = told
            indicators = {reading.name: reading.now for reading in strategy.readings}
            title = strategy.title()
            publish(
                BarProcessed(sequence, ts, made, title, symbol, period, open_, high, low, close, volume, indicators)
            )
            strategy.on_bar(bar)


def check_next(last: Bar, bar: Bar, values: BarValues) -> None:
    """Raise DataError unless a bar that a feed gives can follow: stamps must not go back, nor repeat in a symbol, and
    the bar must be possible."""
    where = f"{values.symbol}, bar at {np.datetime64(values.ts, 'ns')}"
    if last.index >= 0 and values.ts < last.ts:
        raise DataError(f"{where}: it comes after one of {last.symbol} at {np.datetime64(last.ts, 'ns')}")
    if bar.index >= 0 and values.ts <= bar.ts:
        raise DataError(f"{where}: the symbol has a bar of that time or later already")
    prices = (values.open, values.high, values.low, values.close)
    if not all(np.isfinite(prices)) or values.high != max(prices) or values.low != min(prices):
        raise DataError(f"{where}: open, high, low, close are {prices}, which cannot be")
    if values.volume is not None and not values.volume >= 0:
        raise DataError(f"{where}: its volume is {values.volume}")


def _codes(places: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[Any]:
    """Which history the bar at each place is of."""
    codes = np.empty(sum(map(len, places)), np.uint16)
    for code, where in enumerate(places):
        codes[where] = code
    return codes
