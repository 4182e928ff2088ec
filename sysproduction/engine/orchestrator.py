"""Assembles a run out of classes, plays it, and takes it down again however it ends."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Any

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps, check_bars
from sysproduction.domain.errors import ConfigError, DataError, SysproductionError
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.bus import EventBus
from sysproduction.engine.desk import BusDesk
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.ledger import Ledger
from sysproduction.engine.provenance import configuration, new_run_id
from sysproduction.engine.recorder import RunRecorder, Unrecorded
from sysproduction.engine.replay import Player, play_order
from sysproduction.engine.stage import BEFORE_FIRST, Stage
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import Clock, Journal, RunEnd, RunHeader, RunStatus


class RunFailed(SysproductionError):
    """A strategy, feed or broker raised what nobody foresaw; the cause is chained, and recorded with the run."""


class _Cancelled(Exception):
    """Somebody asked for the end of the run."""


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """How a run ended. `equity` is the account after each bar of all symbols, in the order in which they were played,
    and `ts` those bars' stamps. A run that was cancelled has no hash, no summary, and neither of these."""

    run_id: str
    status: RunStatus
    run_hash: str | None
    summary: Mapping[str, Any]
    ts: Stamps
    equity: Floats
    positions: Mapping[str, int]


class Orchestrator:
    """One run of strategies over the bars of a feed, through a broker. It takes classes and makes what it needs in this
    order: run id, bus, recorder, broker, strategies, feed; and shuts down feed, broker, strategies, recorder, also
    where one of them fails. `seed` is what strategies draw random numbers from; with `skip_bars` bars are skipped on
    which no strategy `wake`s; `progress` is told how many bars of how many were played."""

    def __init__(
        self,
        strategies: Sequence[type[Strategy]],
        broker: type[SimulatedBroker],
        datafeed: type[Datafeed],
        *,
        clock: Clock,
        journal: Journal | None = None,
        seed: int = 0,
        skip_bars: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._classes, self._broker_class, self._feed_class = tuple(strategies), broker, datafeed
        self._clock, self._seed, self._skip_bars, self._report = clock, seed, skip_bars, progress
        self._journal: Journal = journal or Unrecorded()
        self._symbols, period = declared(self._classes)
        self._cancelled = False
        self.run_id = new_run_id(self._classes, clock)
        self._bus, self._stage = EventBus(), Stage(self._symbols, period)
        self._recorder = RunRecorder(self._bus, self._stage, self._journal, self._created_ns)
        self._strategies: list[Strategy] = []
        self._histories: list[BarColumns] = []
        self._begun = False
        self._result = RunResult(
            self.run_id,
            RunStatus.CANCELLED,
            None,
            {},
            np.zeros(0, np.int64),
            np.zeros(0),
            dict.fromkeys(self._symbols, 0),
        )

    def cancel(self) -> None:
        """End the run soon, as `cancelled`; a signal or another thread may call it."""
        self._cancelled = True

    def run(self) -> RunResult:
        """Play the run from its first bar to its last, once.

        Raises the SysproductionError that a part of the run raised, and RunFailed for anything else that one did; the
        run is recorded as failed then.
        """
        if self._begun:
            raise ConfigError(f"run {self.run_id} was run before; make a new Orchestrator for each run")
        with ExitStack() as record:
            record.callback(self._journal.close)
            record.push(self._fail)
            self._play_with_parts()
            self._complete()
        return self._result

    def _play_with_parts(self) -> None:
        with ExitStack() as parts:
            parts.callback(self._shut_strategies)
            broker = self._broker_class(self._bus, self._stage)
            parts.callback(broker.disconnect)
            ledger = Ledger(self._bus, self._stage, broker.multipliers)
            self._make_strategies()
            feed = self._feed_class()
            parts.callback(feed.disconnect)
            broker.connect()
            feed.connect()
            feed.subscribe(self._symbols, self._stage.period)
            self._play(feed, Player(self._bus, self._stage, broker, self._strategies, self._played))
            self._bus.wait_until_system_idle()
            self._account(broker, ledger)

    def _make_strategies(self) -> None:
        desk = BusDesk(self._bus, self._stage)
        for made in self._classes:
            self._strategies.append(made(self._bus, self._stage, desk, Random(f"{self._seed} {made.title()}")))
        for strategy in self._strategies:
            strategy.setup()

    def _shut_strategies(self) -> None:
        with ExitStack() as each:
            for strategy in reversed(self._strategies):
                each.callback(strategy.shutdown)

    def _play(self, feed: Datafeed, player: Player) -> None:
        histories = feed.histories()
        if histories is None:
            self._begin()
            self._recorder.follow()
            player.follow(feed.follow())
            self._histories = self._recorder.followed()
            return
        self._histories = checked(histories, self._symbols)
        self._begin()
        self._read_indicators()
        player.play(self._histories, play_order(self._histories), wake=self._skip_bars)

    def _read_indicators(self) -> None:
        """Compute each strategy's indicators over the whole histories of its symbols, before the first bar."""
        by_symbol = {bars.symbol: bars for bars in self._histories}
        for strategy in self._strategies:
            for symbol in strategy.symbols:
                arrays = self._stage.bars[symbol].arrays
                values = {}
                for reading in strategy.readings:
                    values[reading.name] = arrays[reading.column] = reading.over(by_symbol[symbol])
                self._recorder.indicators(strategy.title(), symbol, values)

    def _played(self, bars: int) -> None:
        self._recorder.progress(bars)
        if self._report is not None:
            self._report(bars, sum(map(len, self._histories)))
        if self._cancelled:
            raise _Cancelled

    def _account(self, broker: SimulatedBroker, ledger: Ledger) -> None:
        """Reckon up what the run came to."""
        if not self._histories:
            raise DataError(f"the feed {self._feed_class.__name__} gave no bar of {', '.join(self._symbols)}")
        places = play_order(self._histories)
        ts = np.empty(sum(map(len, places)), np.int64)
        for bars, where in zip(self._histories, places, strict=True):
            ts[where] = bars.ts
        equity = ledger.equity(self._histories, places, broker.cash)
        summary = {
            "bars": len(ts),
            "fills": ledger.fills,
            "commission": ledger.commission,
            "starting_cash": broker.cash,
            "final_equity": float(equity[-1]),
            "largest_drawdown": float((np.maximum.accumulate(equity) - equity).max()),
        }
        positions = dict(broker.positions)
        self._result = RunResult(self.run_id, RunStatus.COMPLETED, None, summary, ts, equity, positions)

    def _begin(self) -> None:
        """Open the record of the run, with the bars that it is to play if they are known."""
        names = tuple(made.title() for made in self._classes)
        config = configuration(self._classes, self._broker_class, self._feed_class, self._histories, self._stage.period)
        config |= {"seed": self._seed, "skip_bars": self._skip_bars}
        self._recorder.begin(RunHeader(self.run_id, names, tuple(self._symbols), config), self._histories)
        self._begun = True

    def _fail(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        """Record how a run ended that did not complete, if so; True: it is no error."""
        if error is None:
            return False
        if not self._begun:
            self._begin()
        if isinstance(error, _Cancelled) or not isinstance(error, Exception):
            self._recorder.abandon(RunEnd(RunStatus.CANCELLED, event_index=self._stage.reached()))
            return isinstance(error, _Cancelled)
        told = "".join(traceback.format_exception(kind, error, trace))
        reached = self._stage.reached()
        self._recorder.abandon(RunEnd(RunStatus.FAILED, error=told, event_index=reached))
        if isinstance(error, SysproductionError):
            return False
        where = traceback.extract_tb(trace)[-1]
        raise RunFailed(
            f"run {self.run_id} failed at event {reached}{self._at()}: {kind.__name__ if kind else ''}: {error}"
            f" ({where.filename}, line {where.lineno}, in {where.name})"
        ) from error

    def _complete(self) -> None:
        run_hash = self._recorder.run_hash()
        self._recorder.end(RunEnd(RunStatus.COMPLETED, run_hash, self._result.summary))
        self._result = replace(self._result, run_hash=run_hash)

    def _at(self) -> str:
        """At which bar the run is, in words."""
        bar = self._stage.bar
        return "" if bar is BEFORE_FIRST else f", {bar.symbol} at {np.datetime64(bar.ts, 'ns').astype('datetime64[s]')}"

    def _created_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1_000_000) * 1_000


def declared(strategies: Sequence[type[Strategy]]) -> tuple[list[str], BarPeriod]:
    """The symbols of all strategies, in the order in which they name them first, and the period of their bars.

    Raises ConfigError if there are none, if two strategies have one name, or their bars different periods.
    """
    if not strategies:
        raise ConfigError("a run needs a strategy")
    titles = [strategy.title() for strategy in strategies]
    if twice := sorted({title for title in titles if titles.count(title) > 1}):
        raise ConfigError(f"two strategies of the run are called {', '.join(twice)}: give each its own `name`")
    if idle := [strategy.title() for strategy in strategies if not strategy.symbols]:
        raise ConfigError(f"strategy {', '.join(idle)} has no symbols")
    periods = {strategy.bar_period for strategy in strategies}
    if len(periods) > 1:
        raise ConfigError(f"the strategies of a run share one period of bars; these have {', '.join(sorted(periods))}")
    symbols = dict.fromkeys(symbol for strategy in strategies for symbol in strategy.symbols)
    return list(symbols), periods.pop()


def checked(histories: Sequence[BarColumns], symbols: Sequence[str]) -> list[BarColumns]:
    """The histories, if they can be played: one of each symbol, in that order, each with bars that can be.

    Raises DataError naming symbol, stamp and fault.
    """
    if [bars.symbol for bars in histories] != list(symbols):
        got = ", ".join(bars.symbol for bars in histories) or "nothing"
        raise DataError(f"the feed gave bars of {got} where {', '.join(symbols)} were asked for")
    for bars in histories:
        if not len(bars):
            raise DataError(f"{bars.symbol}: there are no bars in the time asked for")
        check_bars(bars)
    return list(histories)
