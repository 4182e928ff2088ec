"""Limits, overrides, locks and the kill switch are kept, and fail to the safe side."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.stores.kill_switch import COLLECTION, KillSwitch, KillWord
from sysproduction.stores.order_controls import Limits, Lock, LockKind, Locks, Overrides, SetLimit, SetOverride, Word
from tests.fakes import FaultyDocuments, OnWrite, ProgramDied

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
WORD = Word("me", AT, "because")
HALT, REDUCE, NORMAL = (KillWord(s, "me", AT, "x") for s in (KillState.HALT, KillState.REDUCE, KillState.NORMAL))


def test_limits_are_one_per_kind_instrument_strategy_and_window() -> None:
    """A second one replaces the first; others stay; what is removed is gone once."""
    limits = Limits(MemoryDocuments())
    kept = [
        SetLimit(PositionLimit("CORN", None, 10), WORD),
        SetLimit(PositionLimit("CORN", "trend", 3), WORD),
        SetLimit(TradeLimit("CORN", None, 1, 20), WORD),
        SetLimit(TradeLimit("CORN", None, 30, 99), WORD),
        SetLimit(TradeLimit("CORN", "trend", 1, 5), WORD),
    ]
    for one in (SetLimit(PositionLimit("CORN", None, 7), WORD), *kept):
        limits.put(one)
    assert limits.all() == kept
    assert limits.remove(TradeLimit("CORN", None, 30, 0))
    assert not limits.remove(TradeLimit("CORN", None, 30, 0))
    assert limits.all() == [*kept[:3], kept[4]]


def test_overrides_that_apply_are_combined() -> None:
    """Of the strategy, of the instrument and of both; others do not matter."""
    overrides = Overrides(MemoryDocuments())
    half = Override(factor=0.5)
    for strategy, instrument in (("trend", None), (None, "CORN"), ("trend", "CORN"), ("carry", None), (None, "GOLD")):
        overrides.put(SetOverride(strategy, instrument, half, WORD))
    assert overrides.of("trend", "CORN") == Override(factor=0.125)
    assert overrides.of("other", "SP500") == Override()
    overrides.put(SetOverride("trend", None, Override(OverrideKind.NO_TRADE), WORD))
    assert overrides.of("trend", "CORN").kind is OverrideKind.NO_TRADE
    assert overrides.remove("trend", None)
    assert not overrides.remove("trend", None)
    assert overrides.of("trend", "CORN") == Override(factor=0.25)
    assert len(overrides.all()) == 4


def test_the_machine_never_takes_an_operator_s_lock_away() -> None:
    """Both kinds stand side by side; without the one for a break the other stays; a standing lock keeps its word."""
    locks = Locks(MemoryDocuments())
    manual, found = Lock("CORN", LockKind.MANUAL, WORD), Lock("CORN", LockKind.BREAK, Word("machine", AT, "differs"))
    assert locks.lock(manual)
    assert locks.lock(found)
    assert not locks.lock(Lock("CORN", LockKind.MANUAL, Word("you", AT, "again")))
    assert locks.of("CORN") == [found, manual] == locks.all()
    assert locks.unlock("CORN", LockKind.BREAK)
    assert not locks.unlock("CORN", LockKind.BREAK)
    assert locks.of("CORN") == [manual]
    assert locks.of("GOLD") == []


def test_a_switch_that_nobody_ever_set_is_at_normal(tmp_path: Path) -> None:
    """Neither document nor file: orders may be sent."""
    assert KillSwitch(MemoryDocuments(), tmp_path).read() == KillWord()


@pytest.mark.parametrize("word", [HALT, REDUCE, NORMAL])
def test_a_word_is_kept_in_the_store_and_in_the_file(word: KillWord, tmp_path: Path) -> None:
    """Either alone tells it, to another process too."""
    documents = MemoryDocuments()
    assert KillSwitch(documents, tmp_path / "run").set(word) is None
    assert KillSwitch(documents, tmp_path / "run").read() == word
    assert KillSwitch(documents, tmp_path / "elsewhere").state() is word.state
    assert KillSwitch(MemoryDocuments(), tmp_path / "run").state() is word.state


@pytest.mark.parametrize(
    ("stored", "filed", "strictest"),
    [
        (HALT, NORMAL, KillState.HALT),
        (NORMAL, HALT, KillState.HALT),
        (REDUCE, NORMAL, KillState.REDUCE),
        (REDUCE, HALT, KillState.HALT),
        (HALT, REDUCE, KillState.HALT),
    ],
)
def test_the_stricter_word_holds(stored: KillWord, filed: KillWord, strictest: KillState, tmp_path: Path) -> None:
    """Where store and file differ."""
    documents = MemoryDocuments()
    KillSwitch(documents, tmp_path / "elsewhere").set(stored)
    KillSwitch(MemoryDocuments(), tmp_path).set(filed)
    assert KillSwitch(documents, tmp_path).state() is strictest


@pytest.mark.parametrize("text", ["", "HALT", "{}", "[]", "null", '{"state": "off", "by": "", "at": null, "why": ""}'])
def test_a_file_that_cannot_be_understood_stops_everything(text: str, tmp_path: Path) -> None:
    """Whatever stands in it; and so does a document."""
    (tmp_path / "kill_switch").write_text(text)
    assert KillSwitch(MemoryDocuments(), tmp_path).state() is None
    documents = MemoryDocuments()
    documents.insert(COLLECTION, "state", {"state": "off"})
    assert KillSwitch(documents, tmp_path / "elsewhere").state() is None


def test_a_file_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    """A folder in its place, for one."""
    (tmp_path / "kill_switch").mkdir()
    assert KillSwitch(MemoryDocuments(), tmp_path).state() is None


def test_a_store_that_cannot_be_reached_stops_everything(tmp_path: Path) -> None:
    """The file alone does not know what another host said."""

    def away(side: str, operation: str, collection: str) -> None:
        raise Unavailable("away")

    documents = FaultyDocuments(MemoryDocuments(), away)
    assert KillSwitch(documents, tmp_path).state() is None
    with pytest.raises(Unavailable):
        KillSwitch(documents, tmp_path).set(HALT)
    assert json.loads((tmp_path / "kill_switch").read_text())["state"] == "halt"
    with pytest.raises(Unavailable):
        KillSwitch(documents, tmp_path).set(NORMAL)
    assert json.loads((tmp_path / "kill_switch").read_text())["state"] == "halt"


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_crash_while_it_is_set_leaves_the_stricter_word(side: str, tmp_path: Path) -> None:
    """A stop that was begun is a stop; a release that was not finished is none yet."""
    documents = MemoryDocuments()
    with pytest.raises(ProgramDied):
        KillSwitch(FaultyDocuments(documents, OnWrite(0, ProgramDied(), side)), tmp_path).set(HALT)
    assert KillSwitch(documents, tmp_path).state() is KillState.HALT
    KillSwitch(documents, tmp_path).set(HALT)
    with pytest.raises(ProgramDied):
        KillSwitch(FaultyDocuments(documents, OnWrite(0, ProgramDied(), side)), tmp_path).set(NORMAL)
    assert KillSwitch(documents, tmp_path).state() is KillState.HALT


def test_of_two_operators_at_the_same_moment_the_second_is_told(tmp_path: Path) -> None:
    """A release that meets a stop is refused, and the stop holds."""
    documents = MemoryDocuments()
    KillSwitch(documents, tmp_path).set(REDUCE)

    def stop_first(side: str, operation: str, collection: str) -> None:
        if (side, operation) == ("before", "replace"):
            KillSwitch(documents, tmp_path).set(HALT)

    assert isinstance(KillSwitch(FaultyDocuments(documents, stop_first), tmp_path).set(NORMAL), Refused)
    assert KillSwitch(documents, tmp_path).state() is KillState.HALT
