"""The memory store's indexes only make it faster: every answer is the same without them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import AlreadyExists

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, "", "a", "b", "\U0010ffff"]))
KEYS = st.sampled_from(["k1", "k2", "k3", "k4", "\U0010ffff"])
WRITES = st.lists(st.tuples(st.sampled_from(["put", "put", "delete"]), KEYS, VALUES, VALUES), max_size=25)
SPANS = st.one_of(st.none(), st.tuples(st.sampled_from(["a", "b"]), VALUES, VALUES))
EQUALS = st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2)


def play(writes: list[tuple[str, str, Any, Any]], *, declared: int | None) -> MemoryDocuments:
    """The store after these writes; its indexes declared before write number `declared`, or never."""
    documents = MemoryDocuments()
    for number, (what, key, a, b) in enumerate(writes):
        if number == declared:
            documents.declare("c", indexes=[("a", "b"), ("-b",)])
        stored = documents.get("c", key)
        if what == "delete":
            if stored is not None:
                documents.delete("c", key, stored.version)
        elif stored is None:
            documents.insert("c", key, {"a": a, "b": b})
        else:
            documents.replace("c", key, {"a": a, "b": b}, stored.version)
    return documents


@given(WRITES, EQUALS, SPANS, st.integers(0, 5))
def test_indexes_change_no_answer(
    writes: list[tuple[str, str, Any, Any]], equal: dict[str, Any], span: tuple[str, Any, Any] | None, declared: int
) -> None:
    """Any query after any writes, with indexes from the start or from later on."""
    plain, indexed = play(writes, declared=None), play(writes, declared=declared)
    question = {"equal": equal, "between": span}
    assert indexed.find("c", **question, order=["b"]) == plain.find("c", **question, order=["b"])
    assert indexed.count("c", **question) == plain.count("c", **question)


def test_a_field_that_sometimes_holds_a_list_is_searched_without_its_index() -> None:
    """Documents with a list stay, and come and go like others."""
    documents = MemoryDocuments()
    documents.declare("c", indexes=[("a",)])
    first = documents.insert("c", "k1", {"a": [1], "b": 1})
    documents.insert("c", "k2", {"a": 1, "b": 1})
    assert [found.key for found in documents.find("c", equal={"b": 1})] == ["k1", "k2"]
    documents.replace("c", "k1", {"a": 1, "b": 1}, first.version)
    assert [found.key for found in documents.find("c", equal={"a": 1})] == ["k1", "k2"]


def test_a_write_that_breaks_a_unique_index_leaves_the_others_alone() -> None:
    """What was there is still found."""
    documents = MemoryDocuments()
    documents.declare("c", unique=[("a",)], indexes=[("b",)])
    documents.insert("c", "k1", {"a": 1, "b": 1})
    second = documents.insert("c", "k2", {"a": 2, "b": 2})
    with pytest.raises(AlreadyExists):
        documents.replace("c", "k2", {"a": 1, "b": 3}, second.version)
    assert [found.key for found in documents.find("c", equal={"b": 2})] == ["k2"]
    assert documents.find("c", equal={"b": 3}) == []
