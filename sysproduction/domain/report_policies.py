"""As what reports are written, and to whom they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

REPORT_NAMES: Final = (
    *("costs_report", "liquidity_report", "status_report", "roll_report", "daily_pandl_report", "reconcile_report"),
    *("trade_report", "risk_report", "instrument_risk_report", "minimum_capital_report", "slippage_report"),
    *("market_monitor_report", "account_curve_report", "strategy_report"),
)
"""In the order in which they are made."""


class Format(StrEnum):
    """Kinds of files: one offline page, pictures of the figures, a printable document, a table a file, plain text."""

    HTML = "html"
    PNG = "png"
    PDF = "pdf"
    CSV = "csv"
    TXT = "txt"


class Channel(StrEnum):
    """Ways on which reports reach people, besides the folder in which each is kept."""

    SLACK = "slack"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """A report is written in these `formats` and delivered on these channels with its files of the formats `attach`."""

    formats: tuple[Format, ...] = (Format.HTML, Format.CSV)
    deliver: tuple[Channel, ...] = ()
    attach: tuple[Format, ...] = (Format.HTML,)


@dataclass(frozen=True, slots=True)
class ReportPolicies:
    """The usual policy, and those of single reports by name."""

    usual: ReportPolicy = field(default_factory=ReportPolicy)
    single: Mapping[str, ReportPolicy] = field(default_factory=dict)

    def of(self, report: str) -> ReportPolicy:
        """The policy of a report."""
        return self.single.get(report, self.usual)
