"""Settings: where data comes from and goes to, who is told, and how time runs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from sysproduction.config import words
from sysproduction.config.broker_settings import BrokerSettings, HoursSettings, PaperSettings
from sysproduction.config.fields import (
    Arctic,
    Codes,
    Contracts,
    Count,
    Currency,
    Days,
    Fraction,
    Hidden,
    Mongo,
    Seconds,
    SomeCodes,
    Speed,
    Strict,
    Text,
    Zone,
)
from sysproduction.config.problems import Unfit
from sysproduction.config.report_settings import EmailSettings, ReportSettings
from sysproduction.domain.capital import AllocationPolicy, CapitalPolicy, Compounding
from sysproduction.domain.cleaning import CleaningPolicy
from sysproduction.domain.gate_facts import GateRules, UsualLimits
from sysproduction.domain.report_policies import Channel
from sysproduction.domain.roll_policies import RollPolicies, RollPolicy
from sysproduction.domain.roll_rules import RollRule, RollThresholds
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.strategies import Strategies, Strategy, TradingLists

SECRETS = (
    ("mongo",),
    ("arctic",),
    ("notify", "slack", "token"),
    ("notify", "email", "password"),
    ("notify", "dead_man", "url"),
)
"""Keys whose values are never shown."""


class FeedSettings(Strict):
    """Where market data comes from. `folder` is absolute and exists if the kind is csv; `instruments` None is all
    that the feed has."""

    kind: Literal["csv", "synthetic"] = Field(description="csv or synthetic")
    folder: Annotated[Path | None, PlainValidator(words.folder)] = Field(default=None, description="a folder")
    seed: int = Field(default=0, ge=0, lt=2**32, description="a whole number from 0 to 4294967295")
    instruments: SomeCodes = Field(
        default=None, description="a list of instrument codes such as [CORN, SP500_micro], or null for all"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "csv":
            self._check_folder()
        return self

    def _check_folder(self) -> None:
        if self.folder is None:
            raise Unfit("kind csv needs the folder of the prices: set feed.folder", at=["folder", "kind"])
        try:
            there = self.folder.is_dir()
        except OSError:
            there = False
        if not there:
            raise Unfit("there is no such folder (kind csv reads it)", at=["folder"])


class PriceSettings(Strict):
    """`max_spike`: a price that moves by more than this many times its usual daily move waits for a human."""

    max_spike: float = Field(gt=0, le=1e6, allow_inf_nan=False, description="a number above 0, at most 1000000")
    stale_after_days: int = Field(ge=1, le=3650, description="a whole number of days from 1 to 3650")


Rule = Annotated[Literal["recorded", "automatic", "manual"], Field(description="recorded, automatic or manual")]
Share = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, description="a number from 0 to 1000000")]
Volume = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description="a number of contracts a day from 0")]
DaysNear = Annotated[int, Field(ge=0, le=365, description="a whole number of days from 0 to 365")]
NearState = Annotated[
    Literal["Force", "Force_Outright", "Close", "Ask"], Field(description="Force, Force_Outright, Close or Ask")
]


class OwnRollSettings(Strict):
    """What differs for one instrument; None: nothing does."""

    rule: Rule | None = None
    relative_volume: Share | None = None
    relative_volume_min: Share | None = None
    absolute_volume: Volume | None = None
    days_near: DaysNear | None = None
    near_state: NearState | None = None


class RollSettings(Strict):
    """Who decides when an instrument rolls, and what the automatic rule goes by; see RollThresholds. `near_state`
    Ask leaves a position that is near its roll to the operator."""

    rule: Rule
    relative_volume: Share
    relative_volume_min: Share
    absolute_volume: Volume
    days_near: DaysNear
    near_state: NearState
    instruments: dict[str, OwnRollSettings] = Field(
        default={}, description="a map from instrument codes to what differs, such as CORN: {rule: automatic}"
    )

    def policies(self) -> RollPolicies:
        """The frozen values."""
        usual = self.model_dump(exclude={"instruments"})
        own = {code: usual | said.model_dump(exclude_none=True) for code, said in self.instruments.items()}
        return RollPolicies(_policy(**usual), {code: _policy(**said) for code, said in own.items()})


def _policy(*, rule: str, near_state: str, **thresholds: Any) -> RollPolicy:
    state = None if near_state == "Ask" else RollState(near_state)
    return RollPolicy(RollRule(rule), RollThresholds(**thresholds, near_state=state))


class AllocationSettings(Strict):
    """See AllocationPolicy."""

    function: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="the dotted path of a function, such as sysproduction.capital.allocation.by_weight",
    )
    arguments: dict[str, Any] = Field(default={}, description="a map of indented keys: the names of arguments")


class CapitalSettings(Strict):
    """See CapitalPolicy."""

    base_currency: Currency
    compounding: Literal["full", "half", "fixed"] = Field(description="full, half or fixed")
    jump_max: float = Field(gt=0, le=10, allow_inf_nan=False, description="a fraction above 0, such as 0.1 for 10 %")
    allocation: AllocationSettings

    def policy(self) -> CapitalPolicy:
        """The frozen value."""
        split = AllocationPolicy(self.allocation.function, self.allocation.arguments)
        return CapitalPolicy(self.base_currency, Compounding(self.compounding), self.jump_max, split)


class RiskSettings(Strict):
    """See GateRules and UsualLimits."""

    size_max: Contracts
    notional_max: float = Field(gt=0, allow_inf_nan=False, description="an amount of money above 0")
    collar: Fraction
    orders_per_minute: Count
    instrument_orders_per_minute: Count
    repeats_max: Count
    repeat_seconds: Seconds
    quote_age_seconds_max: Seconds
    margin_share_max: Fraction
    margin_rate: Fraction
    position_max: Contracts
    trades_per_day_max: Contracts

    def rules(self) -> GateRules:
        """What holds for every order; limits of single instruments are stored."""
        return GateRules(**self.model_dump(exclude={"position_max", "trades_per_day_max"}))

    def usual_limits(self) -> UsualLimits:
        """What holds for instruments without limits of their own."""
        return UsualLimits(self.position_max, self.trades_per_day_max)


class StrategySettings(Strict):
    """See Strategy."""

    system: Text = Field(description="a file, or the name of a shipped system")
    weight: float | None = Field(
        default=None, gt=0, le=1e6, allow_inf_nan=False, description="a number above 0, or null for equal parts"
    )
    order_type: Literal["best", "market"] = Field(default="best", description="best or market")


class TradingSettings(Strict):
    """See TradingLists; and who may trade by hand (control.permission)."""

    reduce_only: Codes = Field(default=(), description="a list of instrument codes such as [CORN], or []")
    no_trade: Codes = Field(default=(), description="a list of instrument codes such as [CORN], or []")
    operators: Codes = Field(default=(), description="a list of names of users such as [ann], or []")


class BackupSettings(Strict):
    """Where backups go (None: the folder `backups` of the home), how many of each kind are kept, and where they are
    copied to besides."""

    folder: Annotated[Path | None, PlainValidator(words.folder)] = Field(default=None, description="a folder")
    keep: int = Field(ge=1, le=10_000, description="a whole number from 1 to 10000")
    off_site: Annotated[str | None, PlainValidator(words.off_site)] = Field(
        default=None, description="USER@HOST:/FOLDER for rsync, s3://BUCKET/FOLDER, file:///FOLDER, or null"
    )
    mongodump: Annotated[Path | None, PlainValidator(words.folder)] = Field(
        default=None, description="the absolute path of the program mongodump, or null"
    )


class CleanerSettings(Strict):
    """See CleaningPolicy."""

    backtest_days: Days
    echo_days: Days
    log_days: Days
    history_days: Days
    temporary_days: Days

    def policy(self, home: Path) -> CleaningPolicy:
        """The frozen value."""
        return CleaningPolicy(home, **self.model_dump())


class SlackSettings(Strict):
    """Messages to Slack: both token and channel, or neither. `url` is the root of Slack's API."""

    token: Hidden = None
    channel: Text | None = Field(default=None, description="a channel in quotes, such as '#trading', or null")
    url: str = Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$", description="an address such as https://slack.com/api/")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.token and not self.channel:
            raise Unfit(
                "a token needs a channel: set notify.slack.channel, with the # in quotes", at=["channel", "token"]
            )
        if self.channel and not self.token:
            raise Unfit("a channel needs a token: set notify.slack.token", at=["token", "channel"])
        return self


class DeadManSettings(Strict):
    """An address that is fetched while all is well, so that somebody elsewhere notices when this host is dead."""

    url: Hidden = None
    every_seconds: float = Field(
        ge=1, le=86_400, allow_inf_nan=False, description="a number of seconds from 1 to 86400"
    )


class NotifySettings(Strict):
    """Who is told, besides the log."""

    slack: SlackSettings
    email: EmailSettings
    dead_man: DeadManSettings


class ClockSettings(Strict):
    """Market time begins at `start` (None: it is real time) and runs `speed` times as fast as machine time,
    `fast_speed` times while nothing works, and `trading_speed` times while nothing but orders do."""

    start: Annotated[datetime | None, PlainValidator(words.moment)] = Field(
        default=None, description="a date such as 2023-08-01, a moment such as 2023-08-01T07:00, or null"
    )
    speed: Speed = Field(default=1.0, description="a number above 0, at most 1000000")
    fast_speed: Speed | None = Field(default=None, description="a number above 0, at most 1000000, or null")
    trading_speed: Speed | None = Field(default=None, description="a number above 0, at most 1000000, or null")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fast_speed is not None and self.fast_speed < self.speed:
            raise Unfit("fast_speed is slower than speed", at=["fast_speed", "speed"])
        if self.trading_speed is not None and self.fast_speed is None:
            raise Unfit("trading_speed needs a fast_speed", at=["trading_speed", "fast_speed"])
        return self

    @property
    def real(self) -> bool:
        """Whether market time is real time."""
        return self.start is None and {self.speed, self.fast_speed, self.trading_speed} <= {None, 1.0}


class Settings(Strict):
    """All settings but the processes. Stores are "embedded" or a Secret address."""

    environment: Literal["demo", "paper", "live"] = Field(description="demo, paper or live")
    timezone: Zone
    mongo: Mongo
    mongo_database: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,60}$", description="a name of at most 60 letters, digits, - and _"
    )
    arctic: Arctic
    feed: FeedSettings
    prices: PriceSettings
    rolls: RollSettings
    capital: CapitalSettings
    risk: RiskSettings
    strategies: dict[str, StrategySettings] = Field(
        default={}, description="a map from names to strategies, such as trend: {system: diversified}"
    )
    trading: TradingSettings
    backups: BackupSettings
    cleaners: CleanerSettings
    reports: ReportSettings
    broker: BrokerSettings
    paper: PaperSettings
    trading_hours: HoursSettings
    notify: NotifySettings
    clock: ClockSettings

    def strategy_values(self) -> Strategies:
        """The frozen values of everything that strategies go by."""
        named = {name: Strategy(name, s.system, s.weight, s.order_type) for name, s in self.strategies.items()}
        return Strategies(named, TradingLists(frozenset(self.trading.reduce_only), frozenset(self.trading.no_trade)))

    @model_validator(mode="after")
    def _check_strategies(self) -> Self:
        for name in self.strategies:
            if not name.isidentifier() or name.startswith("_") or len(name) > 60 or name == "each_strategy":
                raise Unfit(
                    "is not a strategy's name: use letters, digits and _, at most 60, a letter first",
                    at=[f"strategies.{name}"],
                )
        without = [name for name, strategy in self.strategies.items() if strategy.weight is None]
        if without and len(without) < len(self.strategies):
            raise Unfit("give every strategy a weight, or none", at=[f"strategies.{without[0]}"])
        return self

    @model_validator(mode="after")
    def _check_delivery(self) -> Self:
        set_up = {Channel.SLACK: self.notify.slack.token, Channel.EMAIL: self.notify.email.host}
        needed = {Channel.SLACK: "notify.slack.token", Channel.EMAIL: "notify.email.host"}
        for channel, key in self.reports.channels().items():
            if set_up[channel] is None:
                raise Unfit(f"names {channel}, which is not set up: set {needed[channel]}", at=[f"reports.{key}"])
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.environment == "live" and not self.clock.real:
            at = ["environment", "clock.start", "clock.speed", "clock.fast_speed"]
            raise Unfit("environment live runs in real time: clock must be start null, speed 1, fast_speed null", at=at)
        if self.environment == "live" and self.feed.kind == "synthetic":
            raise Unfit("environment live needs real prices: feed.kind is synthetic", at=["environment", "feed.kind"])
        return self
