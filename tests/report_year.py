"""A recorded year, traded through orders: what it has left in the stores, and the reports that are made of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.memory_folders import MemoryFolders
from sysproduction.capital.updating import CapitalDesk, allocate
from sysproduction.control.report_desk import ReportDesk, Sources, desk_of
from sysproduction.control.reporting import REPORTS
from sysproduction.domain.capital import CapitalPolicy, Compounding, Measure, compounded, seeded
from sysproduction.domain.instruments import Quote
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.panama import stitch
from sysproduction.domain.strategies import Strategies, Strategy
from sysproduction.reports.report import Report
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_controls import Limits, SetLimit, Word
from sysproduction.stores.spreads import Spreads
from sysproduction.strategies.holdings import Books
from sysproduction.strategies.restraining import Controls
from sysproduction.strategies.running import SystemsDesk, run_strategy
from tests import report_oracle as oracle
from tests.evening_house import system
from tests.simulation.replay import Replay

CODES = ("CORN", "EUROSTX")
START = datetime(2022, 8, 29, 19, tzinfo=UTC)
NOW = datetime(2023, 8, 29, 20, 25, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0)
COSTS = {"CORN": (0.16, 2.92), "EUROSTX": (0.48, 2.0)}
TARGET, MULTIPLIER = 20.0, 1.0
Rows = list[dict[str, Any]]


@dataclass
class Year:
    """What a replayed year has left in the stores, and the facts that the tests read there."""

    replay: Replay
    desk: ReportDesk
    folders: MemoryFolders

    def report(self, name: str) -> Report:
        return REPORTS[name].make(self.desk)

    def rows(self, name: str, table: str) -> Rows:
        return [dict(row) for row in self.report(name).table(table).records()]

    def by(self, name: str, table: str, column: str = "instrument") -> dict[str, dict[str, Any]]:
        return {str(row[column]): row for row in self.rows(name, table)}

    @property
    def fills(self) -> list[oracle.Row]:
        return oracle.last_fills(self.replay.documents.find("fills"))

    @property
    def bars(self) -> dict[tuple[str, str], pd.DataFrame]:
        keys = {(fill["instrument"], fill["contract"]) for fill in self.fills}
        return {(code, contract): self.series("bars", f"{code}/{contract}") for code, contract in keys}

    @property
    def fx(self) -> "pd.Series[float]":
        return self.series("fx", "EURUSD")["rate"]

    def series(self, library: str, symbol: str) -> pd.DataFrame:
        frame = self.replay.series.read(library, symbol, end=NOW)
        assert frame is not None
        return frame

    def adjusted(self, code: str) -> "pd.Series[float]":
        return self.series("adjusted_prices", code)["price"]

    def volatility(self, code: str) -> "pd.Series[float]":
        return oracle.volatility(oracle.daily(self.adjusted(code)))

    def current(self, code: str) -> "pd.Series[float]":
        return oracle.daily(self.series("multiple_prices", code)["PRICE"])

    def annual_risk(self, code: str) -> float:
        size = oracle.POINT[code] * oracle.rate(self.fx, code, pd.Timestamp(NOW))
        return float(self.volatility(code).iloc[-1]) * 16 * size

    @property
    def weights(self) -> dict[str, float]:
        content = self.folders.read("trend/000001", "weights.parquet")
        assert content is not None
        return pd.read_parquet(BytesIO(content)).iloc[-1].to_dict()

    @property
    def capital(self) -> pd.DataFrame:
        return self.series("capital", "total")


def recorded_year(data: Path, run: Path) -> Year:
    """Two markets of two currencies for a year, with rolls, capital, limits, samples and a decision."""
    feed = CsvFeed(data, CODES)
    replay = Replay(feed, CODES, run, START)
    replay.play(NOW)
    replay.now = NOW
    chance = Random(3)
    for code in CODES:
        multiple = feed.multiple_prices(code).loc[:NOW]
        replay.prices.replace_stitched(code, multiple, stitch(multiple).dropna())
        for contract in replay.prices.contracts(code):
            bars = replay.prices.bars(code, contract)
            volumes = [float(chance.randrange(1, 400)) for _ in range(len(bars))]
            replay.series.replace("bars", f"{code}/{contract}", bars.assign(volume=volumes))
            record = ContractRecord(code, contract, True, date(2023, 12, 14), False, NOW, NOW)
            Contracts(replay.documents).put(record)
        for number in range(3):
            at = NOW - timedelta(days=3 - number)
            Spreads(replay.series).add(code, contract, Quote(at, 100.0, 100.0 + 0.2 * (number + 1), 1, 1))
    replay.rates.replace("EURUSD", feed.fx("EURUSD", after=START - timedelta(days=400), until=NOW))
    _put_capital(replay)
    word = Word("me", NOW, "to see")
    Limits(replay.documents).put(SetLimit(TradeLimit("CORN", None, 30.0, 1), word))
    Limits(replay.documents).put(SetLimit(PositionLimit("EUROSTX", "trend", 40), word))
    folders = _decide(replay)
    strategies = Strategies({"trend": Strategy("trend", "mine")})
    sources = Sources(
        *(replay.documents, replay.series, folders, replay.broker, (), lambda identity: False),
        *(strategies, "USD", 5, run),
    )
    return Year(replay, desk_of(sources, NOW), folders)


def _put_capital(replay: Replay) -> None:
    store = CapitalStore(replay.documents, replay.series)
    first = START - timedelta(hours=9)
    standing = store.record(store.total(), seeded(Measure(1e6, 5e4, first), by="me", why="", now=first, capital=8e5))
    for days, value in ((100, 1.02e6), (364, 1.05e6), (365, 1.0475e6)):
        at = first + timedelta(days=days)
        assert standing.last is not None
        entry = compounded(standing.last, Measure(value, 6e4, at), Compounding.FULL, by="me", why="", now=at)
        standing = store.record(standing, entry)


def _decide(replay: Replay) -> MemoryFolders:
    store, folders = CapitalStore(replay.documents, replay.series), MemoryFolders()
    allocate(CapitalDesk(store, replay.rates, CapitalPolicy()), {"trend": None}, now=NOW)
    desk = SystemsDesk(
        *(replay.series, Instruments(replay.documents), store, OptimalPositionStore(replay.documents), folders),
        *(Books(replay.stack, replay.ledger, Controls()), "USD"),
    )
    run_strategy(desk, Strategy("trend", "mine"), system(*CODES), now=NOW - timedelta(minutes=20))
    return folders
