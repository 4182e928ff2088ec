"""Settle rejected prices by an operator's word: store them after all, or keep them out for good."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.merging import merge
from sysproduction.markets.multiple_adjusted import work_in
from sysproduction.stores.fx import FxRates
from sysproduction.stores.prices import DAILY, Prices
from sysproduction.stores.rejections import PriceRejected, Rejections

AROUND: Final = 20
"""How many stored prices before and after a rejected one are shown."""


def named_rejection(rejections: Rejections, name: str) -> PriceRejected:
    """The record that ITEM@STAMP names (without an offset the stamp is UTC); DataError if there is none."""
    item, _, text = name.rpartition("@")
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError as reason:
        raise DataError(f"{name}: expected ITEM@STAMP such as CORN/20241200@2024-05-01T23:00:00+00:00") from reason
    found = rejections.get(item, pd.Timestamp(stamp).tz_localize("UTC") if stamp.tzinfo is None else stamp)
    if found is None:
        raise DataError(f"{name}: no such price was rejected; see `sysproduction prices rejected`")
    return found


def accept_price(
    prices: Prices,
    rates: FxRates,
    rejections: Rejections,
    record: PriceRejected,
    *,
    by: str,
    now: datetime,
    why: str,
    turn: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> PriceRejected | Refused:
    """Store the price where no other has its stamp, work it into multiple and adjusted prices however old it is, then
    mark the record; repeating it changes nothing more.

    The bar has a close and nothing that the record does not know. `turn` is that of RollDesk. Refused if it was
    settled before.
    """
    if record.accepted_at is not None:
        return Refused(f"{record.key} was accepted at {record.accepted_at.isoformat()} already")
    stamp = pd.DatetimeIndex([record.stamp])
    if record.instrument is None or record.contract is None:
        rates.add(record.item, merge(rates.stored(record.item), pd.DataFrame({"rate": [record.price]}, index=stamp)))
    else:
        bar = {**dict.fromkeys(BAR_COLUMNS, np.nan), "close": record.price, DAILY: record.daily}
        with turn(record.instrument):
            stored = prices.bars(record.instrument, record.contract)
            prices.add_bars(record.instrument, record.contract, merge(stored, pd.DataFrame([bar], index=stamp)))
            work_in(prices, record.instrument, record.stamp)
    return _settled(rejections, replace(record, accepted_at=now, refused_at=None, by=by, reason=why))


def refuse_price(
    rejections: Rejections, record: PriceRejected, *, by: str, now: datetime, why: str
) -> PriceRejected | Refused:
    """Keep the price out for good, even if later prices would confirm it. Refused if it was stored meanwhile."""
    if record.accepted_at is not None:
        return Refused(f"{record.key} was accepted at {record.accepted_at.isoformat()}: stored prices never change")
    return _settled(rejections, replace(record, refused_at=now, by=by, reason=why))


def prices_around(prices: Prices, rates: FxRates, record: PriceRejected) -> tuple[pd.Series, pd.Series]:
    """Stored prices before and after the rejected one."""
    if record.instrument is None or record.contract is None:
        stored = rates.stored(record.item)
        series = pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC")) if stored is None else stored["rate"]
    else:
        series = prices.bars(record.instrument, record.contract)["close"]
    at = pd.Timestamp(record.stamp)
    return series.loc[series.index < at].tail(AROUND), series.loc[series.index > at].head(AROUND)


def _settled(rejections: Rejections, record: PriceRejected) -> PriceRejected:
    rejections.put(record)
    return record
