"""Bars of a recorded run as events, out of the columns that they are kept in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import COLUMNS, BarColumns, Floats, Stamps
from sysproduction.domain.events import BarProcessed, BarReceived

WINDOW: Final = 16_384
"""How many bars are rows at once."""


@dataclass(frozen=True, slots=True)
class PlayedBars:
    """What a run over columns has played. `codes` says of each bar, in the order of play, which history it is of;
    `readings` are each history's strategies, as they are called, with their indicators over it. `taken` are the
    numbers of order events, ascending: bars have those that are left, each received before it is processed."""

    histories: Sequence[BarColumns]
    readings: Sequence[Mapping[str, Mapping[str, Floats]]]
    codes: npt.NDArray[np.int64]
    taken: Stamps

    def received(self) -> Iterator[BarReceived]:
        """Each bar as it came."""
        for codes, numbers, parts in self._windows():
            rows = list(map(_rows, self.histories, parts))
            for code, (number, *_) in zip(codes, numbers, strict=True):
                bars = self.histories[code]
                ts, *told = next(rows[code])
                yield BarReceived(number, ts, 0, bars.symbol, bars.period, *told)

    def processed(self) -> Iterator[BarProcessed]:
        """Each bar as each strategy of its symbol processed it."""
        for codes, numbers, parts in self._windows():
            rows = list(map(_rows, self.histories, parts))
            readings = [
                {strategy: _indicators(values, part) for strategy, values in strategies.items()}
                for strategies, part in zip(self.readings, parts, strict=True)
            ]
            for code, (_, *own) in zip(codes, numbers, strict=True):
                bars = self.histories[code]
                ts, open_, high, low, close, volume = next(rows[code])
                what = (bars.symbol, bars.period, open_, high, low, close, volume)
                for number, (strategy, indicators) in zip(own, readings[code].items(), strict=True):
                    yield BarProcessed(number, ts, 0, strategy, *what, next(indicators))

    def _windows(self) -> Iterator[tuple[list[int], Iterator[list[int]], list[slice]]]:
        """Part by part: the codes of its bars, the numbers of each bar's events, and the rows of each history."""
        events = 1 + np.array([len(strategies) for strategies in self.readings])
        free_before = self.taken - np.arange(len(self.taken))
        rows, done = np.zeros(len(self.histories), np.int64), 0
        for first in range(0, len(self.codes), WINDOW):
            codes = self.codes[first : first + WINDOW]
            ends = events[codes].cumsum()
            places = np.arange(done, done + ends[-1])
            numbers = (places + np.searchsorted(free_before, places, "right")).tolist()
            stops = rows + np.bincount(codes, minlength=len(rows))
            starts_ends = zip((ends - events[codes]).tolist(), ends.tolist(), strict=True)
            yield (
                codes.tolist(),
                (numbers[a:b] for a, b in starts_ends),
                list(map(slice, rows.tolist(), stops.tolist())),
            )
            rows, done = stops, done + int(ends[-1])


def _rows(bars: BarColumns, part: slice) -> Iterator[tuple[Any, ...]]:
    ts, *prices, volume = (getattr(bars, name) for name in COLUMNS)
    volumes = repeat(None) if volume is None else volume[part].tolist()
    return zip(*(column[part].tolist() for column in (ts, *prices)), volumes, strict=False)


def _indicators(values: Mapping[str, Floats], part: slice) -> Iterator[dict[str, float]]:
    rows = zip(*(column[part].tolist() for column in values.values()), strict=True) if values else repeat(())
    return (dict(zip(values, row, strict=True)) for row in rows)
