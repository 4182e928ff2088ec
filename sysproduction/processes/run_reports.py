"""The evening's reports, each a method of its own, so that one that fails keeps none of the others."""

from datetime import datetime, timedelta
from typing import Final

from sysproduction.control.report_desk import ReportDesk, Sources, desk_of
from sysproduction.control.reporting import REPORTS
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.reports.delivering import Dispatch
from sysproduction.reports.publishing import folder_of, keep
from sysproduction.stores.undelivered import Undelivered

__all__ = [  # noqa: RUF022 (the order in which they run)
    "costs_report",
    "liquidity_report",
    "status_report",
    "roll_report",
    "daily_pandl_report",
    "reconcile_report",
    "trade_report",
    "risk_report",
    "instrument_risk_report",
    "minimum_capital_report",
    "slippage_report",
    "market_monitor_report",
    "account_curve_report",
    "strategy_report",
]

_SAME_DESK: Final = timedelta(minutes=30)
"""Reports that are made within so much market time are of one moment, and read what they share once."""

_desks: list[tuple[World, ReportDesk]] = []
"""The desk of the world that this process has."""


def sources_of(world: World) -> Sources:
    """What reports are made from."""
    return Sources(
        documents=world.documents,
        series=world.series,
        folders=world.folders,
        broker=world.broker,
        specs=world.specs,
        alive=world.alive,
        strategies=world.strategies,
        base_currency=world.capital.base_currency,
        stale_after_days=world.stale_after_days,
        run_folder=world.run_folder,
    )


def _desk(world: World) -> ReportDesk:
    now = world.clock.now()
    for known, desk in _desks:
        if known is world and _is_recent(desk.now, now):
            return desk
    _desks[:] = [(world, desk_of(sources_of(world), now))]
    return _desks[0][1]


def _is_recent(made: datetime, now: datetime) -> bool:
    return made.date() == now.date() and now - made < _SAME_DESK


def _published(world: World, name: str) -> MethodResult:
    """Make a report, write its files and deliver them; what it lacks, it says itself."""
    if world.report_folders is None:
        raise ConfigError("run_reports has no folder to write to")
    policy = world.reports.of(name)
    report = REPORTS[name].make(_desk(world))
    files = keep(world.report_folders, report, policy)
    if policy.deliver and world.courier is not None:
        dispatch = Dispatch(world.report_folders, Undelivered(world.documents), world.courier, world.notifier)
        dispatch.send(folder_of(report), policy.deliver)
    return MethodResult(rows_written=len(files), items=1)


def costs_report(world: World) -> MethodResult:
    """What a trade costs."""
    return _published(world, "costs_report")


def liquidity_report(world: World) -> MethodResult:
    """How much is traded."""
    return _published(world, "liquidity_report")


def status_report(world: World) -> MethodResult:
    """How the machine stands."""
    return _published(world, "status_report")


def roll_report(world: World) -> MethodResult:
    """What rolls next."""
    return _published(world, "roll_report")


def daily_pandl_report(world: World) -> MethodResult:
    """The day's profit and loss."""
    return _published(world, "daily_pandl_report")


def reconcile_report(world: World) -> MethodResult:
    """Whether all books agree."""
    return _published(world, "reconcile_report")


def trade_report(world: World) -> MethodResult:
    """What was traded, and what that cost."""
    return _published(world, "trade_report")


def risk_report(world: World) -> MethodResult:
    """What positions may lose."""
    return _published(world, "risk_report")


def instrument_risk_report(world: World) -> MethodResult:
    """What a contract of each instrument may lose."""
    return _published(world, "instrument_risk_report")


def minimum_capital_report(world: World) -> MethodResult:
    """What capital whole contracts take."""
    return _published(world, "minimum_capital_report")


def slippage_report(world: World) -> MethodResult:
    """Spreads as configured, traded and sampled."""
    return _published(world, "slippage_report")


def market_monitor_report(world: World) -> MethodResult:
    """How far markets moved."""
    return _published(world, "market_monitor_report")


def account_curve_report(world: World) -> MethodResult:
    """What all futures have made."""
    return _published(world, "account_curve_report")


def strategy_report(world: World) -> MethodResult:
    """What each strategy decided."""
    return _published(world, "strategy_report")
