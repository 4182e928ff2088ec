"""An import and other programs that work on the prices of the same instrument."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.results import Problem
from sysproduction.markets.importing import import_history
from sysproduction.simulation.faults import SERIES_WRITES, WRITES
from sysproduction.stores.fx import FxRates
from tests.rolling_market import NOW, PARAMETERS, desk_on, series_before_roll


@dataclass(frozen=True)
class Recorded:
    """The same history for each code."""

    codes: Sequence[str]

    def instruments(self) -> Sequence[Listing]:
        return [Listing(Instrument(code, code, 50.0, "USD", "Ags", "US"), PARAMETERS) for code in self.codes]

    def skipped(self) -> Sequence[Problem]:
        return ()

    def problems(self, item: str) -> Sequence[Problem]:
        return ()

    def multiple_prices(self, instrument: str) -> pd.DataFrame:
        return series_before_roll()

    def all_bars(self, instrument: str) -> Mapping[str, pd.DataFrame]:
        return {}

    def currency_pairs(self) -> Sequence[str]:
        return ()

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> pd.DataFrame:
        raise AssertionError("it has no pairs")


def test_every_write_of_an_import_is_in_the_turn_of_its_instrument() -> None:
    """Definition and series are written inside the turn, and each instrument has its own."""
    inside: list[str] = []
    written: list[tuple[str, ...]] = []

    @contextmanager
    def turn(instrument: str) -> Iterator[None]:
        inside.append(instrument)
        yield
        inside.remove(instrument)

    def note(side: str, operation: str, collection: str) -> None:
        if operation in WRITES | SERIES_WRITES:
            written.append(tuple(inside))

    desk = desk_on(MemoryDocuments(), MemorySeries(lambda: NOW), fault=note)
    rates = FxRates(MemorySeries(lambda: NOW))
    import_history(
        Recorded(["CORN", "WHEAT"]),
        desk.instruments,
        desk.prices,
        rates,
        until=NOW,
        progress=lambda *_: None,
        turn=turn,
    )
    assert set(written) == {("CORN",), ("WHEAT",)}
    assert len(desk.prices.multiple("WHEAT")) == len(series_before_roll())
    assert inside == []
