"""The rules that every store of series keeps: which names and frames it takes, and what may follow what."""

import re
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.domain.errors import DataError

SYMBOL_LENGTH_MAX: Final = 200
_LIBRARY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SEGMENT: Final = re.compile(r"[!-.0-;=?-~]+")  # printable ASCII without blank, slash and what ArcticDB refuses: * < >
_PLAIN_KINDS: Final = "fib"


def checked_library(library: str) -> str:
    """`library`, which names a folder; raises DataError for anything but letters, digits, `_`, `.` and `-`."""
    if not _LIBRARY.fullmatch(library):
        raise DataError(f"{library!r} cannot name a library of series: use up to 100 letters, digits, _ . -")
    return library


def checked_symbol(symbol: str) -> str:
    """`symbol` if it is NAME or NAME/part/…; raises DataError."""
    segments = symbol.split("/")
    if len(symbol) > SYMBOL_LENGTH_MAX or not all(
        _SEGMENT.fullmatch(segment) and "*" not in segment for segment in segments
    ):
        raise DataError(
            f"{symbol!r} cannot name a series: use NAME or NAME/part, up to {SYMBOL_LENGTH_MAX} printable ASCII "
            "characters without blanks, * < >"
        )
    return symbol


def first_segment(symbol: str) -> str:
    """NAME of NAME/part/…, under which writers are serialised."""
    return symbol.partition("/")[0]


def checked_frame(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """A copy of `frame` as it is stored: index in UTC and nanoseconds, no frequency.

    Raises DataError naming `where` unless the index is aware, increasing and unique, and the columns have unique
    text names and hold floats, integers, truth values, or text with None or NaN for absent.
    """
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise DataError(f"{where}: the index must hold stamps with a time zone, not {index.dtype}")
    if index.hasnans or not (index.is_monotonic_increasing and index.is_unique):
        raise DataError(f"{where}: the stamps must increase, without gaps (NaT) or repetitions")
    if not all(isinstance(name, str) and name for name in frame.columns) or not frame.columns.is_unique:
        raise DataError(f"{where}: columns need unique names of text, not {list(frame.columns)}")
    for name in frame.columns:
        _check_column(frame[name], f"{where}: column {name}")
    stored = frame.copy()
    stored.index = _utc(index, where)
    stored.columns = pd.Index(list(frame.columns), dtype=object)
    return stored


def _utc(index: pd.DatetimeIndex, where: str) -> pd.DatetimeIndex:
    try:
        stamps = index.tz_convert(None).as_unit("ns")
    except pd.errors.OutOfBoundsDatetime:
        raise DataError(f"{where}: stamps must lie between 1678 and 2261") from None
    return pd.DatetimeIndex(stamps.to_numpy(), name=index.name).tz_localize("UTC")


def _check_column(column: "pd.Series[float]", where: str) -> None:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in _PLAIN_KINDS:
        return
    if dtype != np.dtype(object):
        raise DataError(f"{where} holds {dtype}: series take float, integer, bool and text")
    odd = [v for v in column if not (v is None or isinstance(v, str) or (isinstance(v, float) and np.isnan(v)))]
    if odd:
        raise DataError(f"{where} holds {odd[0]!r}: a column of text takes text, None and NaN only")


def continued(stored: pd.DataFrame, new: pd.DataFrame, where: str) -> pd.DataFrame:
    """`new` (checked) in the column order and index name of `stored`, of which the last row is enough.

    Raises DataError if the columns or their types differ or a stamp is not later than the last stored one.
    """
    missing, extra = set(stored.columns) - set(new.columns), set(new.columns) - set(stored.columns)
    if missing or extra:
        raise DataError(f"{where}: to append, columns {sorted(missing)} are missing, {sorted(extra)} are not stored")
    new = new[list(stored.columns)]
    new.index.name = stored.index.name
    if stored.empty or new.empty:
        return new
    for name, dtype in stored.dtypes.items():
        if new[name].dtype != dtype:
            raise DataError(f"{where}: column {name} is stored as {dtype} but {new[name].dtype} is to be appended")
    if new.index[0] <= stored.index[-1]:
        raise DataError(
            f"{where}: {new.index[0].isoformat()} is not later than the last stored stamp, "
            f"{stored.index[-1].isoformat()}; only later rows can be appended"
        )
    return new


def checked_moment(moment: datetime | None, what: str) -> pd.Timestamp | None:
    """`moment` as a UTC stamp; raises DataError if it is naive."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise DataError(f"{what} {moment.isoformat()} has no time zone: give it one")
    return pd.Timestamp(moment).tz_convert("UTC")
