"""The tables of a database of runs: the runs, one table for each kind of event, and where columns are."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from math import nan
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

from sysproduction.domain.events import EVENTS, BarProcessed, Event, OrderSubmissionRequest

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
    """The statement that makes the table of that name, with the order's id as a second index. Requests for orders have
    none: they are many and wide, and one is joined to its answers by theirs.

    SQLite is told that runs are long and an order's events few: without, it would look for an order's fill by reading
    its whole run.
    """
    kind = TABLES[name]
    fields = [f'"{field}" {_kind(hint)}' for field, hint in get_type_hints(kind).items()]
    made = [f"CREATE TABLE {name} (run {run}, {', '.join(fields)}, PRIMARY KEY (run, sequence)) WITHOUT ROWID;"]
    ids = {"system_order_id", "associated_order_id"} & set(() if kind is OrderSubmissionRequest else kind._fields)
    made += [f"CREATE INDEX {name}_of_order ON {name} (run, {field});" for field in ids]
    shapes = {name: "1000000 100000 1"} | {f"{name}_of_order": "1000000 100000 2" for _ in ids}
    made += ["ANALYZE sqlite_master;"]
    made += [f"INSERT INTO sqlite_stat1 VALUES ('{name}', '{index}', '{shape}');" for index, shape in shapes.items()]
    return "\n".join(made)


def schema() -> str:
    """Everything, for an empty file."""
    return "\n".join([RUNS, *(create(name) for name in TABLES), f"PRAGMA user_version = {VERSION};"])


def insertion(run: int | str, kind: type[Event], rows: Sequence[Event]) -> tuple[str, Iterator[tuple[Any, ...]]]:
    """The statement that inserts events of one kind, and what it takes for each of them.

    The driver takes very long over anything but plain numbers and text, None included. So what all rows share is
    written into the statement, words become text, and None among others NaN, which is the same to SQLite.
    """
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if kind is BarProcessed:
        columns[-1] = [json.dumps({n: None if x != x else x for n, x in values.items()}) for values in columns[-1]]
    written = ["?"]
    taken: list[Iterable[Any]] = [repeat(run, len(rows))]
    for place, column in enumerate(columns):
        is_word, first = place in _WORDS[kind], column[0]
        if (first is None or is_word or type(first) is int) and _is_shared(column):
            written.append("NULL" if first is None else f"'{first._value_}'" if is_word else str(first))
            continue
        written.append("?")
        if is_word:
            taken.append([word._value_ for word in column])
        else:
            taken.append([nan if value is None else value for value in column] if None in column else column)
    return f"INSERT INTO {table(kind)} VALUES ({', '.join(written)})", zip(*taken, strict=True)


def _is_shared(column: Sequence[Any]) -> bool:
    """Whether all rows have one value; that of a single row is its own."""
    return len(column) > 1 and column[0] == column[-1] and column.count(column[0]) == len(column)


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
