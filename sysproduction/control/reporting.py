"""The reports by name: which facts each is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Final

from sysproduction.control.report_desk import ReportDesk
from sysproduction.control.report_markets import best_volumes, roll_facts
from sysproduction.control.report_money import day_facts, filled_orders
from sysproduction.control.report_state import reconcile_facts, status_facts
from sysproduction.control.report_strategies import (
    curve_facts,
    decided_facts,
    held_facts,
    portfolios,
    slippage_of,
    whole_positions,
)
from sysproduction.domain.errors import ConfigError
from sysproduction.reports.account_curve import account_curve_report
from sysproduction.reports.costs import costs_report
from sysproduction.reports.daily_pnl import daily_pandl_report
from sysproduction.reports.instrument_risk import instrument_risk_report
from sysproduction.reports.liquidity import liquidity_report
from sysproduction.reports.market_monitor import market_monitor_report
from sysproduction.reports.minimum_capital import minimum_capital_report
from sysproduction.reports.reconciling import reconcile_report
from sysproduction.reports.report import Report
from sysproduction.reports.risk import risk_report
from sysproduction.reports.rolling import roll_report
from sysproduction.reports.status import status_report
from sysproduction.reports.strategy import strategy_report
from sysproduction.reports.trades import trade_report

SUFFIX: Final = "_report"
TRADE_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Edition:
    """One report: what it is about, and how it is made."""

    about: str
    make: Callable[[ReportDesk], Report]


def _rolls(desk: ReportDesk) -> Report:
    facts, missing = roll_facts(desk)
    return roll_report(facts, missing, desk.now)


def _trades(desk: ReportDesk) -> Report:
    since = desk.midnight - timedelta(days=TRADE_DAYS - 1)
    return trade_report(filled_orders(desk, since), since, desk.now)


def _instrument_risk(desk: ReportDesk) -> Report:
    return instrument_risk_report(desk.markets, whole_positions(desk), held_facts(desk).capital, desk.now)


def _minimum_capital(desk: ReportDesk) -> Report:
    found, missing = portfolios(desk)
    return minimum_capital_report(desk.markets, found, missing, desk.now)


REPORTS: Final[Mapping[str, Edition]] = {
    "costs_report": Edition("what a trade costs, next to volatility", lambda d: costs_report(d.markets, d.now)),
    "liquidity_report": Edition(
        "contracts and risk that are traded a day", lambda d: liquidity_report(d.markets, best_volumes(d), d.now)
    ),
    "status_report": Edition("processes, and what restrains trading", lambda d: status_report(status_facts(d), d.now)),
    "roll_report": Edition("what rolls next", _rolls),
    "daily_pandl_report": Edition("profit and loss of the day", lambda d: daily_pandl_report(day_facts(d), d.now)),
    "reconcile_report": Edition(
        "strategies, stack, ledger and broker compared", lambda d: reconcile_report(reconcile_facts(d), d.now)
    ),
    "trade_report": Edition("trades of the last seven days, their delays and slippage", _trades),
    "risk_report": Edition("what positions may lose", lambda d: risk_report(d.markets, held_facts(d), d.now)),
    "instrument_risk_report": Edition("what a contract of each instrument may lose", _instrument_risk),
    "minimum_capital_report": Edition("capital that whole contracts take", _minimum_capital),
    "slippage_report": Edition("configured spreads against those of trades and samples", slippage_of),
    "market_monitor_report": Edition("how far markets moved", lambda d: market_monitor_report(d.markets, d.now)),
    "account_curve_report": Edition(
        "curve and statistics of all futures", lambda d: account_curve_report(curve_facts(d), d.now)
    ),
    "strategy_report": Edition(
        "what each strategy decided, and why", lambda d: strategy_report(decided_facts(d), d.now)
    ),
}
"""In the order in which they are made."""


def named(name: str) -> str:
    """The report of this name, with or without its ending; ConfigError with the nearest one."""
    for candidate in (name, name + SUFFIX):
        if candidate in REPORTS:
            return candidate
    close = get_close_matches(name, [*REPORTS, *(one.removesuffix(SUFFIX) for one in REPORTS)], n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(REPORTS)}"
    raise ConfigError(f"no report is named {name}: {hint}")
