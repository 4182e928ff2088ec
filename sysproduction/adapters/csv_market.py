"""Whole histories for a backtest, read from a folder in pysystemtrade's layout."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from sysproduction.adapters.csv_config import locate
from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.csv_files import Columns, read_table
from sysproduction.domain.errors import DataError
from sysproduction.domain.fx import derive
from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.panama import stitch

ADJUSTED_FOLDER: Final = "adjusted_prices_csv"
ADJUSTED_COLUMNS: Final = Columns(("price",))
FAR: Final = datetime(2200, 1, 1, tzinfo=UTC)


def csv_market(
    folder: Path, codes: Sequence[str], base_currency: str, *, progress: Callable[[str, int, int], None]
) -> MarketData:
    """Histories of these instruments and the rates of their currencies. What a file lacks, or why it cannot be read, is
    said in `missing`. Raises ConfigError if the folder is not in this layout."""
    feed = CsvFeed(folder)
    listings = {listing.instrument.code: listing for listing in feed.instruments()}
    missing = {problem.item: problem.reason for problem in feed.skipped()}
    histories = {}
    for number, code in enumerate(codes):
        progress(code, number, len(codes))
        if code not in listings:
            missing.setdefault(code, f"{folder} has no prices of it")
            continue
        try:
            histories[code] = _history(folder, feed, listings[code])
        except DataError as fault:
            missing[code] = str(fault)
    rates = {}
    for currency in sorted({h.listing.instrument.currency for h in histories.values()} - {base_currency}):
        try:
            rates[currency] = derive(currency + base_currency, lambda pair: _rate(feed, pair))
        except DataError as fault:
            missing[currency] = str(fault)
    return MarketData(histories, rates, missing)


def _history(folder: Path, feed: CsvFeed, listing: Listing) -> History:
    """Adjusted prices come from their own file; without one they are stitched."""
    code = listing.instrument.code
    multiple = feed.multiple_prices(code)
    path = locate(folder / ADJUSTED_FOLDER, code)
    adjusted = stitch(multiple).dropna() if path is None else read_table(path, ADJUSTED_COLUMNS).frame["price"]
    return History(listing, adjusted, multiple)


def _rate(feed: CsvFeed, pair: str) -> pd.Series | None:
    return feed.fx(pair, after=None, until=FAR)["rate"] if pair in feed.currency_pairs() else None
