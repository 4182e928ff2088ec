"""SIGKILL at random moments to whatever takes part in trading: nothing is lost, nothing is traded twice."""

from pathlib import Path

import pytest

from tests.commands import configure
from tests.killed_trading import SETTINGS, TARGETS, killed


@pytest.fixture
def trading_home(own: Path, recorded: Path) -> Path:
    """The imported home, which only trades."""
    configure(own, SETTINGS.replace("FOLDER", str(recorded)))
    return own


def test_twenty_kills_lose_and_double_nothing(trading_home: Path) -> None:
    """Stack handler, paper exchange, supervisor and database; afterwards ledger = exchange and positions = folds."""
    trading = killed(trading_home, 20, seed=1)
    assert trading.killed.total() == 20
    assert len(trading.decided) >= 20


@pytest.mark.soak
def test_three_hundred_kills_lose_and_double_nothing(trading_home: Path) -> None:
    """The same for longer; each of the four is hit often."""
    trading = killed(trading_home, 300, seed=2)
    assert all(trading.killed[name] >= 30 for name in TARGETS)
