"""Judging a heartbeat."""

import pytest

from sysproduction.domain.heartbeats import Beat
from sysproduction.supervisor.hang import is_hung

BETWEEN = Beat(number=7, at=100.0, method="", since=100.0, timeout=0.0, pid=1, start_ticks=1)
WITHIN = Beat(number=7, at=100.0, method="update_prices", since=90.0, timeout=30.0, pid=1, start_ticks=1)
ENDLESS = Beat(number=7, at=100.0, method="stream", since=90.0, timeout=0.0, pid=1, start_ticks=1)


@pytest.mark.parametrize(
    ("beat", "now", "hung"),
    [
        (BETWEEN, 100.0, False),
        (BETWEEN, 110.0, False),
        (BETWEEN, 110.1, True),
        (BETWEEN, 99.9, False),
        (WITHIN, 100.0, False),
        (WITHIN, 115.0, False),
        (WITHIN, 120.0, False),
        (WITHIN, 120.1, True),
        (WITHIN, 95.0, False),
        (ENDLESS, 1e6, False),
    ],
)
def test_a_hang_is_told_from_work(beat: Beat, now: float, hung: bool) -> None:
    """Silence counts between methods, the time-out within one; no time-out never passes, stamps of another boot
    say nothing, and a bound that is just reached is not passed."""
    assert (is_hung(beat, now, 10.0) is not None) == hung


def test_the_reason_is_for_a_human() -> None:
    """How long, and what is allowed."""
    assert is_hung(BETWEEN, 112.0, 10.0) == "gave no sign of life for 12.0 s between methods, 10 s are allowed"
    assert is_hung(WITHIN, 125.0, 10.0) == "has been in update_prices for 35.0 s, whose time-out is 30 s"
