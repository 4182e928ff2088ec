"""What is brought to secmaster.db: bars batch by batch, whose they are, and which symbols mean them when."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import BarColumns

BATCH: Final = 10_000
"""How many bars are brought at once."""

ALWAYS: Final = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who gives out bars: a vendor and, where it has several, its data set and the venue of that."""

    name: str
    dataset: str = ""
    venue: str = ""


@dataclass(frozen=True, slots=True)
class Arriving:
    """Bars of one instrument, at most `BATCH`, oldest first. `rows` are their numbers in the supply, for errors;
    `done` says how much of the supply has been read with them. With a `vendor_id` that identifies the instrument, and
    a range of the supply has its symbol; without, the bars' symbol identifies it."""

    bars: BarColumns
    rows: npt.NDArray[np.int64]
    done: int
    vendor_id: int | None = None


Batches = Generator[Arriving, None, None]


@dataclass(frozen=True, slots=True)
class SymbolRange:
    """From `start_ns` to before `end_ns` the symbol means the instrument."""

    symbol: str
    vendor_id: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class BarSupply:
    """A file or another source of bars; `where` names it in errors, `size` is what `done` comes to. Iterating over
    `batches`, which can be done once, reads it and raises DataError for what cannot be read. One that `replaces` has
    whole series: former bars of theirs are dropped."""

    where: str
    publisher: Publisher
    batches: Batches
    size: int
    ranges: tuple[SymbolRange, ...] = ()
    replaces: bool = False


def whole_histories(where: str, publisher: Publisher, histories: list[BarColumns]) -> BarSupply:
    """Whole series that are at hand."""
    return BarSupply(where, publisher, _batches(histories), sum(map(len, histories)), replaces=True)


def _batches(histories: list[BarColumns]) -> Batches:
    done = 0
    for bars in histories:
        for first in range(0, len(bars), BATCH):
            part = slice(first, first + BATCH)
            cut = BarColumns(bars.symbol, bars.period, **{name: column[part] for name, column in bars.columns()})
            done += len(cut)
            yield Arriving(cut, np.arange(first, first + len(cut)) + 1, done)
