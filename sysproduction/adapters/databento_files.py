"""Bars in Databento's binary files, as they are brought to secmaster.db; read by the vendor's library."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sysproduction.adapters.bar_supplies import BATCH, Arriving, BarSupply, Batches, Publisher, SymbolRange
from sysproduction.adapters.secmaster_schema import PRICE_SCALE, RTYPES
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.events import BarPeriod

if TYPE_CHECKING:
    from databento_dbn import Metadata

CHUNK: Final = 1 << 16
_DAY_NS: Final = BarPeriod.DAY.nanoseconds
_PERIODS: Final = {rtype: period for period, rtype in RTYPES.items()}


def databento_bars(path: Path) -> BarSupply:
    """Bars of a .dbn or .dbn.zst file, with the symbols that it says they had.

    Raises ConfigError without the vendor's library, DataError for a file that is not of bars or has no symbols.
    """
    with closing(_records(path)) as records:
        metadata = next(records, None)
    if metadata is None:
        raise DataError(f"{path}: is empty")
    venue = metadata.dataset.partition(".")[0]
    ranges = tuple(_ranges(path, metadata))
    publisher = Publisher("databento", metadata.dataset, venue)
    return BarSupply(str(path), publisher, _batches(path, ranges), path.stat().st_size, ranges)


def _records(path: Path) -> Generator[Any, None, None]:
    """The file's metadata, then lists of its records, each with how many bytes of the file have been read."""
    try:
        import databento_dbn as dbn
    except ImportError as error:
        raise ConfigError(
            f"{path}: reading it needs the package databento-dbn: pip install 'sysproduction[databento]'"
        ) from error
    decoder = dbn.DBNDecoder(compression=dbn.Compression.from_str("zstd" if path.suffix == ".zst" else "none"))
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                found = decoder.write_and_decode(chunk)
                if found and isinstance(found[0], dbn.Metadata):
                    yield found.pop(0)
                yield found, file.tell()
    except dbn.DBNError as error:
        raise DataError(f"{path}: is no sound DBN file: {error}; fetch it anew") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if decoder.buffer():
        raise DataError(f"{path}: ends in the middle of a record; fetch it anew")


def _ranges(path: Path, metadata: "Metadata") -> Iterator[SymbolRange]:
    for symbol, intervals in metadata.mappings.items():
        for one in intervals:
            if one["symbol"]:
                if not one["symbol"].isdecimal():
                    raise DataError(f"{path}: {symbol} is mapped to {one['symbol']}; ask for stype_out=instrument_id")
                start, end = _midnight_ns(one["start_date"]), _midnight_ns(one["end_date"])
                yield SymbolRange(symbol, int(one["symbol"]), start, end)


def _midnight_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY_NS


def _batches(path: Path, ranges: tuple[SymbolRange, ...]) -> Batches:
    symbols = {one.vendor_id: one.symbol for one in ranges}
    first, publishers = 1, set[int]()
    with closing(_records(path)) as records:
        next(records)
        for found, done in records:
            for start in range(0, len(found), BATCH):
                table = _table(path, found[start : start + BATCH], first + start)
                publishers.update(np.unique(table[:, 0]).tolist())
                if len(publishers) > 1:
                    raise DataError(f"{path}: bars of several venues (publishers {publishers}); fetch each by itself")
                yield from _by_instrument(path, table, first + start, symbols, done)
            first += len(found)
    if first == 1:
        raise DataError(f"{path}: has no bars")


def _table(path: Path, records: list[Any], first: int) -> Any:
    """Rows of publisher, instrument, period, stamp, prices and volume."""
    try:
        rows = [
            (r.publisher_id, r.instrument_id, int(r.rtype), r.ts_event, r.open, r.high, r.low, r.close, r.volume)
            for r in records
        ]
    except AttributeError as error:
        kinds = sorted({type(record).__name__ for record in records if not hasattr(record, "volume")})
        raise DataError(f"{path}, row {first} or later: {', '.join(kinds)}, not bars; fetch ohlcv-1m") from error
    return np.array(rows, np.int64)


def _by_instrument(path: Path, table: Any, first: int, symbols: dict[int, str], done: int) -> Iterator[Arriving]:
    rows = np.arange(first, first + len(table))
    for vendor_id, rtype in dict.fromkeys(map(tuple, table[:, 1:3].tolist())):
        own = (table[:, 1] == vendor_id) & (table[:, 2] == rtype)
        at = rows[own]
        if rtype not in _PERIODS:
            raise DataError(f"{path}, row {at[0]}: bars of kind {rtype}; there can be ohlcv-1s, -1m, -1h and -1d")
        if vendor_id not in symbols:
            raise DataError(f"{path}, row {at[0]}: the file has no symbol for its instrument {vendor_id}")
        ts, *prices, volume = (np.ascontiguousarray(column) for column in table[own, 3:].T)
        open_, high, low, close = (price / PRICE_SCALE for price in prices)
        bars = BarColumns(symbols[vendor_id], _PERIODS[rtype], ts, open_, high, low, close, volume.astype(np.float64))
        yield Arriving(bars, at, done, vendor_id)
