"""Recorded markets through orders: rolls included, the books agree every evening."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.adapters.csv_feed import CsvFeed
from tests.recorded_folder import write_folder
from tests.simulation.replay import Replay


def test_a_month_with_a_roll_ends_without_a_break(tmp_path: Path) -> None:
    """Two instruments, one of which rolls; every evening ledger = exchange and positions = targets."""
    feed = CsvFeed(write_folder(tmp_path / "prices"))
    replay = Replay(feed, ("BUND", "WHEAT"), tmp_path / "run", datetime(2023, 2, 1, 19, tzinfo=UTC))
    replay.play(datetime(2023, 3, 3, tzinfo=UTC))
    replay.assert_no_breaks()
    assert replay.days >= 20
    assert replay.rolled["WHEAT"] == 1
    assert len(replay.ledger.since(0)) >= 20


@pytest.mark.soak
def test_a_year_of_recorded_markets_ends_without_a_break(shared: Path, tmp_path: Path) -> None:
    """Five instruments of the shared folder, with all their rolls."""
    codes = ("CORN", "EUROSTX", "GOLD_micro", "SP500_micro", "US10")
    feed = CsvFeed(shared / "data", codes)
    replay = Replay(feed, codes, tmp_path, datetime(2022, 8, 29, 19, tzinfo=UTC))
    replay.play(datetime(2023, 8, 30, tzinfo=UTC))
    replay.assert_no_breaks()
    assert replay.days >= 240
    assert all(replay.rolled[code] >= 1 for code in codes)
    assert len(replay.ledger.since(0)) >= 500
