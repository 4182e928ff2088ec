"""Whole histories for a backtest, read from a folder in pysystemtrade's layout."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from sysproduction.adapters.csv_config import locate
from sysproduction.adapters.csv_feed import MULTIPLE_FOLDER, CsvFeed
from sysproduction.adapters.csv_files import Columns, Table, read_table
from sysproduction.adapters.csv_history import MULTIPLE_COLUMNS, named_contracts
from sysproduction.domain.errors import DataError
from sysproduction.domain.fx import derive
from sysproduction.domain.histories import HISTORY_COLUMNS, History, MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.panama import stitch

ADJUSTED_FOLDER: Final = "adjusted_prices_csv"
ADJUSTED_COLUMNS: Final = Columns(("price",))
FAR: Final = datetime(2200, 1, 1, tzinfo=UTC)


def csv_market(
    folder: Path, codes: Sequence[str], base_currency: str, *, progress: Callable[[str, int, int], None]
) -> MarketData:
    """Histories of these instruments and the rates of their currencies. What a file lacks, or why it cannot be read, is
    said in `missing`, which of its rows are left out in `faults`; of rows with one stamp the last holds. Raises
    ConfigError if the folder is not in this layout."""
    feed = CsvFeed(folder)
    listings = {listing.instrument.code: listing for listing in feed.instruments()}
    missing = {problem.item: problem.reason for problem in feed.skipped()}
    histories: dict[str, History] = {}
    faults: dict[str, tuple[str, ...]] = {}
    for number, code in enumerate(codes):
        progress(code, number, len(codes))
        if code not in listings:
            missing.setdefault(code, f"{folder} has no prices of it")
            continue
        try:
            histories[code] = _history(folder, listings[code], faults)
        except DataError as fault:
            missing[code] = str(fault)
    rates = {}
    for currency in sorted({h.listing.instrument.currency for h in histories.values()} - {base_currency}):
        try:
            rates[currency] = derive(currency + base_currency, lambda pair: _rate(feed, pair))
        except DataError as fault:
            missing[currency] = str(fault)
    return MarketData(histories, rates, missing, faults)


def _history(folder: Path, listing: Listing, faults: dict[str, tuple[str, ...]]) -> History:
    """Adjusted prices come from a file of their own; without one they are stitched."""
    code = listing.instrument.code
    multiple = _table(folder / MULTIPLE_FOLDER, code, MULTIPLE_COLUMNS)
    adjusted = _table(folder / ADJUSTED_FOLDER, code, ADJUSTED_COLUMNS)
    if multiple is None:
        raise DataError(f"{folder / MULTIPLE_FOLDER}: there is no {code}.csv")
    faulty = (*multiple.faults, *(adjusted.faults if adjusted else ()))
    if faulty:
        faults[code] = faulty
    prices = named_contracts(multiple.frame)
    series = stitch(prices).dropna() if adjusted is None else adjusted.frame["price"]
    return History(listing, series, prices[list(HISTORY_COLUMNS)])


def _table(folder: Path, code: str, columns: Columns) -> Table | None:
    path = locate(folder, code)
    return None if path is None else read_table(path, columns, keep_last=True)


def _rate(feed: CsvFeed, pair: str) -> pd.Series | None:
    return feed.fx(pair, after=None, until=FAR)["rate"] if pair in feed.currency_pairs() else None
