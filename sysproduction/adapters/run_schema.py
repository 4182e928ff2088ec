"""The tables of a database of runs: the runs, one table for each kind of event, and where columns are."""

import json
from collections.abc import Iterator, Sequence
from itertools import repeat
from math import nan
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

from sysproduction.domain.events import EVENTS, BarProcessed, Event

VERSION: Final = 1

RUNS: Final = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    strategies TEXT NOT NULL,
    symbols TEXT NOT NULL,
    config TEXT NOT NULL,
    process TEXT NOT NULL,
    began TEXT NOT NULL,
    ended TEXT,
    bars_played INTEGER NOT NULL DEFAULT 0,
    run_hash TEXT,
    summary TEXT,
    error TEXT,
    event_index INTEGER
);
CREATE TABLE run_columns (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    symbol TEXT NOT NULL,
    place INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (run, strategy, symbol, name)
) WITHOUT ROWID;
CREATE INDEX run_columns_of_hash ON run_columns (hash);
"""
"""`run_columns`: bars of a symbol (strategy '', its place in the order of symbols) and indicators over them; a column
is a file named after its hash."""

_TYPES: Final = {int: "INTEGER", float: "REAL"}


def table(kind: type[Event]) -> str:
    """The name of the table of that kind of event: order_accepted."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")


TABLES: Final = {table(kind): kind for kind in EVENTS}


def create(name: str, *, run: str = "INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE") -> str:
    """The statement that makes the table of that name, with the order's id as a second index."""
    kind = TABLES[name]
    fields = [f'"{field}" {_kind(hint)}' for field, hint in get_type_hints(kind).items()]
    made = [f"CREATE TABLE {name} (run {run}, {', '.join(fields)}, PRIMARY KEY (run, sequence)) WITHOUT ROWID;"]
    ids = [field for field in ("system_order_id", "associated_order_id") if field in kind._fields]
    made += [f"CREATE INDEX {name}_of_order ON {name} (run, {field});" for field in ids]
    return "\n".join(made)


def schema() -> str:
    """Everything, for an empty file."""
    return "\n".join([RUNS, *(create(name) for name in TABLES), f"PRAGMA user_version = {VERSION};"])


def insertion(kind: type[Event]) -> str:
    """The statement that takes a run and an event's fields."""
    return f"INSERT INTO {table(kind)} VALUES ({', '.join('?' * (1 + len(kind._fields)))})"


def stored(run: int | str, kind: type[Event], rows: Sequence[Event]) -> Iterator[tuple[Any, ...]]:
    """Events of one kind as rows of SQLite. Words are made plain text column by column: the driver
    takes very long over anything that it does not know exactly."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place in _WORDS[kind]:
        columns[place] = [word._value_ for word in columns[place]]
    if kind is BarProcessed:
        columns[-1] = [json.dumps({n: None if x != x else x for n, x in values.items()}) for values in columns[-1]]
    return zip(repeat(run, len(rows)), *columns, strict=True)


def loaded(kind: type[Event], values: tuple[Any, ...]) -> Event:
    """An event out of its fields as SQLite has them."""
    makers = _MAKERS[kind]
    told = (
        make(value) if make is not None and value is not None else value
        for make, value in zip(makers, values, strict=True)
    )
    event: Event = kind(*told)
    return event


def _kind(hint: Any) -> str:
    optional = isinstance(hint, UnionType)
    plain = next(kind for kind in get_args(hint) if kind is not NoneType) if optional else hint
    return _TYPES.get(plain, "TEXT") + ("" if optional else " NOT NULL")


def _maker(hint: Any) -> Any:
    plain = next(kind for kind in get_args(hint) if kind is not NoneType) if isinstance(hint, UnionType) else hint
    if plain in (int, float, str):
        return None
    return _indicators if not isinstance(plain, type) or not issubclass(plain, str) else plain


def _indicators(text: str) -> dict[str, float]:
    return {name: nan if value is None else value for name, value in json.loads(text).items()}


_MAKERS: Final = {kind: tuple(map(_maker, get_type_hints(kind).values())) for kind in EVENTS}
_WORDS: Final = {
    kind: tuple(place for place, make in enumerate(makers) if make not in (None, _indicators))
    for kind, makers in _MAKERS.items()
}
