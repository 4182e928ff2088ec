"""What is wrong with stored prices, told apart."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.control.quality import METHOD, Fault, examine
from sysproduction.domain.processes import MethodRun
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.prices import Prices

NOW = datetime(2024, 6, 28, 23, tzinfo=UTC)


def closes(seed: int, days: int = 120, until: datetime = NOW) -> pd.Series:
    index = pd.bdate_range(end=until, periods=days, unit="ns")
    return pd.Series(500 + np.random.default_rng(seed).normal(size=days).cumsum(), index=index, name="price")


def run(minutes: int, *problems: tuple[str, str], error: str | None = None) -> MethodRun:
    at = NOW - timedelta(minutes=minutes)
    told = tuple({"item": item, "kind": kind, "reason": f"{item} is {kind}"} for item, kind in problems)
    return MethodRun("r", "p", METHOD, date(2024, 6, 28), at, at, error, 0, 0, told)


def found(series: dict[str, pd.Series], *runs: MethodRun) -> list[tuple[str, Fault]]:
    contracts, prices = Contracts(MemoryDocuments()), Prices(MemorySeries(lambda: NOW))
    for code, adjusted in series.items():
        contracts.put(ContractRecord(code, "20240900", True, NOW.date(), True, NOW, NOW))
        prices.save_adjusted(code, adjusted)
    rows = examine(contracts, prices, runs, now=NOW, stale_after_days=5, days=365, gap_days=2)
    return [(row.item, row.fault) for row in rows if not row.item.endswith("/20240900")]


def test_sound_prices_have_no_findings() -> None:
    """Nothing but that their contracts have no bars here."""
    assert found({"CORN": closes(1), "GOLD": closes(2)}, run(1)) == []


def test_each_fault_has_its_name() -> None:
    """Stale, gap and duplicate; a series that is empty is no data, not stale."""
    gap = closes(3).drop(closes(3).index[50:54])
    series = {
        "CORN": closes(1),
        "CORN_mini": closes(1) / 2,
        "GOLD": closes(2, until=NOW - timedelta(days=20)),
        "X": gap,
    }
    assert found({**series, "ZERO": closes(4)[:0]}) == [
        ("GOLD", Fault.STALE),
        ("ZERO", Fault.NO_DATA),
        ("X", Fault.GAP),
        ("CORN", Fault.DUPLICATE),
    ]


def test_only_the_last_run_tells_of_failures() -> None:
    """Items that failed or were corrupt, and a run that failed as a whole; missing data are no failure."""
    last = run(1, ("CORN", "failed"), ("GOLD", "corrupt"), ("X", "missing"), ("Y", "spike"))
    assert found({}, last, run(9, ("OLD", "failed"))) == [("CORN", Fault.FAILURE), ("GOLD", Fault.FAILURE)]
    assert found({}, run(1, error="the feed is down")) == [("all", Fault.FAILURE)]


def test_prices_that_were_only_imported_are_judged_too() -> None:
    """No contract of the instrument is sampled, and its prices stopped long ago."""
    prices, multiple = Prices(MemorySeries(lambda: NOW)), closes(1, until=NOW - timedelta(days=90)).to_frame("PRICE")
    prices.replace_stitched("OLD", multiple, closes(1, until=NOW - timedelta(days=90)))
    rows = examine(Contracts(MemoryDocuments()), prices, (), now=NOW, stale_after_days=5, days=365, gap_days=2)
    assert [(row.item, row.fault) for row in rows] == [("OLD", Fault.STALE)]
