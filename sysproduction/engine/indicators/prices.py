"""The five numbers of a bar as indicators, for others to be made of."""

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.engine.indicators.base import Indicator, Stream


class _Picked:
    def __init__(self, place: int) -> None:
        self._place = place

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        return (open_, high, low, close, volume)[self._place]


@dataclass(frozen=True)
class _Price:
    name: ClassVar[str]
    place: ClassVar[int]

    def batch(self, bars: BarColumns) -> Floats:
        """As the bars have it; NaN where they have none."""
        column = getattr(bars, self.name)
        return np.full(len(bars), nan) if column is None else column

    def stream(self) -> Stream:
        """As the bars have it."""
        return _Picked(self.place)


class Open(_Price):
    """The first price."""

    name, place = "open", 0


class High(_Price):
    """The highest price."""

    name, place = "high", 1


class Low(_Price):
    """The lowest price."""

    name, place = "low", 2


class Close(_Price):
    """The last price."""

    name, place = "close", 3


class Volume(_Price):
    """What was traded; NaN where the source has none."""

    name, place = "volume", 4


CLOSE: Indicator = Close()


def named(kind: str, of: Indicator, *values: float) -> str:
    """The name of an indicator of that kind, with its values, and what it goes over unless that is the close."""
    parts = [kind, *(f"{value:g}" for value in values)]
    return "_".join(parts if of.name == "close" else [*parts, "of", of.name])
