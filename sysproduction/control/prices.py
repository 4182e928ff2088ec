"""Stored series by the words that an operator uses for them."""

from datetime import datetime

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.ports import Documents, Series
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices


def read_prices(
    documents: Documents, series: Series, instrument: str, *, kind: str, as_of: int | datetime | None = None
) -> pd.DataFrame:
    """`kind` adjusted (column price), multiple, or a contract (its bars), as of a version or a moment of writing.

    Raises DataError for an unknown instrument, an unknown kind, or when there is nothing.
    """
    Instruments(documents).get(instrument)
    prices = Prices(series)
    if kind == "adjusted":
        frame = prices.adjusted(instrument, as_of=as_of).to_frame("price")
    elif kind == "multiple":
        frame = prices.multiple(instrument, as_of=as_of)
    elif kind.isdigit():
        frame = prices.bars(instrument, kind, as_of=as_of)
    else:
        raise DataError(f"--kind {kind}: expected adjusted, multiple, or a contract such as 20241200")
    if frame.empty:
        raise DataError(_nothing(prices, instrument, kind, as_of))
    return frame


def _nothing(prices: Prices, instrument: str, kind: str, as_of: int | datetime | None) -> str:
    when = f" as of {as_of}" if as_of is not None else ""
    if not kind.isdigit():
        return f"{instrument} has no {kind} prices{when}: import some or run the price updates"
    known = prices.contracts(instrument)
    return f"{instrument} has no bars of {kind}{when}; it has {', '.join(known[-8:]) or 'no contracts'}"
