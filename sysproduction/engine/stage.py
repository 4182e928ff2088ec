"""Where a run is: the bar that is now, of which symbol, and how far its events are counted."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import COLUMNS, BarColumns
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import BarPeriod

WINDOW: Final = 65_536
"""How many bars of a symbol are lists at once."""

HISTORY: Final = 10_000
"""How many bars back a strategy may look."""

TS, OPEN, HIGH, LOW, CLOSE, VOLUME = range(len(COLUMNS))


class BarValues(NamedTuple):
    """One bar, to keep."""

    symbol: str
    period: BarPeriod
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None


class Bar:
    """The bar of a symbol that is now: one object for a whole run, valid inside a callback; `copy` is to keep.

    For the engine: `columns` are the numbers of a window of bars, the six of a bar and one more for each reading; `row`
    is the present one in the window, which ends before `stop`, `offset` the window's first in the symbol's history.
    `positions` has each bar's place among those of all symbols, None where there is one symbol. `book` has the symbol's
    orders that may trade."""

    __slots__ = (
        "arrays",
        "book",
        "code",
        "columns",
        "leaps",
        "length",
        "offset",
        "period",
        "positions",
        "row",
        "stop",
        "symbol",
    )

    def __init__(self, symbol: str, period: BarPeriod, code: int) -> None:
        self.symbol, self.period, self.code = symbol, period, code
        self.arrays: list[npt.NDArray[Any] | None] = [None] * len(COLUMNS)
        self.columns: list[Any] = [[] for _ in COLUMNS]
        self.length, self.offset, self.row, self.stop = 0, 0, -1, 0
        self.positions: npt.NDArray[np.int64] | None = None
        self.book: dict[int, Any] = {}
        self.leaps = False

    @property
    def ts(self) -> int:
        """Its opening stamp in nanoseconds since 1970 (UTC)."""
        stamp: int = self.columns[TS][self.row]
        return stamp

    @property
    def open(self) -> float:
        """Its first price."""
        price: float = self.columns[OPEN][self.row]
        return price

    @property
    def high(self) -> float:
        """Its highest price."""
        price: float = self.columns[HIGH][self.row]
        return price

    @property
    def low(self) -> float:
        """Its lowest price."""
        price: float = self.columns[LOW][self.row]
        return price

    @property
    def close(self) -> float:
        """Its last price."""
        price: float = self.columns[CLOSE][self.row]
        return price

    @property
    def volume(self) -> float | None:
        """What was traded in it; None where the source does not say."""
        volume: float | None = self.columns[VOLUME][self.row]
        return volume

    @property
    def index(self) -> int:
        """Its place in the symbol's history, from 0."""
        return self.offset + self.row

    @property
    def position(self) -> int:
        """Its place among the bars of all symbols, from 0."""
        return self.index if self.positions is None else int(self.positions[self.index])

    def copy(self) -> BarValues:
        """The values, to keep."""
        return BarValues(self.symbol, self.period, self.ts, self.open, self.high, self.low, self.close, self.volume)

    def load(self, bars: BarColumns) -> None:
        """Take a history to be played, window by window."""
        self.arrays[: len(COLUMNS)] = [getattr(bars, name) for name in COLUMNS]
        self.length = len(bars)

    def leap(self) -> None:
        """Let all bars be one window that is never listed, for a run that visits few of them."""
        self.offset, self.row, self.stop, self.leaps = 0, -1, self.length, True
        self.columns[:] = [ABSENT if array is None else _Direct(array) for array in self.arrays]

    def turn(self, first: int, stop: int) -> None:
        """Let the window be the bars from `first` to before `stop`; before its first bar."""
        self.offset, self.row, self.stop = first, -1, stop - first
        for number, array in enumerate(self.arrays):
            self.columns[number] = ABSENT if array is None else _Unread(self.columns, number, array[first:stop])

    def seek(self, index: int) -> None:
        """Let the symbol's bar of that index be now, of a history that was loaded; -1: none yet."""
        first = 0 if self.leaps else max(index, 0) // WINDOW * WINDOW
        if first != self.offset or not self.stop:
            self.turn(first, min(first + WINDOW, self.length))
        self.row = index - first

    def push(self, values: tuple[Any, ...]) -> None:
        """Let the next bar of a feed without columns be now; of those behind it, at least `HISTORY` stay."""
        if self.row + 1 >= 2 * HISTORY:
            for column in self.columns:
                del column[:HISTORY]
            self.offset, self.row = self.offset + HISTORY, self.row - HISTORY
        for column, value in zip(self.columns, values, strict=False):
            column.append(value)
        self.row += 1


class _Unread:
    """A window of a column as NumPy holds it; the first look turns it into the list that takes its place."""

    __slots__ = ("array", "columns", "number")

    def __init__(self, columns: list[Any], number: int, array: npt.NDArray[Any]) -> None:
        self.columns, self.number, self.array = columns, number, array

    def __getitem__(self, row: int) -> Any:
        values = self.columns[self.number] = self.array.tolist()
        return values[row]


class _Direct:
    """A column of which few values are looked at."""

    __slots__ = ("item",)

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.item = array.item

    def __getitem__(self, row: int) -> Any:
        return self.item(row)


class _Absent:
    """A column that the source does not have."""

    def __getitem__(self, row: int) -> None:
        return None


ABSENT: Final = _Absent()


BEFORE_FIRST: Final = Bar("", BarPeriod.DAY, -1)
"""What is now before any bar was."""


class Stage:
    """What all parts of a run share: `bars` by symbol; `bar`, the one that is now; `told`, how many strategies have
    processed it; `created_ns`, the machine's time of this batch of events; and the count of events.

    Of a run over columns no bar is an event by itself, so their number is reckoned from where the bar is; a run that
    follows a feed bar by bar `counts` them, and how many bars were `played`."""

    __slots__ = (
        "bar",
        "bar_events",
        "bars",
        "columns",
        "counts",
        "created_ns",
        "events",
        "period",
        "played",
        "processed_before",
        "skips",
        "told",
    )

    def __init__(self, symbols: Sequence[str], period: BarPeriod) -> None:
        self.period = period
        self.bars = {symbol: Bar(symbol, period, code) for code, symbol in enumerate(symbols)}
        self.bar = BEFORE_FIRST
        self.columns = len(COLUMNS)
        self.created_ns, self.told, self.events, self.bar_events, self.played = 0, 0, 0, 0, 0
        self.counts = self.skips = False
        self.processed_before: npt.NDArray[np.int64] | None = None

    def new_column(self) -> int:
        """The number of a column for one more reading."""
        for bar in self.bars.values():
            bar.arrays.append(None)
            bar.columns.append([])
        self.columns += 1
        return self.columns - 1

    def bar_of(self, symbol: str) -> Bar:
        """A symbol's bar that is now, brought up to date where the run skips bars; ConfigError if it has none."""
        bar = self.bars.get(symbol)
        if bar is None:
            raise ConfigError(f"{symbol} is not in the run, which has {', '.join(self.bars)}")
        if self.skips and bar is not self.bar:
            assert bar.positions is not None
            bar.seek(int(np.searchsorted(bar.positions, self.bar.position)) - 1)
        return bar

    def now(self) -> Bar:
        """The bar that is now; ConfigError before the first."""
        if self.bar is BEFORE_FIRST:
            raise ConfigError("nothing can be asked or ordered before the first bar; setup only declares")
        return self.bar

    def next_sequence(self) -> int:
        """The number of the event that is about to be published."""
        number = self.events
        self.events = number + 1
        if self.counts:
            return number
        bar = self.bar
        if bar.positions is None:  # the same as below, at a fraction of the time
            return number + (bar.offset + bar.row) * self.bar_events + 1 + self.told
        return number + self._bar_events()

    def bar_sequence(self, *, received: bool) -> int:
        """The number of the bar that is about to be published, received or processed by the next strategy."""
        if self.counts:
            self.events += 1
            return self.events - 1
        return self.events + self._bar_events() - received

    def place(self) -> int:
        """The place of the bar that is now among the bars of all symbols, from 0."""
        return self.played - 1 if self.counts else self.now().position

    def reached(self) -> int:
        """How many events there were so far."""
        if self.counts or self.bar is BEFORE_FIRST:
            return self.events
        return self.events + self._bar_events()

    def _bar_events(self) -> int:
        """How many bars were received and processed so far, the present one included."""
        position = self.now().position
        if self.processed_before is None:
            return position * self.bar_events + 1 + self.told
        return position + int(self.processed_before[position]) + 1 + self.told
