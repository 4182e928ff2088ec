"""The contract of the Documents port, which every adapter keeps."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import AlreadyExists, Conflict, InvariantBroken
from sysproduction.ports import Document, Documents

MOMENT = datetime(2024, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)

INCREMENT = """
import sys
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import Conflict
documents = MongoDocuments(sys.argv[1], sys.argv[2])
for _ in range(int(sys.argv[3])):
    while True:
        found = documents.get("counters", "one")
        try:
            documents.replace("counters", "one", {"count": found.body["count"] + 1}, found.version)
            break
        except Conflict:
            pass
documents.close()
"""


def keys(found: list[Document]) -> list[str]:
    return [document.key for document in found]


def test_insert_is_read_back(documents: Documents) -> None:
    """An inserted document has version 1 and comes back as it went in."""
    body = {"text": "Ä", "number": 2**40, "part": 0.1, "yes": True, "none": None, "list": [1, {"a.b": []}]}
    assert documents.insert("c", "k", body) == Document("k", 1, body)
    found = documents.get("c", "k")
    assert found == Document("k", 1, body)
    assert type(found.body["number"]) is int
    assert type(found.body["yes"]) is bool


def test_missing_document_is_none(documents: Documents) -> None:
    """What is not there is None, also in a collection that nobody has written."""
    assert documents.get("c", "k") is None
    assert documents.find("c") == []
    assert documents.count("c") == 0


def test_second_insert_is_refused(documents: Documents) -> None:
    """A key can be inserted once; the first document stays."""
    documents.insert("c", "k", {"a": 1})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "k", {"a": 2})
    assert documents.get("c", "k") == Document("k", 1, {"a": 1})


def test_collections_are_separate(documents: Documents) -> None:
    """The same key in another collection is another document."""
    documents.insert("c", "k", {"a": 1})
    documents.insert("d", "k", {"a": 2})
    assert documents.get("c", "k") == Document("k", 1, {"a": 1})


def test_replace_counts_versions(documents: Documents) -> None:
    """A replace writes the whole body and raises the version by one."""
    documents.insert("c", "k", {"a": 1, "b": 1})
    assert documents.replace("c", "k", {"a": 2}, 1) == Document("k", 2, {"a": 2})
    assert documents.replace("c", "k", {"a": 3}, 2) == Document("k", 3, {"a": 3})
    assert documents.get("c", "k") == Document("k", 3, {"a": 3})


@pytest.mark.parametrize("version", [0, 1, 3])
def test_replace_of_another_version_conflicts(documents: Documents, version: int) -> None:
    """A replace with a version that is not the stored one changes nothing."""
    documents.insert("c", "k", {"a": 1})
    documents.replace("c", "k", {"a": 2}, 1)
    with pytest.raises(Conflict):
        documents.replace("c", "k", {"a": 9}, version)
    assert documents.get("c", "k") == Document("k", 2, {"a": 2})


def test_writes_to_a_missing_document_conflict(documents: Documents) -> None:
    """Replace and delete never create and never ignore."""
    with pytest.raises(Conflict):
        documents.replace("c", "k", {}, 1)
    with pytest.raises(Conflict):
        documents.delete("c", "k", 1)
    assert documents.get("c", "k") is None


def test_delete_compares_the_version(documents: Documents) -> None:
    """A delete needs the stored version; afterwards the key is free for version 1."""
    documents.insert("c", "k", {"a": 1})
    documents.replace("c", "k", {"a": 2}, 1)
    with pytest.raises(Conflict):
        documents.delete("c", "k", 1)
    documents.delete("c", "k", 2)
    assert documents.get("c", "k") is None
    assert documents.insert("c", "k", {"a": 3}).version == 1


def test_unique_fields(documents: Documents) -> None:
    """No two documents share the values of a unique index, by insert or by replace."""
    documents.declare("c", unique=[("a", "b")])
    documents.insert("c", "1", {"a": 1, "b": "x"})
    documents.insert("c", "2", {"a": 1, "b": "y"})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "3", {"a": 1, "b": "x"})
    with pytest.raises(AlreadyExists):
        documents.replace("c", "2", {"a": 1, "b": "x"}, 1)
    assert documents.replace("c", "2", {"a": 1, "b": "y", "c": 0}, 1).version == 2
    documents.delete("c", "1", 1)
    documents.insert("c", "3", {"a": 1, "b": "x"})
    assert keys(documents.find("c")) == ["2", "3"]


def test_unique_counts_a_missing_field_as_none(documents: Documents) -> None:
    """Two documents without the field of a unique index have equal values."""
    documents.declare("c", unique=[("a",)])
    documents.insert("c", "1", {})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "2", {"a": None})


def test_unique_keeps_kinds_apart(documents: Documents) -> None:
    """1 and 1.0 are equal; True and "1" are others."""
    documents.declare("c", unique=[("a",)])
    documents.insert("c", "1", {"a": 1})
    documents.insert("c", "2", {"a": True})
    documents.insert("c", "3", {"a": "1"})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "4", {"a": 1.0})


def test_declare_is_idempotent(documents: Documents) -> None:
    """Declaring again changes nothing, before and after there are documents."""
    for key in ("1", "2"):
        documents.declare("c", unique=[("a",)], indexes=[("b", "c"), ("d",)])
        documents.insert("c", key, {"a": key})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "3", {"a": "1"})


def test_declare_unique_over_equal_documents(documents: Documents) -> None:
    """An index that stored documents already break is an invariant broken."""
    documents.insert("c", "1", {"a": 1})
    documents.insert("c", "2", {"a": 1})
    with pytest.raises(InvariantBroken, match="unique"):
        documents.declare("c", unique=[("a",)])


def fill(documents: Documents) -> None:
    for key, body in {
        "a": {"n": 3, "s": "x"},
        "b": {"n": 1, "s": "y"},
        "c": {"n": 2.5, "s": "x"},
        "d": {"s": "x", "n": None},
        "e": {"s": "y"},
        "f": {"n": "2", "s": "x"},
        "g": {"n": True, "s": "z"},
        "h": {"n": MOMENT, "s": "z"},
    }.items():
        documents.insert("c", key, body)


@pytest.mark.parametrize(
    ("equal", "found"),
    [
        ({}, "abcdefgh"),
        ({"s": "x"}, "acdf"),
        ({"s": "x", "n": 3.0}, "a"),
        ({"n": None}, "de"),
        ({"n": 1}, "b"),
        ({"n": True}, "g"),
        ({"n": MOMENT}, "h"),
        ({"nothing": 1}, ""),
    ],
)
def test_find_equal(documents: Documents, equal: dict[str, Any], found: str) -> None:
    """Find and count take the documents whose fields all have the given values, None meaning absent too."""
    fill(documents)
    assert keys(documents.find("c", equal=equal)) == list(found)
    assert documents.count("c", equal=equal) == len(found)


@pytest.mark.parametrize(
    ("between", "found"),
    [
        (("n", 1, 3), "bc"),
        (("n", 1, None), "abc"),
        (("n", None, 3), "bc"),
        (("n", None, None), "abcdefgh"),
        (("n", "1", "3"), "f"),
        (("n", MOMENT, None), "h"),
        (("n", None, MOMENT), ""),
        (("s", "y", "z"), "be"),
    ],
)
def test_find_between(documents: Documents, between: tuple[str, Any, Any], found: str) -> None:
    """A range includes its low end, not its high end, and compares values of one kind only."""
    fill(documents)
    assert keys(documents.find("c", between=between)) == list(found)
    assert documents.count("c", between=between) == len(found)


def test_find_equal_and_between(documents: Documents) -> None:
    """Both conditions hold, also on one field."""
    fill(documents)
    assert keys(documents.find("c", equal={"s": "x"}, between=("n", 0, 10))) == ["a", "c"]
    assert keys(documents.find("c", equal={"n": 3}, between=("n", 0, 10))) == ["a"]
    assert keys(documents.find("c", equal={"n": 3}, between=("n", 0, 3))) == []


@pytest.mark.parametrize(
    ("order", "found"),
    [((), "abcdefgh"), (("n",), "debcafgh"), (("-n",), "hgfacbde"), (("s", "-n"), "facdbegh"[:4] + "behg")],
)
def test_order(documents: Documents, order: tuple[str, ...], found: str) -> None:
    """Absent sorts first, then numbers, text, truth values, moments; equals by ascending key."""
    fill(documents)
    assert "".join(keys(documents.find("c", order=order))) == found


def test_limit(documents: Documents) -> None:
    """A limit cuts after sorting; zero finds nothing; a negative one is an error."""
    fill(documents)
    assert keys(documents.find("c", equal={"s": "x"}, order=["-n"], limit=2)) == ["f", "a"]
    assert documents.find("c", limit=0) == []
    assert len(documents.find("c", limit=99)) == 8
    with pytest.raises(ValueError, match="limit"):
        documents.find("c", limit=-1)


def test_datetimes_are_utc_milliseconds(documents: Documents) -> None:
    """A moment comes back in UTC, cut to the millisecond, from the write and from the store."""
    tokyo = MOMENT.astimezone(timezone(timedelta(hours=9)))
    written = documents.insert(
        "c", "k", {"at": tokyo, "deep": [{"at": MOMENT}], "old": datetime(1931, 1, 1, tzinfo=UTC)}
    )
    stored = documents.get("c", "k")
    expected = datetime(2024, 3, 1, 12, 30, 15, 123000, tzinfo=UTC)
    assert stored == written
    assert stored.body["at"] == stored.body["deep"][0]["at"] == expected
    assert stored.body["at"].tzinfo is UTC
    assert keys(documents.find("c", equal={"at": MOMENT})) == ["k"]


def test_pandas_stamps_become_datetimes(documents: Documents) -> None:
    """A subclass of a plain type is stored as the plain type."""
    stamp = pd.Timestamp("2024-03-01 12:30:15.123456789", tz="UTC")
    written = documents.insert("c", "k", {"at": stamp})
    assert type(written.body["at"]) is datetime
    assert documents.get("c", "k") == written


NOT_VALUES = [float("nan"), float("inf"), 2**63, b"bytes", {1, 2}, date(2024, 1, 1), datetime(2024, 1, 1), pd.NaT]
NOT_INSIDE = [object(), {1: 2}, "\ud800", [object()], {"a": {"b": float("nan")}}]


@pytest.mark.parametrize("value", [*NOT_VALUES, *NOT_INSIDE], ids=lambda value: type(value).__name__)
def test_other_values_are_refused(documents: Documents, value: object) -> None:
    """What is neither a JSON value nor an aware datetime is a TypeError, and nothing is written."""
    with pytest.raises(TypeError):
        documents.insert("c", "k", {"a": value})
    documents.insert("c", "k", {})
    with pytest.raises(TypeError):
        documents.replace("c", "k", {"a": value}, 1)
    assert documents.get("c", "k") == Document("k", 1, {})


@pytest.mark.parametrize("name", ["_id", "_v", "$set", "a.b", "", "-a", "a\0"])
def test_reserved_names_are_refused(documents: Documents, name: str) -> None:
    """A field that the store keeps for itself or that a query could not address is a ValueError."""
    with pytest.raises(ValueError, match="field"):
        documents.insert("c", "k", {name: 1})
    with pytest.raises(ValueError, match="field"):
        documents.find("c", equal={name: 1})


def test_queries_compare_single_values(documents: Documents) -> None:
    """A list or a mapping in a query is a TypeError, so no query language leaks through."""
    with pytest.raises(TypeError):
        documents.find("c", equal={"a": {"$gt": 0}})
    with pytest.raises(TypeError):
        documents.count("c", between=("a", [1], None))


def test_results_are_copies(documents: Documents) -> None:
    """Changing what was given or received does not change what is stored."""
    given = {"list": [1]}
    written = documents.insert("c", "k", given)
    given["list"].append(2)
    written.body["list"].append(3)
    documents.get("c", "k").body["list"].append(4)  # type: ignore[union-attr]
    documents.find("c")[0].body["list"].append(5)
    assert documents.get("c", "k") == Document("k", 1, {"list": [1]})


def test_close_is_idempotent(documents: Documents) -> None:
    """Closing twice is no error."""
    documents.insert("c", "k", {})
    documents.close()
    documents.close()


def test_threads_lose_no_update(documents: Documents) -> None:
    """Compare-and-set from several threads counts every increment once."""
    documents.insert("counters", "one", {"count": 0})

    def increment(_: int) -> None:
        while True:
            found = documents.get("counters", "one")
            assert found is not None
            try:
                documents.replace("counters", "one", {"count": found.body["count"] + 1}, found.version)
                return
            except Conflict:
                continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(20)))
    assert documents.get("counters", "one") == Document("one", 21, {"count": 20})


def test_processes_lose_no_update(mongo_database: tuple[str, str], mongo_documents: MongoDocuments) -> None:
    """Eight OS processes increment one document; every increment is in the sum."""
    mongo_documents.insert("counters", "one", {"count": 0})
    command = [sys.executable, "-c", INCREMENT, *mongo_database, "5"]
    writers = [subprocess.Popen(command) for _ in range(8)]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    assert mongo_documents.get("counters", "one") == Document("one", 41, {"count": 40})


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, -1.0, "", "a", "Z", "é", MOMENT])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(st.fixed_dictionaries({}, optional={"a": SCALARS, "b": SCALARS}), max_size=6),
    wanted=SCALARS,
    span=st.tuples(SCALARS, SCALARS),
    order=st.permutations(["a", "-b"]),
)
def test_memory_answers_as_mongo(
    mongo_documents: MongoDocuments, bodies: list[Any], wanted: Any, span: tuple[Any, Any], order: list[str]
) -> None:
    """Both adapters find the same documents in the same order."""
    memory = MemoryDocuments()
    for stored in mongo_documents.find("c"):
        mongo_documents.delete("c", stored.key, stored.version)
    for place, body in enumerate(bodies):
        memory.insert("c", str(place), body)
        mongo_documents.insert("c", str(place), body)
    for query in ({"equal": {"a": wanted}}, {"between": ("b", *span)}, {}):
        assert memory.find("c", order=order, **query) == mongo_documents.find("c", order=order, **query)
        assert memory.count("c", **query) == mongo_documents.count("c", **query)
