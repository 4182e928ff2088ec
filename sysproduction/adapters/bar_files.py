"""Bars in CSV and Parquet files, of one symbol or with a column of symbols, as they are brought to secmaster.db."""

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from sysproduction.adapters.bar_supplies import BATCH, Arriving, BarSupply, Batches, Publisher
from sysproduction.domain.bar_columns import PRICES, BarColumns, Stamps
from sysproduction.domain.errors import DataError
from sysproduction.domain.events import BarPeriod

STAMPS: Final = ("ts_event", "ts", "timestamp", "datetime", "date", "time", "index")
"""Names of the column of stamps, whatever the case of their letters: ISO 8601 (UTC unless it says otherwise), or whole
nanoseconds since 1970."""

_EARLIEST_NS: Final = 10**15
"""Whole numbers nearer to 1970 than 12 days are days, seconds or milliseconds, written by somebody else's rule."""

Frames = Generator[tuple[pd.DataFrame, int], None, None]
"""Rows of a file as they stand in it, and how much of it has been read with them."""


def csv_bars(path: Path, period: BarPeriod, publisher: Publisher, symbol: str | None = None) -> BarSupply:
    """Bars of a CSV file, plain or gzipped; without a column `symbol` they are of `symbol`, else of the file's name."""
    named = symbol or path.name.removesuffix(".gz").removesuffix(".csv")
    return BarSupply(str(path), publisher, _batches(path, _csv(path), period, named), _size(path))


def parquet_bars(path: Path, period: BarPeriod, publisher: Publisher, symbol: str | None = None) -> BarSupply:
    """Bars of a Parquet file; as `csv_bars`."""
    with _readable(path):
        rows = parquet.read_metadata(path).num_rows
    return BarSupply(str(path), publisher, _batches(path, _parquet(path), period, symbol or path.stem), rows)


def _size(path: Path) -> int:
    with _readable(path):
        return path.stat().st_size


def _csv(path: Path) -> Frames:
    with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as plain:
        with pd.read_csv(plain, chunksize=BATCH, skipinitialspace=True, encoding="utf-8-sig") as frames:
            for frame in frames:
                yield frame, raw.tell()


def _parquet(path: Path) -> Frames:
    done = 0
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            done += batch.num_rows
            yield batch.to_pandas().reset_index(), done


def _batches(path: Path, frames: Frames, period: BarPeriod, symbol: str) -> Batches:
    first = 1
    with _readable(path), closing(frames):
        for frame, done in frames:
            frame.columns = [str(name).strip().lower() for name in frame.columns]
            rows = np.arange(first, first + len(frame))
            first += len(frame)
            columns = _columns(path, frame, rows)
            names = frame["symbol"].to_numpy(str) if "symbol" in frame else np.full(len(frame), symbol)
            for name in dict.fromkeys(names.tolist()):
                own = names == name
                bars = BarColumns(name, period, **{field: column[own] for field, column in columns.items()})
                yield Arriving(bars, rows[own], done)
    if first == 1:
        raise DataError(f"{path}: has no bars")


def _columns(path: Path, frame: pd.DataFrame, rows: Stamps) -> dict[str, Any]:
    stamps = next((name for name in STAMPS if name in frame), None)
    missing = [name for name in PRICES if name not in frame] + ([] if stamps else [f"of stamps ({', '.join(STAMPS)})"])
    if stamps is None or missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; there are {', '.join(frame.columns)}")
    columns: dict[str, Any] = {"ts": _stamps(path, frame[stamps], rows)}
    for name in (*PRICES, *(["volume"] if "volume" in frame else [])):
        columns[name] = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if "volume" in columns and frame["volume"].isna().all():
        del columns["volume"]
    return columns


def _stamps(path: Path, said: "pd.Series[Any]", rows: Stamps) -> Stamps:
    if pd.api.types.is_integer_dtype(said):
        found = said.to_numpy(np.int64)
        wrong = np.abs(found) < _EARLIEST_NS
    elif pd.api.types.is_float_dtype(said):
        found, wrong = np.zeros(len(said), np.int64), said.isna().to_numpy() | (not said.isna().any())
    else:
        times = pd.DatetimeIndex(pd.to_datetime(said, utc=True, format="ISO8601", errors="coerce"))
        found, wrong = times.as_unit("ns").asi8, times.isna()
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{path}, row {rows[at]}: {said.iloc[at]} is no stamp: write 2015-01-31T14:30:00Z or nanoseconds since 1970"
        )
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what readers say into a DataError that names the file."""
    try:
        yield
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{path}: is no sound table of bars: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: truncated or not gzip ({error}); fetch it anew") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
