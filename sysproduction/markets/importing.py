"""Load a whole recorded history at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import count
from typing import Protocol

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.fx import split_pair
from sysproduction.domain.instruments import Listing
from sysproduction.domain.panama import stitch
from sysproduction.domain.results import MethodResult, Problem
from sysproduction.markets.items import choose, update_each
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices

Progress = Callable[[str, int, int], None]
"""Called with the item that comes next, how many are done, and how many there are."""


class History(Protocol):
    """What an import reads from; all of it is a fact of the past. Raises DataError for an item that is unusable."""

    def instruments(self) -> Sequence[Listing]:
        """Definitions, by code."""
        ...

    def skipped(self) -> Sequence[Problem]:
        """Instruments that cannot be used, with the reason."""
        ...

    def problems(self, item: str) -> Sequence[Problem]:
        """Rows of an instrument or currency pair that were left out, with the reason."""
        ...

    def multiple_prices(self, instrument: str) -> pd.DataFrame:
        """Multiple prices (columns of domain.multiple_prices) in which every row has some price."""
        ...

    def all_bars(self, instrument: str) -> Mapping[str, pd.DataFrame]:
        """Bars (BAR_COLUMNS and `daily`) of each contract."""
        ...

    def currency_pairs(self) -> Sequence[str]:
        """Pairs, sorted."""
        ...

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> pd.DataFrame:
        """Rates of a pair in the column `rate`."""
        ...


def import_history(
    history: History,
    instruments: Instruments,
    prices: Prices,
    rates: FxRates,
    *,
    until: datetime,
    progress: Progress,
    only: Sequence[str] | None = None,
    shorten: bool = False,
    turn: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> MethodResult:
    """Store definitions, bars, multiple, adjusted prices and rates up to `until`, exactly as recorded.

    Each series is replaced, so an import that was cut off is simply run again. Adjusted prices are stitched here.
    An item whose stored prices reach further than the import is left out, unless `shorten` lets it lose them.
    `only` restricts the instruments; `turn` is that of RollDesk. Rows written count rows of every series.
    """
    listings = {listing.instrument.code: listing for listing in history.instruments()}
    chosen, problems = choose(sorted(listings), only)
    pairs = history.currency_pairs()
    done = count()

    def load_pair(pair: str) -> MethodResult:
        progress(pair, next(done), len(pairs) + len(chosen))
        return MethodResult(_import_pair(history, rates, pair, until, shorten), 1, tuple(history.problems(pair)))

    def load_instrument(code: str) -> MethodResult:
        progress(code, next(done), len(pairs) + len(chosen))
        with turn(code):
            instruments.put(listings[code])
            rows = _import_instrument(history, prices, code, until, shorten)
        return MethodResult(rows, 1, tuple(history.problems(code)))

    results = update_each(pairs, load_pair), update_each(chosen, load_instrument)
    found = [problem for result in results for problem in result.problems]
    rows, items = sum(result.rows_written for result in results), sum(result.items for result in results)
    return MethodResult(rows, items, (*history.skipped(), *problems, *found))


def _import_pair(history: History, rates: FxRates, pair: str, until: datetime, shorten: bool) -> int:
    split_pair(pair)
    frame = history.fx(pair, after=None, until=until)
    stored = rates.stored(pair)
    if stored is not None and not shorten:
        _check_reach(stored.index, frame.index)
    if len(frame):
        rates.replace(pair, frame)
    return len(frame)


def _import_instrument(history: History, prices: Prices, code: str, until: datetime, shorten: bool) -> int:
    end = pd.Timestamp(until)
    multiple = history.multiple_prices(code).loc[:end]
    if not shorten:
        _check_reach(prices.multiple(code).index, multiple.index)
    adjusted = stitch(multiple).dropna()
    bars = {contract: known for contract, frame in history.all_bars(code).items() if len(known := frame.loc[:end])}
    prices.replace_all(code, bars, multiple, adjusted)
    return len(multiple) + len(adjusted) + sum(len(frame) for frame in bars.values())


def _check_reach(stored: pd.Index, imported: pd.Index) -> None:
    """Raise DataError if rows would be lost at the end of a stored series."""
    if len(stored) and (not len(imported) or imported[-1] < stored[-1]):
        end = imported[-1] if len(imported) else "nothing"
        raise DataError(f"stored prices reach {stored[-1]}, this import {end}: only --shorten lets it lose the rest")
