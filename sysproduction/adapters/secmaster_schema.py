"""The tables of secmaster.db: who publishes, what is traded, its bars, and which symbol meant what when."""

from typing import Final

from sysproduction.domain.events import BarPeriod

VERSION: Final = 1
PRICE_SCALE: Final = 1e9
"""A price is stored as a whole number of billionths."""

RTYPES: Final = {BarPeriod.SECOND: 32, BarPeriod.MINUTE: 33, BarPeriod.HOUR: 34, BarPeriod.DAY: 35}
"""The vendor's numbers of the periods."""

_PUBLISHERS: Final = """
CREATE TABLE publishers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    dataset TEXT NOT NULL DEFAULT '',
    venue TEXT NOT NULL DEFAULT '',
    UNIQUE (name, dataset)
)"""

_INSTRUMENTS: Final = """
CREATE TABLE instruments (
    id INTEGER PRIMARY KEY,
    publisher INTEGER NOT NULL REFERENCES publishers (id),
    vendor_id INTEGER,
    symbol TEXT,
    UNIQUE (publisher, vendor_id),
    UNIQUE (publisher, symbol),
    CHECK (vendor_id IS NOT NULL OR symbol IS NOT NULL)
)"""

_OHLCV: Final = """
CREATE TABLE ohlcv (
    instrument INTEGER NOT NULL REFERENCES instruments (id),
    rtype INTEGER NOT NULL CHECK (rtype BETWEEN 32 AND 35),
    ts INTEGER NOT NULL,
    open INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    close INTEGER NOT NULL,
    volume REAL CHECK (volume >= 0),
    PRIMARY KEY (instrument, rtype, ts),
    CHECK (high >= max(open, low, close)),
    CHECK (low <= min(open, close))
) WITHOUT ROWID"""

_SYMBOLOGY: Final = """
CREATE TABLE symbology (
    publisher INTEGER NOT NULL REFERENCES publishers (id),
    symbol TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    instrument INTEGER NOT NULL REFERENCES instruments (id),
    PRIMARY KEY (publisher, symbol, start_ns),
    CHECK (start_ns < end_ns)
) WITHOUT ROWID"""
"""From `start_ns` to before `end_ns` the symbol means the instrument."""

_SYMBOLS_OF: Final = "CREATE INDEX symbology_of_instrument ON symbology (instrument)"

_NO_OVERLAP: Final = """
CREATE TRIGGER symbology_{event} BEFORE {event} ON symbology
WHEN EXISTS (
    SELECT 1 FROM symbology WHERE publisher = NEW.publisher AND symbol = NEW.symbol
    AND start_ns < NEW.end_ns AND NEW.start_ns < end_ns {beside}
)
BEGIN
    SELECT RAISE(ABORT, 'a symbol would mean two instruments at once');
END"""

_COVERAGE: Final = """
CREATE TABLE symbol_coverage (
    publisher INTEGER NOT NULL REFERENCES publishers (id),
    symbol TEXT NOT NULL,
    rtype INTEGER NOT NULL,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    bars INTEGER NOT NULL,
    PRIMARY KEY (publisher, symbol, rtype)
) WITHOUT ROWID"""

_BARS: Final = """
CREATE VIEW bars AS
SELECT p.name AS publisher, p.dataset, s.symbol, o.rtype, o.ts, o.open / 1e9 AS open, o.high / 1e9 AS high,
    o.low / 1e9 AS low, o.close / 1e9 AS close, o.volume
FROM symbology AS s JOIN publishers AS p ON p.id = s.publisher
JOIN ohlcv AS o ON o.instrument = s.instrument AND o.ts >= s.start_ns AND o.ts < s.end_ns"""

SCHEMA: Final = (
    _PUBLISHERS,
    _INSTRUMENTS,
    _OHLCV,
    _SYMBOLOGY,
    _SYMBOLS_OF,
    _NO_OVERLAP.format(event="INSERT", beside=""),
    _NO_OVERLAP.format(event="UPDATE", beside="AND start_ns <> OLD.start_ns"),
    _COVERAGE,
    _BARS,
    f"PRAGMA user_version = {VERSION}",
)
