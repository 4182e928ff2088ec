"""World: the frozen set of ports that a process is given."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sysproduction.domain.backups import BackupPolicy
from sysproduction.domain.broker import Account
from sysproduction.domain.capital import CapitalPolicy
from sysproduction.domain.gate_facts import GateRules, UsualLimits
from sysproduction.domain.identity import Identity
from sysproduction.domain.market_hours import MarketHours
from sysproduction.domain.processes import ProcessSpec
from sysproduction.domain.report_policies import Channel, ReportPolicies
from sysproduction.domain.roll_policies import RollPolicies
from sysproduction.domain.strategies import Strategies
from sysproduction.ports.broker import Broker, Served
from sysproduction.ports.delivery import Courier
from sysproduction.ports.host import Housekeeping, Notifier
from sysproduction.ports.market import Clock, Feed
from sysproduction.ports.storage import DocumentDumps, Documents, Folders, Series, Stores


def unknown_is_dead(identity: Identity) -> bool:  # noqa: ARG001 (where nothing runs, nothing is alive)
    """Whether a program is alive, where none runs."""
    return False


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that a process may use. Only processes, wiring and ops name it; what they call
    receives the one or two ports that it needs."""

    clock: Clock
    documents: Documents
    series: Series
    feed: Feed
    notifier: Notifier
    folders: Folders
    account: Callable[[], Account]
    """What the account is worth now; raises Unavailable if whoever keeps it cannot be reached."""
    max_price_spike: float = 8.0
    stale_after_days: int = 5
    rolls: RollPolicies = field(default_factory=RollPolicies)
    capital: CapitalPolicy = field(default_factory=CapitalPolicy)
    strategies: Strategies = field(default_factory=Strategies)
    turn: Callable[[str], AbstractContextManager[object]] = nullcontext
    """One program at a time works on the prices of an instrument."""
    broker: Broker | None = None
    rules: GateRules = field(default_factory=GateRules)
    usual: UsualLimits = field(default_factory=UsualLimits)
    hours: MarketHours = field(default_factory=MarketHours)
    exchange: Callable[[], Served] | None = None
    """The paper exchange, to be run in this process; opened at the first call."""
    run_folder: Path | None = None
    """Where running programs of this home meet: the kill switch's file."""
    specs: Sequence[ProcessSpec] = ()
    """The configured processes, and whether a program of one of their runs is alive."""
    alive: Callable[[Identity], bool] = unknown_is_dead
    reports: ReportPolicies = field(default_factory=ReportPolicies)
    report_folders: Folders | None = None
    courier: Callable[[Channel], Courier] | None = None
    """Who delivers reports on a channel; raises ConfigError if that is not set up."""
    dumps: DocumentDumps | None = None
    backups: BackupPolicy | None = None
    off_site: Callable[[Sequence[Path]], int] | None = None
    """Copies complete backups to where the configuration says; how many. None: it says nothing."""
    empty_stores: Callable[[], AbstractContextManager[Stores]] | None = None
    """Empty ones, to try a backup on; gone at the end."""
    housekeeping: Housekeeping | None = None
