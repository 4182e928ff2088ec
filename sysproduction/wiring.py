"""The composition root: from a validated configuration to live ports; each vendor is imported when it is needed."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysproduction.config.home import Home
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.identity import Identity
from sysproduction.ports import Clock, Documents, Feed, Notifier, Programs, Series, World

if TYPE_CHECKING:
    from sysproduction.adapters.clocks import ScaledClock
    from sysproduction.adapters.csv_feed import CsvFeed
    from sysproduction.adapters.embedded_mongo import EmbeddedMongo
    from sysproduction.adapters.programs import LocalPrograms, Signals
    from sysproduction.config.loading import Config
    from sysproduction.stores.leases import Leases

EMBEDDED = "embedded"

_PRELOAD = (
    "pandas",
    "pymongo",
    "sysproduction.adapters.mongo",
    "sysproduction.processes.run_daily_prices_updates",
)


def market_clock(home: Home) -> Clock:
    """Real time, unless `up --replay-from` has set this home's own clock."""
    from sysproduction.adapters.clocks import ScaledClock, SystemClock

    path = clock_path(home)
    return ScaledClock(path) if path.exists() else SystemClock()


def clock_path(home: Home) -> Path:
    """Where a home keeps a market clock of its own."""
    return home.run / "clock"


def replay_clock(home: Home, start: datetime) -> "ScaledClock":
    """Give the home a market clock that begins at `start`, or take up the one it has."""
    from sysproduction.adapters.clocks import ScaledClock

    return ScaledClock.create(clock_path(home), start)


def myself() -> Identity:
    """The calling process."""
    from sysproduction.adapters import host

    return host.myself()


def alive(identity: Identity) -> bool:
    """Whether exactly this process exists."""
    from sysproduction.adapters import host

    return host.alive(identity)


@dataclass
class Outside:
    """The ports of one home, each made at its first use; `close` lets go of them in reverse order."""

    home: Home
    config: "Config"
    _closing: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def clock(self) -> Clock:
        """The home's market clock."""
        return market_clock(self.home)

    @cached_property
    def documents(self) -> Documents:
        """MongoDB, the embedded server started if need be."""
        from sysproduction.adapters.mongo import MongoDocuments

        uri = self._mongo_uri()
        documents = MongoDocuments(uri, self.config.settings.mongo_database)
        self._closing.callback(documents.close)
        return documents

    @cached_property
    def leases(self) -> "Leases":
        """Writers' leases, held by this process."""
        from sysproduction.stores.leases import Leases

        return Leases(self.documents, myself=myself(), alive=alive, clock=_machine_clock(), now=_machine_now)

    @cached_property
    def series(self) -> Series:
        """ArcticDB."""
        from sysproduction.adapters.arctic import ArcticSeries

        uri = self.config.settings.arctic
        address = f"lmdb://{self.home.arctic}" if uri == EMBEDDED else uri.reveal()
        series = ArcticSeries(address, self.leases)
        self._closing.callback(series.close)
        return series

    @cached_property
    def feed(self) -> Feed:
        """The configured source of market data."""
        settings = self.config.settings.feed
        if settings.kind == "csv":
            return csv_feed(Path(settings.folder), settings.instruments)
        from sysproduction.adapters.synthetic_feed import SyntheticFeed

        return SyntheticFeed(seed=settings.seed, instruments=settings.instruments)

    @cached_property
    def notifier(self) -> Notifier:
        """The log, and Slack if it is configured."""
        from sysproduction.adapters.log_notifier import LogNotifier

        return LogNotifier(logging.getLogger("sysproduction.alerts"))

    def world(self) -> World:
        """Everything that the methods of a process may use."""
        prices = self.config.settings.prices
        return World(self.clock, self.documents, self.series, self.feed, self.notifier, prices.max_spike)

    def close(self) -> None:
        """Let go of everything that was opened."""
        self._closing.close()

    def _mongo_uri(self) -> str:
        configured = self.config.settings.mongo
        if configured != EMBEDDED:
            return configured.reveal()
        embedded = self.embedded_mongo
        self._closing.callback(embedded.release)
        return embedded.acquire()

    @cached_property
    def embedded_mongo(self) -> "EmbeddedMongo":
        """The database server of this home."""
        from sysproduction.adapters.embedded_mongo import EmbeddedMongo

        self.home.create()
        return EmbeddedMongo(self.home.mongo, self.home.run, self.home.logs)


@contextmanager
def outside(home: Home, config: "Config") -> Iterator[Outside]:
    """The ports of a home, closed at the end."""
    ports = Outside(home, config)
    try:
        yield ports
    finally:
        ports.close()


def csv_feed(folder: Path, instruments: Sequence[str] | None = None) -> "CsvFeed":
    """A folder of price files."""
    from sysproduction.adapters.csv_feed import CsvFeed

    return CsvFeed(folder, instruments)


def signals() -> "Signals":
    """A queue of the signals that this process receives."""
    from sysproduction.adapters.programs import Signals

    return Signals()


def children(home: Home, received: "Signals") -> "LocalPrograms":
    """Programs forked from the template."""
    from sysproduction.adapters.programs import LocalPrograms

    return LocalPrograms(
        entry="sysproduction.ops.main:main",
        preload=_PRELOAD,
        log_path=home.logs / "template.log",
        signals=received,
    )
