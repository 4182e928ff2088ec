"""What cleaners may remove, and how old it has to be."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Litter(StrEnum):
    """Kinds of files that pile up: state folders of strategies' decisions, what processes of crontab wrote, rotated
    logs, and what a crash left half-written."""

    BACKTESTS = "backtests"
    ECHO = "echo"
    LOGS = "logs"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class CleaningPolicy:
    """Days after which things in the `home` are old."""

    home: Path
    backtest_days: int = 30
    echo_days: int = 30
    log_days: int = 30
    history_days: int = 730
    temporary_days: int = 2

    def days(self, kind: Litter) -> int:
        """After how many days a file of this kind is old."""
        return {
            Litter.BACKTESTS: self.backtest_days,
            Litter.ECHO: self.echo_days,
            Litter.LOGS: self.log_days,
            Litter.TEMPORARY: self.temporary_days,
        }[kind]
