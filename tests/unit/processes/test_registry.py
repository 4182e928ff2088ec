"""The processes that a configuration may name, and their methods run on a World."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_folders import MemoryFolders
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.alerts import Alert
from sysproduction.ports import World
from sysproduction.processes import PROCESSES, methods, signatures
from sysproduction.stores.fx import FxRates
from sysproduction.stores.paper_account import PaperAccount
from sysproduction.stores.prices import Prices


class Mute:
    """A Notifier that nobody hears."""

    def alert(self, alert: Alert) -> None: ...

    def recover(self, key: str, text: str) -> None: ...

    def flush(self, seconds: float) -> None: ...


def world_at(now: datetime, feed: CsvFeed) -> World:
    documents = MemoryDocuments()
    account = PaperAccount(documents, 1e6, "USD", lambda: now).account
    return World(SimulatedClock(now), documents, MemorySeries(lambda: now), feed, Mute(), MemoryFolders(), account)


def test_methods_are_listed_in_the_order_in_which_they_run() -> None:
    """As operators know them."""
    evening = [
        "update_fx_prices",
        "update_sampled_contracts",
        "update_historical_prices",
        "update_multiple_adjusted_prices",
    ]
    assert list(methods("run_daily_prices_updates")) == [*evening, "update_sampled_spreads"]
    assert list(methods("run_daily_fx_and_contract_updates")) == evening[:2]
    assert list(methods("run_daily_update_multiple_adjusted_prices")) == evening[1:]


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_signatures_hold_what_arguments_may_bind(process: str) -> None:
    """Keyword arguments with defaults; never the World."""
    for signature in signatures()[process].values():
        signature.bind()
        assert "world" not in signature.parameters


@pytest.mark.parametrize("only", [None, ["SOFR"]])
def test_the_evening_brings_real_prices_in(shared: Path, only: Sequence[str] | None) -> None:
    """Every method of the process, one after the other, on recorded data."""
    world = world_at(datetime(2023, 8, 15, 20, tzinfo=UTC), CsvFeed(shared / "data", ["SOFR", "KR10"]))
    for name, method in methods("run_daily_prices_updates").items():
        result = method(world, **({} if only is None or name == "update_fx_prices" else {"instruments": only}))
        assert result.problems == ()
        assert result.rows_written > 0
    assert FxRates(world.series).pairs() == ["EURUSD", "KRWUSD"]
    assert Prices(world.series).adjusted("SOFR").index[-1] <= world.clock.now()
    assert Prices(world.series).adjusted("KR10").empty == (only is not None)
