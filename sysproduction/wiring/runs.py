"""Where runs on bars are recorded, and read from."""

from typing import TYPE_CHECKING

from sysproduction.config.home import Home
from sysproduction.ports import Journal

if TYPE_CHECKING:
    from sysproduction.adapters.run_reader import RunRecord as RunRecord
    from sysproduction.adapters.run_reader import Runs as Runs


def run_journal(home: Home) -> Journal:
    """What records a run in the home, which is made if it is not there."""
    from sysproduction.adapters.run_database import RunDatabase

    home.create()
    return RunDatabase(home.runs_database)


def recorded_runs(home: Home) -> "Runs":
    """The runs that a home has."""
    from sysproduction.adapters.run_reader import Runs

    return Runs(home.runs_database)
