"""One CSV file of stamped prices, plain or gzipped: a fast parse where it is sound, line by line where it is not."""

import gzip
import math
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from sysproduction.domain.errors import DataError

STAMP: Final = "DATETIME"
SUFFIXES: Final = (".csv", ".csv.gz")
FAULTS_MAX: Final = 20
"""Faults of one file that are spelt out; the rest are counted."""

NOT_A_NUMBER: Final = ("", "nan", "NaN", "NA")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file must hold besides its stamps: `numbers` (finite, may be empty) and `contracts` (YYYYMMDD, YYYYMM00
    or YYYYMM, also written as a float; never empty)."""

    numbers: tuple[str, ...]
    contracts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, stamps first."""
        return (STAMP, *self.numbers, *self.contracts)


@dataclass(frozen=True, slots=True)
class Table:
    """The sound rows of a file: float numbers and int64 contracts by aware UTC stamp, unique and increasing.
    `faults` says in one sentence each which rows were left out, with their line numbers."""

    frame: pd.DataFrame
    faults: tuple[str, ...] = ()


def read_table(path: Path, columns: Columns, *, keep_last: bool = False) -> Table:
    """Read one price file; of rows with one stamp the first holds, or the last. Raises DataError if it cannot be read
    as a whole or holds no sound row."""
    raw = read_bytes(path)
    header = _header(path, raw)
    missing = [name for name in columns.names if name not in header]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)}; the header is {','.join(header)!r}, "
            f"expected are {','.join(columns.names)}"
        )
    frame = _parse_fast(raw, header, columns)
    table = Table(frame) if frame is not None else _parse_lines(path, raw, header, columns, keep_last=keep_last)
    if table.frame.empty:
        raise DataError(f"{path}: holds no usable row{': ' + table.faults[0] if table.faults else ' below its header'}")
    return table


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked; raises DataError if it is unreadable, truncated or empty."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DataError(f"{path}: truncated or not gzip ({fault}); fetch it anew or unpack it to .csv") from fault
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror})") from fault
    if not raw.strip():
        raise DataError(f"{path}: is empty; expected a header and rows of prices")
    return raw.removeprefix(b"\xef\xbb\xbf")


def contract_id(number: int) -> str:
    """20241200 -> "20241200"."""
    return f"{number:08d}"


def _header(path: Path, raw: bytes) -> list[str]:
    first = raw.split(b"\n", 1)[0]
    if b"\x00" in first or raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path}: is not UTF-8 text (UTF-16?); save it as UTF-8")
    try:
        return [_bare(name) for name in first.decode("utf-8").split(",")]
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: the header is not UTF-8 text; save the file as UTF-8") from fault


def _bare(field: str) -> str:
    return field.strip().strip('"')


def _parse_fast(raw: bytes, header: Sequence[str], columns: Columns) -> pd.DataFrame | None:
    """The whole file at once, or None if any row may be unsound."""
    if len(set(header)) < len(header) or not _is_regular(raw, len(header)):
        return None
    types = dict.fromkeys(columns.names, pa.float64()) | {STAMP: pa.timestamp("s")}
    try:
        table = csv.read_csv(
            pa.BufferReader(raw),
            read_options=csv.ReadOptions(column_names=header, skip_rows=1, use_threads=False),
            convert_options=csv.ConvertOptions(
                include_columns=list(columns.names), column_types=types, null_values=list(NOT_A_NUMBER)
            ),
        )
        stamps = pd.DatetimeIndex(table[STAMP].to_numpy(), tz=UTC).as_unit("ns")
        if not stamps.is_unique or not stamps.is_monotonic_increasing or stamps.hasnans:
            return None
        values = _typed(table, columns)
    except ValueError:
        return None
    return None if values is None else pd.DataFrame(values, index=stamps)


def _is_regular(raw: bytes, width: int) -> bool:
    """Every line has `width` fields and none is quoted."""
    data = np.frombuffer(raw if raw.endswith(b"\n") else raw + b"\n", np.uint8)
    commas = np.searchsorted(np.flatnonzero(data == ord(",")), np.flatnonzero(data == ord("\n")))
    return bool(np.all(np.diff(commas, prepend=0) == width - 1)) and b'"' not in raw


def _typed(table: pa.Table, columns: Columns) -> dict[str, NDArray[Any]] | None:
    """Numbers and, as integers, contracts; None if some value is not what its column holds."""
    values = {name: table[name].to_numpy() for name in columns.names[1:]}
    for name in columns.numbers:
        # Absent is NaN, but so is what some file may spell as -nan.
        if np.isfinite(values[name]).sum() + table[name].null_count != len(table):
            return None
    if not all(_are_contracts(values[name]) for name in columns.contracts):
        return None
    return values | {name: values[name].astype(np.int64) for name in columns.contracts}


def _are_contracts(values: NDArray[np.float64]) -> bool:
    """Whether all are as they are stored; raises ValueError if one names no contract."""
    return all(_contract(str(value)) == value for value in np.unique(values))


def _contract(field: str) -> int:
    """A contract's number; raises ValueError if the field does not name one."""
    value = float(field)
    number = int(value) if value == value // 1 else 0
    if number < 1_000_000:
        number *= 100
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    if not (1900 <= year < 2200 and 1 <= month <= 12 and day <= 31):
        raise ValueError(field)
    return number


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    stamp: datetime
    values: tuple[float, ...]


def _parse_lines(path: Path, raw: bytes, header: Sequence[str], columns: Columns, *, keep_last: bool = False) -> Table:
    faults: list[tuple[int, str]] = []
    rows = list(_sound_rows(raw, header, columns, faults))
    kept = _increasing(rows, keep_last=keep_last)
    if rows and len(kept) * 2 < len(rows):
        raise DataError(f"{path}: only {len(kept)} of {len(rows)} stamps are in order; sort the file by {STAMP}")
    chosen = {row.line for row in kept}
    known = {row.stamp for row in kept}
    for row in rows:
        if row.line not in chosen:
            why = "has the stamp of another row" if row.stamp in known else "is out of order"
            faults.append((row.line, f"{row.stamp:%Y-%m-%d %H:%M:%S} {why}"))
    return Table(_frame(kept, columns), _described(path, sorted(faults)))


def _sound_rows(raw: bytes, header: Sequence[str], columns: Columns, faults: list[tuple[int, str]]) -> Iterator[_Row]:
    places = {name: header.index(name) for name in columns.names}
    lines = raw.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = [_bare(field) for field in line.split(",")]
        if len(fields) != len(header):
            faults.append((number, f"has {len(fields)} fields, expected {len(header)}"))
            continue
        try:
            yield _row(number, {name: fields[place] for name, place in places.items()}, columns)
        except ValueError as fault:
            faults.append((number, str(fault)))


def _row(line: int, fields: dict[str, str], columns: Columns) -> _Row:
    numbers = [_number(name, fields[name]) for name in columns.numbers]
    contracts = []
    for name in columns.contracts:
        try:
            contracts.append(_contract(fields[name]))
        except (ValueError, OverflowError):
            raise ValueError(f"{name} is {fields[name]!r}, expected a contract such as 20241200") from None
    return _Row(line, _stamp(fields[STAMP]), (*numbers, *contracts))


def _number(name: str, field: str) -> float:
    if field in NOT_A_NUMBER:
        return math.nan
    try:
        value = float(field)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{name} is {field!r}, expected a number")
    return value


def _stamp(field: str) -> datetime:
    try:
        if len(field) < len("2024-12-31"):
            raise ValueError(field)
        stamp = datetime.fromisoformat(field)
        if not 1900 <= stamp.year < 2200:
            raise ValueError(field)
    except ValueError:
        raise ValueError(f"{STAMP} is {field!r}, expected such as 2024-12-31 23:00:00") from None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def _increasing(rows: Sequence[_Row], *, keep_last: bool) -> list[_Row]:
    """The most rows whose stamps increase; of rows with one stamp the first, or the last. So one wrong date costs one
    row."""
    tails: list[datetime] = []
    holders: list[int] = []
    before = [-1] * len(rows)
    for place, row in enumerate(rows):
        length = bisect_left(tails, row.stamp)
        if length < len(tails) and tails[length] == row.stamp and not keep_last:
            continue
        before[place] = holders[length - 1] if length else -1
        tails[length : length + 1] = [row.stamp]
        holders[length : length + 1] = [place]
    chain: list[_Row] = []
    place = holders[-1] if holders else -1
    while place >= 0:
        chain.append(rows[place])
        place = before[place]
    return chain[::-1]


def _frame(rows: Sequence[_Row], columns: Columns) -> pd.DataFrame:
    values = np.array([row.values for row in rows], dtype=float).reshape(len(rows), len(columns.names) - 1)
    index = pd.DatetimeIndex([row.stamp for row in rows], tz=UTC).as_unit("ns")
    table = pd.DataFrame(values, index=index, columns=list(columns.names[1:]))
    return table.astype(dict.fromkeys(columns.contracts, np.int64))


def _described(path: Path, faults: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    where = f"{path.parent.name}/{path.name}"
    told = [f"{where} line {line} {what}; row skipped" for line, what in faults[:FAULTS_MAX]]
    if len(faults) > FAULTS_MAX:
        told.append(f"{where}: {len(faults) - FAULTS_MAX} more rows skipped, the last at line {faults[-1][0]}")
    return tuple(told)
