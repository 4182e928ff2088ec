"""The composition root: from a validated configuration to live ports; each vendor is imported when it is needed."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeGuard

from sysproduction.config.home import Home
from sysproduction.domain.backups import BackupPolicy
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.report_policies import Channel
from sysproduction.ports import (
    Clock,
    Courier,
    DocumentDumps,
    Documents,
    Feed,
    Folders,
    Notifier,
    PacedClock,
    Series,
    World,
)
from sysproduction.wiring import hosting
from sysproduction.wiring.empty_stores import empty_stores
from sysproduction.wiring.upkeep import housekeeping, mongodump_program, off_site

if TYPE_CHECKING:
    from sysproduction.adapters.clocks import SimulatedClock
    from sysproduction.adapters.csv_feed import CsvFeed
    from sysproduction.adapters.embedded_mongo import EmbeddedMongo
    from sysproduction.adapters.mongo import MongoDocuments
    from sysproduction.adapters.simulated_broker import SimulatedBroker
    from sysproduction.config.loading import Config
    from sysproduction.config.settings import ClockSettings, FeedSettings, NotifySettings
    from sysproduction.domain.broker import Account
    from sysproduction.domain.histories import MarketData
    from sysproduction.ports import Broker, Served
    from sysproduction.stores.leases import Leases

FAR: Final = timedelta(days=3650)
"""Beyond any deadline."""

_ANSWER_SECONDS: Final = 10.0
"""How long a document store may take to answer; twice that must be less than the usual `silence_seconds`."""

_HURRIED_SECONDS: Final = 0.8
"""The same for the supervisor, whose loop feeds a watchdog."""


def market_clock(home: Home, settings: "ClockSettings") -> Clock:
    """Real time, unless the home has a market clock of its own: one that `up --replay-from` set, or that the
    configuration starts (it stands still until a supervisor, or a process run by hand, makes it go)."""
    from sysproduction.adapters.clocks import ScaledClock, SystemClock

    if clock_path(home).exists():
        return ScaledClock(clock_path(home))
    return SystemClock() if settings.start is None else replay_clock(home, settings.start)


def clock_path(home: Home) -> Path:
    """Where a home keeps a market clock of its own."""
    return home.run / "clock"


def replay_clock(home: Home, start: datetime) -> PacedClock:
    """Give the home a market clock that begins at `start`, or take up the one it has."""
    from sysproduction.adapters.clocks import ScaledClock

    home.create()
    return ScaledClock.create(clock_path(home), start)


def is_paced(clock: Clock) -> "TypeGuard[PacedClock]":
    """Whether somebody has to keep this clock going."""
    from sysproduction.adapters.clocks import ScaledClock

    return isinstance(clock, ScaledClock)


def keep_going(clock: Clock, home: Home, settings: "ClockSettings") -> None:
    """Let a home's own market clock run on while no supervisor sees to it."""
    if is_paced(clock) and not hosting.supervisor_runs(home):
        clock.run_at(settings.speed, clock.now() + FAR)


def machine_clock() -> Clock:
    """Real time, whatever the home's market clock says."""
    from sysproduction.adapters.clocks import SystemClock

    return SystemClock()


def simulated_ground(start: datetime) -> "tuple[SimulatedClock, Documents]":
    """What a simulation stands on: a clock that jumps, and an empty store in memory."""
    from sysproduction.adapters.clocks import SimulatedClock
    from sysproduction.adapters.memory_documents import MemoryDocuments

    return SimulatedClock(start), MemoryDocuments()


def simulated_trading(start: datetime) -> "tuple[SimulatedClock, Documents, type[SimulatedBroker]]":
    """What a simulated trading day stands on: as above, with the broker that works in this process."""
    from sysproduction.adapters.clocks import SimulatedClock
    from sysproduction.adapters.memory_documents import MemoryDocuments
    from sysproduction.adapters.simulated_broker import SimulatedBroker

    return SimulatedClock(start), MemoryDocuments(copies=False), SimulatedBroker


def simulated_series(start: datetime) -> Series:
    """An empty store of series in memory."""
    from sysproduction.adapters.memory_series import MemorySeries

    return MemorySeries(lambda: start)


def incident_notifier(channel: Notifier, documents: Documents, clock: Clock) -> Notifier:
    """Tells the channel once per incident, as the store of incidents says."""
    from sysproduction.adapters.notifiers import Notifiers
    from sysproduction.stores.incidents import Incidents

    return Notifiers([channel], incidents=Incidents(documents), clock=clock)


@dataclass
class Outside:
    """The ports of one home, each made at its first use; `close` lets go of them in reverse order."""

    home: Home
    config: "Config"
    _closing: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def clock(self) -> Clock:
        """The home's market clock."""
        return market_clock(self.home, self.config.settings.clock)

    @property
    def documents(self) -> Documents:
        """MongoDB, the embedded server started if need be."""
        return self._mongo

    def hurry(self, *, meanwhile: Callable[[], None]) -> None:
        """From now on never wait long for the document store, and do `meanwhile` before each question to it."""
        self._mongo.hurry(_HURRIED_SECONDS, meanwhile)

    @cached_property
    def _mongo(self) -> "MongoDocuments":
        from sysproduction.adapters.mongo import MongoDocuments

        uri = self._mongo_uri()
        documents = MongoDocuments(uri, self.config.settings.mongo_database, answer_seconds=_ANSWER_SECONDS)
        self._closing.callback(documents.close)
        return documents

    @cached_property
    def dumps(self) -> DocumentDumps:
        """Copies of MongoDB's documents."""
        from sysproduction.adapters.mongo_dumps import MongoDumps

        return MongoDumps(
            self._mongo, mongodump_program(self.config.settings.backups, embedded=self.uses_embedded_mongo)
        )

    @property
    def backups(self) -> BackupPolicy:
        """Where backups go, and how many are kept."""
        settings = self.config.settings.backups
        off_site = settings.off_site
        return BackupPolicy(settings.folder or self.home.backups, self.home.path, settings.keep, off_site)

    @cached_property
    def leases(self) -> "Leases":
        """Writers' leases, held by this process."""
        from sysproduction.stores.leases import Leases

        machine = machine_clock()
        return Leases(
            self.documents,
            hosting.myself(),
            hosting.alive,
            now=machine.now,
            monotonic=machine.monotonic,
            sleep=machine.sleep,
        )

    def turn(self, instrument: str) -> AbstractContextManager[object]:
        """To be the only one, among all programs, that works on the prices of an instrument."""
        return self.leases.hold(f"turn/{instrument}")

    @cached_property
    def series(self) -> Series:
        """ArcticDB."""
        from sysproduction.adapters.arctic import ArcticSeries

        configured = self.config.settings.arctic
        address = f"lmdb://{self.home.arctic}" if isinstance(configured, str) else configured.reveal()
        series = ArcticSeries(address, self.leases)
        self._closing.callback(series.close)
        return series

    @cached_property
    def feed(self) -> Feed:
        """The configured source of market data."""
        settings = self.config.settings.feed
        if settings.folder is not None and settings.kind == "csv":
            return csv_feed(settings.folder, settings.instruments)
        from sysproduction.adapters.synthetic_feed import SyntheticFeed

        return SyntheticFeed(seed=settings.seed, instruments=settings.instruments)

    @cached_property
    def notifier(self) -> Notifier:
        """The log, and Slack if it is configured; one incident speaks once, whichever process meets it."""
        from sysproduction.adapters.log_notifier import LogNotifier
        from sysproduction.adapters.notifiers import Notifiers
        from sysproduction.stores.incidents import Incidents

        channels: list[Notifier] = [LogNotifier(logging.getLogger("sysproduction.alerts"))]
        slack = self.config.settings.notify.slack
        if slack.token is not None and slack.channel is not None:
            from sysproduction.adapters.slack_notifier import SlackNotifier

            channels.append(SlackNotifier(slack.token.reveal(), slack.channel, base_url=slack.url))
        return Notifiers(channels, incidents=Incidents(self.documents), clock=self.clock)

    @cached_property
    def broker(self) -> "Broker | None":
        """Who trades our orders."""
        if self.config.settings.broker.kind == "none":
            return None
        from sysproduction.adapters.paper_exchange import PaperExchange

        broker = PaperExchange(self.home.paper_socket)
        self._closing.callback(broker.close)
        return broker

    @cached_property
    def paper_exchange(self) -> "Served":
        """The paper exchange of this home, run by this process."""
        from sysproduction.wiring.paper import opened_exchange

        exchange = opened_exchange(self.home, self.config.settings.paper.rules(), self.feed, self.clock)
        self._closing.callback(exchange.close)
        return exchange

    def account(self) -> "Account":
        """What the account is worth now: the broker's word, or without one an account in the store that never
        changes."""
        if self.broker is not None:
            return self.broker.account()
        from sysproduction.stores.paper_account import PaperAccount

        paper = self.config.settings.paper
        return PaperAccount(self.documents, paper.value, paper.currency, self.clock.now).account()

    @cached_property
    def folders(self) -> Folders:
        """What strategies leave behind: a folder for each of their decisions."""
        from sysproduction.adapters.disk_folders import DiskFolders

        return DiskFolders(self.home.strategies)

    @cached_property
    def report_folders(self) -> Folders:
        """Where reports are kept."""
        from sysproduction.adapters.disk_folders import DiskFolders

        return DiskFolders(self.home.reports)

    def world(self) -> World:
        """Everything that the methods of a process may use."""
        prices = self.config.settings.prices
        return World(
            clock=self.clock,
            documents=self.documents,
            series=self.series,
            feed=self.feed,
            notifier=self.notifier,
            folders=self.folders,
            account=self.account,
            max_price_spike=prices.max_spike,
            stale_after_days=prices.stale_after_days,
            rolls=self.config.settings.rolls.policies(),
            capital=self.config.settings.capital.policy(),
            strategies=self.config.settings.strategy_values(),
            turn=self.turn,
            rules=self.config.settings.risk.rules(),
            usual=self.config.settings.risk.usual_limits(),
            broker=self.broker,
            hours=self.config.settings.trading_hours.hours(),
            exchange=lambda: self.paper_exchange,
            run_folder=self.home.run,
            specs=self.config.processes,
            alive=hosting.alive,
            reports=self.config.settings.reports.policies(),
            report_folders=self.report_folders,
            courier=lambda channel: courier(self.config.settings.notify, channel),
            dumps=self.dumps,
            backups=self.backups,
            off_site=off_site(self.config.settings.backups),
            empty_stores=lambda: empty_stores(self.home),
            housekeeping=housekeeping(self.home, self.config.settings.cleaners),
        )

    def close(self) -> None:
        """Let go of everything that was opened."""
        self._closing.close()

    def _mongo_uri(self) -> str:
        configured = self.config.settings.mongo
        if not isinstance(configured, str):
            return configured.reveal()
        embedded = self.embedded_mongo
        self._closing.callback(embedded.release)
        return embedded.acquire()

    @property
    def uses_embedded_mongo(self) -> bool:
        """Whether the database server is ours to start."""
        return isinstance(self.config.settings.mongo, str)

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


def courier(settings: "NotifySettings", channel: Channel) -> Courier:
    """Who delivers reports on this channel; ConfigError if it is not set up."""
    if channel is Channel.EMAIL:
        from sysproduction.adapters.mail_courier import MailCourier, MailServer

        mail = settings.email
        if mail.host is None or mail.sender is None:
            raise ConfigError("reports.deliver names email, but notify.email.host is null: set it and who gets mail")
        password = mail.password.reveal() if mail.password else None
        return MailCourier(MailServer(mail.host, mail.port, mail.security, mail.user, password), mail.sender, mail.to)
    from sysproduction.adapters.slack_courier import SlackCourier

    slack = settings.slack
    if slack.token is None or slack.channel is None:
        raise ConfigError("reports.deliver names slack, but notify.slack.token is null: set token and channel")
    return SlackCourier(slack.token.reveal(), slack.channel, base_url=slack.url)


def feed_codes(settings: "FeedSettings") -> list[str] | None:
    """Codes of all instruments that a feed has; None if its folder cannot be read."""
    if settings.kind == "csv":
        from sysproduction.adapters.csv_feed import recorded_codes

        try:
            return None if settings.folder is None else recorded_codes(settings.folder)
        except ConfigError:
            return None
    from sysproduction.adapters.synthetic_markets import MARKETS

    return sorted(market.code for market in MARKETS)


def csv_feed(folder: Path, instruments: Sequence[str] | None = None) -> "CsvFeed":
    """A folder of price files."""
    from sysproduction.adapters.csv_feed import CsvFeed

    return CsvFeed(folder, instruments)


def csv_market(
    folder: Path, codes: Sequence[str], base_currency: str, progress: Callable[[str, int, int], None]
) -> "MarketData":
    """Whole histories from a folder of price files."""
    from sysproduction.adapters.csv_market import csv_market as read

    return read(folder, codes, base_currency, progress=progress)
