"""secmaster.db: bars of many publishers in one SQLite file, found by the symbols they had at the time."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.adapters import secmaster_schema
from sysproduction.adapters.bar_supplies import ALWAYS, Arriving, BarSupply, Publisher
from sysproduction.adapters.secmaster_schema import PRICE_SCALE, RTYPES
from sysproduction.adapters.sqlite_files import opened, translated
from sysproduction.domain.bar_columns import PRICES, BarColumns, first_fault
from sysproduction.domain.errors import DataError
from sysproduction.domain.events import BarPeriod

ROWS: Final = 65_536
"""How many are read at once."""

PRICE_MAX: Final = 9.2e9


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a supply: bars that were new, that were there already, and how many of these have other values in
    the supply: what was stored stays."""

    added: int
    known: int
    differing: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What there is of a symbol: stamps of the first and the last bar (ns since 1970), and how many there are."""

    publisher: Publisher
    symbol: str
    period: BarPeriod
    first_ns: int
    last_ns: int
    bars: int


class Secmaster:
    """A `BarSource`, and where bars are taken in. A symbol that several publishers have is written PUBLISHER:SYMBOL,
    with the publisher's name or data set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._database = opened(file, secmaster_schema.SCHEMA, secmaster_schema.VERSION)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def take(self, supply: BarSupply, progress: Callable[[str, int, int], None]) -> Taken:
        """Take in a supply, wholly or not at all; `progress` is told as `progress_bar` has it.

        Raises DataError for a bar that cannot be (with its row), or a symbol that already means something else;
        Unavailable where the disk or another writer is in the way.
        """
        with closing(supply.batches), translated(self._file):
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                return _Intake(self._database, supply).take(progress)

    def bars(
        self, symbols: Sequence[str], period: BarPeriod, start_ns: int | None, end_ns: int | None
    ) -> list[BarColumns]:
        """As the port."""
        return [self._bars_of(symbol, period, start_ns, end_ns) for symbol in symbols]

    def coverage(self) -> list[Coverage]:
        """Every symbol and period that there is, by publisher."""
        query = (
            "SELECT name, dataset, venue, symbol, rtype, first_ts, last_ts, bars FROM symbol_coverage "
            "JOIN publishers ON publishers.id = publisher ORDER BY name, dataset, symbol, rtype"
        )
        periods = {rtype: period for period, rtype in RTYPES.items()}
        with translated(self._file):
            rows = self._database.execute(query).fetchall()
        return [Coverage(Publisher(*row[:3]), row[3], periods[row[4]], *row[5:]) for row in rows]

    def _bars_of(self, name: str, period: BarPeriod, start_ns: int | None, end_ns: int | None) -> BarColumns:
        one = self._covered(name, period)
        query = (
            "SELECT ts, open, high, low, close, volume FROM symbology AS s JOIN ohlcv AS o ON o.instrument = "
            "s.instrument AND o.ts >= s.start_ns AND o.ts < s.end_ns JOIN publishers AS p ON p.id = s.publisher "
            "WHERE p.name = ? AND p.dataset = ? AND s.symbol = ? AND o.rtype = ? AND o.ts BETWEEN ? AND ? "
            "ORDER BY s.start_ns, o.ts"
        )
        first, last = ALWAYS[0] if start_ns is None else start_ns, ALWAYS[1] if end_ns is None else end_ns
        with translated(self._file):
            found = self._database.execute(
                query, (one.publisher.name, one.publisher.dataset, one.symbol, RTYPES[period], first, last)
            )
            bars = _columns(name, period, found)
        if not len(bars):
            raise DataError(f"{name} has no bars of a {period} there: {_told(one)}")
        return bars

    def _covered(self, name: str, period: BarPeriod) -> Coverage:
        every = self.coverage()
        publisher, _, symbol = name.partition(":")
        found = [one for one in every if one.symbol == name] or [
            one for one in every if one.symbol == symbol and publisher in (one.publisher.name, one.publisher.dataset)
        ]
        if not found:
            known = list(dict.fromkeys(one.symbol for one in every))
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known[:20]) or 'none'}"
            raise DataError(f"{self._file} has no bars of {name}; {hint}")
        of_period = [one for one in found if one.period is period]
        if not of_period:
            raise DataError(f"{name} has no bars of a {period}: {'; '.join(map(_told, found))}")
        if len(of_period) > 1:
            names = " or ".join(f"{one.publisher.dataset or one.publisher.name}:{one.symbol}" for one in of_period)
            raise DataError(f"{name} is a symbol of several publishers; write {names}")
        return of_period[0]


class _Intake:
    """A supply on its way into an open transaction."""

    def __init__(self, database: sqlite3.Connection, supply: BarSupply) -> None:
        self._database, self._supply = database, supply
        self._publisher = self._identified("publishers", name=supply.publisher.name, dataset=supply.publisher.dataset)
        database.execute("UPDATE publishers SET venue = ? WHERE id = ?", (supply.publisher.venue, self._publisher))
        self._instruments: dict[int | str, int] = {}
        self._last: dict[tuple[int, BarPeriod], int] = {}

    def take(self, progress: Callable[[str, int, int], None]) -> Taken:
        for named in self._supply.ranges:
            self._name(named.symbol, self._instrument(named.vendor_id), named.start_ns, named.end_ns)
        total = np.zeros(3, int)
        for arriving in self._supply.batches:
            total += self._store(arriving)
            progress(self._supply.where, arriving.done, self._supply.size)
        for instrument in self._instruments.values():
            self._count(instrument)
        return Taken(*total.tolist())

    def _store(self, arriving: Arriving) -> tuple[int, int, int]:
        """Check and insert; how many bars were added, known, and known with other values."""
        bars, rtype = arriving.bars, RTYPES[arriving.bars.period]
        key = bars.symbol if arriving.vendor_id is None else arriving.vendor_id
        is_new = key not in self._instruments
        instrument = self._instrument(key)
        if is_new and arriving.vendor_id is None:
            self._name(bars.symbol, instrument, *ALWAYS)
        self._check(arriving, instrument)
        if self._supply.replaces and (instrument, bars.period) not in self._last:
            self._database.execute("DELETE FROM ohlcv WHERE instrument = ? AND rtype = ?", (instrument, rtype))
        self._last[instrument, bars.period] = int(bars.ts[-1])
        rows = list(_rows(bars))
        before = self._database.total_changes
        self._database.executemany(
            f"INSERT INTO ohlcv VALUES ({instrument}, {rtype}, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
        )
        added = self._database.total_changes - before
        return added, len(rows) - added, 0 if added == len(rows) else self._differing(instrument, rtype, rows)

    def _check(self, arriving: Arriving, instrument: int) -> None:
        bars, where = arriving.bars, self._supply.where
        fault = first_fault(bars)
        last = self._last.get((instrument, bars.period))
        if fault is None and last is not None and bars.ts[0] <= last:
            fault = 0, "not later than the bar before it; sort the bars and remove duplicates"
        for name in PRICES:
            if fault is None and (wrong := np.abs(getattr(bars, name)) > PRICE_MAX).any():
                fault = int(np.argmax(wrong)), f"{name} is missing or beyond {PRICE_MAX:.1e}"
        if fault is not None:
            row, said = fault
            stamp = np.datetime64(int(bars.ts[row]), "ns")
            raise DataError(f"{where}, row {arriving.rows[row]}, {bars.symbol} at {stamp}: {said}")

    def _differing(self, instrument: int, rtype: int, rows: list[tuple[Any, ...]]) -> int:
        query = (
            "SELECT ts, open, high, low, close, volume FROM ohlcv "
            "WHERE instrument = ? AND rtype = ? AND ts BETWEEN ? AND ?"
        )
        stored = set(self._database.execute(query, (instrument, rtype, rows[0][0], rows[-1][0])))
        return sum(row not in stored for row in rows)

    def _instrument(self, key: int | str) -> int:
        """The instrument that has this vendor's number, or this symbol."""
        if key not in self._instruments:
            named = {"vendor_id" if isinstance(key, int) else "symbol": key}
            self._instruments[key] = self._identified("instruments", publisher=self._publisher, **named)
        return self._instruments[key]

    def _name(self, symbol: str, instrument: int, start_ns: int, end_ns: int) -> None:
        """Let the symbol mean the instrument there; ranges of one meaning that touch become one.

        Raises DataError if it already means another one at the time.
        """
        query = (
            "SELECT start_ns, end_ns, instrument FROM symbology "
            "WHERE publisher = ? AND symbol = ? AND start_ns <= ? AND end_ns >= ?"
        )
        beside = self._database.execute(query, (self._publisher, symbol, end_ns, start_ns)).fetchall()
        for start, end, other in beside:
            if other != instrument and start < end_ns and start_ns < end:
                raise DataError(
                    f"{self._supply.where}: {symbol} means instrument {self._called(instrument)} from "
                    f"{_day(start_ns)} to {_day(end_ns)}, but is stored as {self._called(other)} from {_day(start)} "
                    f"to {_day(end)}; correct the file's symbols, or take it in under another publisher"
                )
        same = [(start, end) for start, end, other in beside if other == instrument]
        for start, _ in same:
            self._database.execute(
                "DELETE FROM symbology WHERE publisher = ? AND symbol = ? AND start_ns = ?",
                (self._publisher, symbol, start),
            )
        first, last = min([start_ns, *(start for start, _ in same)]), max([end_ns, *(end for _, end in same)])
        self._database.execute(
            "INSERT INTO symbology VALUES (?, ?, ?, ?, ?)", (self._publisher, symbol, first, last, instrument)
        )

    def _called(self, instrument: int) -> Any:
        query = "SELECT coalesce(vendor_id, symbol) FROM instruments WHERE id = ?"
        return self._database.execute(query, (instrument,)).fetchone()[0]

    def _count(self, instrument: int) -> None:
        """Bring the coverage of all symbols that mean the instrument up to date."""
        self._database.execute(
            "INSERT OR REPLACE INTO symbol_coverage "
            "SELECT s.publisher, s.symbol, o.rtype, min(o.ts), max(o.ts), count(*) FROM symbology AS s "
            "JOIN ohlcv AS o ON o.instrument = s.instrument AND o.ts >= s.start_ns AND o.ts < s.end_ns "
            "WHERE (s.publisher, s.symbol) IN (SELECT publisher, symbol FROM symbology WHERE instrument = ?) "
            "GROUP BY s.publisher, s.symbol, o.rtype",
            (instrument,),
        )

    def _identified(self, table: str, **values: Any) -> int:
        """The id of the row that has these values, which is made if it is not there."""
        where = " AND ".join(f"{name} = :{name}" for name in values)
        found = self._database.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()
        if found is not None:
            return int(found[0])
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        return self._database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values).lastrowid or 0


def _rows(bars: BarColumns) -> Iterator[tuple[Any, ...]]:
    prices = (np.rint(getattr(bars, name) * PRICE_SCALE).astype(np.int64).tolist() for name in PRICES)
    volume = [None] * len(bars) if bars.volume is None else bars.volume.tolist()
    return zip(bars.ts.tolist(), *prices, volume, strict=True)


def _columns(symbol: str, period: BarPeriod, found: sqlite3.Cursor) -> BarColumns:
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in range(6)]
    while rows := found.fetchmany(ROWS):
        for place, (part, values) in enumerate(zip(parts, zip(*rows, strict=True), strict=True)):
            part.append(np.array(values, np.float64 if place == 5 else np.int64))
    ts, *prices, volume = (np.concatenate(part) if part else np.empty(0, np.int64) for part in parts)
    open_, high, low, close = (price / PRICE_SCALE for price in prices)
    volumes = None if np.isnan(volume).any() else volume.astype(np.float64)
    return BarColumns(symbol, period, ts, open_, high, low, close, volumes)


def _day(ns: int) -> str:
    return "ever" if ns in ALWAYS else str(np.datetime64(ns, "ns").astype("datetime64[D]"))


def _told(one: Coverage) -> str:
    return f"there are {one.bars} of a {one.period} from {_day(one.first_ns)} to {_day(one.last_ns)}"
