"""Capital from the account into the store, refused jumps, the split, and crashes at every write."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.capital.allocation import by_weight
from sysproduction.capital.updating import JUMP, CapitalDesk, allocate, update_total_capital
from sysproduction.control import capital
from sysproduction.domain.broker import Account
from sysproduction.domain.capital import AllocationPolicy, Capital, CapitalPolicy, Compounding, Measure
from sysproduction.domain.errors import ConfigError, DataError, Refused
from sysproduction.domain.results import MethodResult
from sysproduction.ports import Documents, Series
from sysproduction.simulation.faults import AtWrite, FaultySeries, ProgramDied, die
from sysproduction.stores.capital import LIBRARY, CapitalStore
from sysproduction.stores.fx import FxRates
from tests.fakes import FaultyDocuments, RecordingNotifier

NOW = datetime(2024, 1, 15, 1, tzinfo=UTC)
WEIGHTS: dict[str, float | None] = {"trend": 3.0, "carry": 1.0}


@dataclass
class Bank:
    """Stores in memory, and an account whose value a test sets."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    series: MemorySeries = field(default_factory=lambda: MemorySeries(lambda: NOW))
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    policy: CapitalPolicy = field(default_factory=CapitalPolicy)

    def desk(self, fault: Any = None) -> CapitalDesk:
        documents: Documents = FaultyDocuments(self.documents, fault)
        series: Series = FaultySeries(self.series, fault)
        return CapitalDesk(CapitalStore(documents, series), FxRates(series), self.policy)

    def update(self, value: float, hours: int = 0, fault: Any = None, currency: str = "USD") -> MethodResult:
        at = NOW + timedelta(hours=hours)
        statement = Account("A1", currency, value, value / 10, at)
        return update_total_capital(self.desk(fault), statement, self.notifier, now=at)

    def split(self, hours: int = 0, fault: Any = None, weights: Any = None) -> MethodResult:
        return allocate(self.desk(fault), weights or WEIGHTS, now=NOW + timedelta(hours=hours))

    @property
    def store(self) -> CapitalStore:
        return CapitalStore(self.documents, self.series)

    def last(self) -> Capital:
        found = self.store.total().last
        assert found is not None
        return found

    def whole(self) -> dict[str, Any]:
        """Everything that is stored, versions of documents aside."""
        documents = {doc.key: dict(doc.body) for doc in self.documents.find("capital")}
        frames = {symbol: self.series.read(LIBRARY, symbol) for symbol in self.series.symbols(LIBRARY)}
        return documents | {symbol: frame.reset_index().to_dict("records") for symbol, frame in frames.items()}


def test_measures_become_history() -> None:
    """Each measure is one entry of the series and the last one is the document's."""
    bank = Bank()
    for hours, value in enumerate([1000.0, 1050.0, 1020.0]):
        assert bank.update(value, hours).rows_written == 1
    assert list(bank.store.history()["capital"]) == [1000.0, 1050.0, 1020.0]
    assert bank.last().capital == 1020.0
    assert bank.last().maximum == 1050.0


def test_a_statement_that_is_not_later_has_nothing_new() -> None:
    """So that a rerun adds nothing."""
    bank = Bank()
    bank.update(1000.0)
    before = bank.whole()
    assert bank.update(1000.0).rows_written == 0
    assert bank.whole() == before


def test_a_jump_waits_until_it_is_confirmed() -> None:
    """Capital stays, a human is told once, and the word of the operator lets it follow."""
    bank = Bank()
    bank.update(1000.0)
    for hours in (1, 2):
        (problem,) = bank.update(1200.0, hours).problems
        assert "20.0%" in problem.reason
    assert bank.notifier.keys_told() == [JUMP]
    assert bank.last().capital == 1000.0
    done = capital.confirm(bank.desk(), bank.notifier, by="me", now=NOW + timedelta(hours=3), why="a good day")
    assert isinstance(done, Capital)
    assert (done.capital, done.profit, done.why) == (1200.0, 200.0, "a good day")
    assert bank.notifier.keys_told("recovery") == [JUMP]
    assert bank.update(1210.0, 4).problems == ()
    assert bank.last().capital == 1210.0


def test_a_jump_that_goes_away_needs_no_word() -> None:
    """The next believable measure is taken, and the incident is over."""
    bank = Bank()
    bank.update(1000.0)
    bank.update(100.0, 1)
    bank.update(1010.0, 2)
    assert bank.last().capital == 1010.0
    assert bank.store.total().pending is None
    assert bank.notifier.keys_told("recovery") == [JUMP]
    assert isinstance(capital.confirm(bank.desk(), bank.notifier, by="me", now=NOW, why=""), Refused)


def test_a_deposit_makes_its_jump_believable() -> None:
    """Money that was paid in is no profit."""
    bank = Bank()
    bank.update(1000.0)
    bank.update(1500.0, 1)
    done = capital.adjust(bank.desk(), bank.notifier, by="me", now=NOW, why="paid in", deposit=500.0)
    assert isinstance(done, Capital)
    assert bank.update(1510.0, 2).problems == ()
    assert (bank.last().capital, bank.last().profit) == (1010.0, 10.0)


def test_capital_can_begin_with_an_operators_amount_once() -> None:
    """A second beginning is refused; changes before the first one too."""
    bank = Bank()
    assert isinstance(capital.adjust(bank.desk(), bank.notifier, by="me", now=NOW, why="", capital=5.0), Refused)
    done = capital.init(bank.desk(), Measure(1000.0, 0.0, NOW), by="me", now=NOW, why="", capital=400.0)
    assert isinstance(done, Capital)
    assert (done.account_value, done.capital) == (1000.0, 400.0)
    assert isinstance(capital.init(bank.desk(), Measure(1000.0, 0.0, NOW), by="me", now=NOW, why=""), Refused)
    bank.update(1050.0, 1)
    assert bank.last().capital == 450.0


def test_another_currency_is_brought_to_the_base_currency() -> None:
    """At the last stored rate that is not in the future."""
    bank = Bank()
    rates = pd.DataFrame(
        {"rate": [1.1, 1.2, 9.9]}, index=pd.DatetimeIndex([NOW - timedelta(days=d) for d in (2, 1, -1)])
    )
    FxRates(bank.series).replace("EURUSD", rates)
    bank.update(1000.0, currency="EUR")
    assert bank.last().capital == pytest.approx(1200.0)
    assert bank.last().margin == pytest.approx(120.0)


def test_an_unknown_currency_and_a_stale_rate_are_errors() -> None:
    """Each with the pair in it."""
    bank = Bank()
    with pytest.raises(DataError, match="QQQUSD"):
        bank.update(1000.0, currency="QQQ")
    old = pd.DataFrame({"rate": [1.1]}, index=pd.DatetimeIndex([NOW - timedelta(days=30)]))
    FxRates(bank.series).replace("EURUSD", old)
    with pytest.raises(DataError, match="EURUSD: its last rate is 30 days old"):
        bank.update(1000.0, currency="EUR")
    assert bank.store.total().last is None


def test_capital_is_split_by_weight() -> None:
    """Again and again gives the same, and writes nothing; another capital or other weights write anew."""
    bank = Bank()
    bank.update(1000.0)
    assert bank.split().rows_written == 2
    before = bank.whole()
    assert bank.split(1).rows_written == 0
    assert bank.whole() == before
    split = bank.store.allocation().last
    assert split is not None
    assert {name: share.capital for name, share in split.shares.items()} == {"carry": 250.0, "trend": 750.0}
    bank.update(1050.0, 2)
    bank.split(3, weights={"trend": None, "carry": None})
    assert list(bank.store.history_of("trend")["capital"]) == [750.0, 525.0]
    assert list(bank.store.history_of("carry")["margin"]) == [25.0, 52.5]


def test_nothing_can_be_split_before_the_first_measure() -> None:
    """The error says what to do."""
    with pytest.raises(DataError, match="capital init"):
        Bank().split()


def test_equal_parts_without_weights() -> None:
    """Either all strategies have a weight or none."""
    assert by_weight(900.0, {"a": None, "b": None, "c": None}) == dict.fromkeys("abc", 300.0)
    with pytest.raises(ConfigError, match="weight"):
        by_weight(900.0, {"a": None, "b": 1.0})


def all_to_one(total: float, weights: dict[str, float | None], *, favourite: str) -> dict[str, float]:
    return {name: total if name == favourite else 0.0 for name in weights}


def forgetful(total: float, weights: dict[str, float | None]) -> dict[str, float]:
    return {}


def test_the_split_is_pluggable() -> None:
    """A dotted path with arguments; what does not fit is an error of the configuration."""
    policy = AllocationPolicy(f"{__name__}.all_to_one", {"favourite": "trend"})
    bank = Bank(policy=CapitalPolicy(allocation=policy))
    bank.update(1000.0)
    bank.split()
    split = bank.store.allocation().last
    assert split is not None
    assert split.shares["trend"].capital == 1000.0
    wrong = {
        f"{__name__}.all_to_on": "did you mean",
        f"{__name__}.forgetful": "must give an amount to each strategy",
        f"{__name__}.all_to_one": "cannot be called as configured",
        "no.such.module": "No module named",
        "by_weight": "write the module and the function",
    }
    for path, said in wrong.items():
        bank.policy = CapitalPolicy(allocation=AllocationPolicy(path))
        with pytest.raises(ConfigError, match=said):
            bank.split()


STEPS: dict[str, Callable[[Bank, Any], object]] = {
    "first measure": lambda bank, fault: bank.update(1000.0, 2, fault),
    "measure": lambda bank, fault: bank.update(1050.0, 2, fault),
    "jump": lambda bank, fault: bank.update(2000.0, 2, fault),
    "confirm": lambda bank, fault: capital.confirm(bank.desk(fault), bank.notifier, by="me", now=NOW, why=""),
    "split": lambda bank, fault: bank.split(2, fault),
}


def before_step(name: str, rule: Compounding) -> Bank:
    bank = Bank(policy=replace(CapitalPolicy(), compounding=rule))
    if name != "first measure":
        bank.update(1000.0)
    if name == "confirm":
        bank.update(1500.0, 1)
    return bank


@pytest.mark.parametrize("rule", Compounding)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_killed_at_any_write_a_rerun_gives_the_same_store(name: str, side: str, rule: Compounding) -> None:
    """As if nothing had happened; what an operator had begun is done, or was never begun."""
    step = STEPS[name]
    undisturbed = before_step(name, rule)
    step(undisturbed, None)
    for number in range(20):
        bank = before_step(name, rule)
        fault = AtWrite(number, side, die)
        try:
            step(bank, fault)
        except ProgramDied:
            step(bank, None)
        assert bank.whole() == undisturbed.whole(), f"killed {side} write {number}"
        assert bank.notifier.open == undisturbed.notifier.open
        if not fault.struck:
            break
    assert number >= 1
