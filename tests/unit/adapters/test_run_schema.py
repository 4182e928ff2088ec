"""Events as rows of SQLite: whatever they have in common within a batch, they come back as they went."""

import sqlite3
from contextlib import closing
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sysproduction.adapters import run_schema
from sysproduction.domain.events import EVENTS, Event, OrderSubmissionRequest

PLAIN: dict[Any, Any] = {
    int: some.sampled_from([0, 1, -1]) | some.integers(-(2**63), 2**63 - 1),
    float: some.sampled_from([0.0, 1.0]) | some.floats(allow_nan=False),
    str: some.sampled_from(["", "it's", "?"]) | some.text(some.characters(exclude_categories=["Cs"]), max_size=5),
    dict[str, float]: some.dictionaries(some.sampled_from(["sma_5", "rsi"]), some.floats(allow_nan=False, width=16)),
}


def values_of(hint: Any) -> Any:
    """What a field of that kind can have."""
    if isinstance(hint, UnionType):
        return some.none() | values_of(next(kind for kind in get_args(hint) if kind is not NoneType))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return some.sampled_from(list(hint))
    return PLAIN[hint]


@some.composite
def batches(draw: Any, kind: type[Event]) -> list[Event]:
    """Up to five events, each field of which has one value for all of them as often as not."""
    length = draw(some.integers(1, 5))
    columns = [
        draw(some.lists(values_of(hint), min_size=length, max_size=length))
        if draw(some.booleans())
        else [draw(values_of(hint))] * length
        for hint in list(get_type_hints(kind).values())[1:]
    ]
    return [kind(*values) for values in zip(range(length), *columns, strict=True)]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(data=some.data())
def test_events_come_back_as_they_went(kind: type[Event], data: Any) -> None:
    """Fields that all of a batch share are written into the statement, others are not; runs are kept apart."""
    rows = data.draw(batches(kind))
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(run_schema.create(run_schema.table(kind), run="NOT NULL"))
        for run in (7, "a run's name"):
            database.executemany(*run_schema.insertion(run, kind, rows))
            found = database.execute(f"SELECT * FROM {run_schema.table(kind)} WHERE run = ? ORDER BY sequence", (run,))
            assert [run_schema.loaded(kind, values[1:]) for values in found] == rows


def test_what_a_batch_shares_is_no_parameter() -> None:
    """Of orders that differ in their numbers alone, little is left to be given."""
    hints = get_type_hints(OrderSubmissionRequest)
    words = {
        name: next(iter(hint)) for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Enum)
    }
    fields: dict[str, Any] = dict.fromkeys(hints) | words
    fields |= {"strategy": "cross", "symbol": "ES", "signal": "up", "quantity": 1, "ts_event_ns": 0, "ts_created_ns": 0}
    rows = [OrderSubmissionRequest(**fields | {"sequence": n, "system_order_id": n}) for n in range(3)]
    statement, taken = run_schema.insertion(1, OrderSubmissionRequest, rows)
    assert list(taken) == [(1, n, "cross", n, "ES", "up") for n in range(3)]
    assert statement.count("?") == 6
    assert "NULL" in statement
