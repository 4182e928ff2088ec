"""Windows that opened, or passed, while no supervisor was there: run late, skip, or skip and alert."""

from datetime import date, timedelta

import pytest

from sysproduction.domain.processes import Missed, RunOutcome
from tests.supervised import MONDAY, NOON, Platform, spec

LATE = NOON + timedelta(minutes=35)


@pytest.mark.parametrize(
    ("rule", "outcomes", "told"),
    [
        (Missed.RUN, [RunOutcome.SUCCEEDED], 0),
        (Missed.SKIP, [RunOutcome.SKIPPED], 0),
        (Missed.ALERT, [RunOutcome.SKIPPED], 1),
    ],
)
def test_a_missed_start_follows_its_rule(rule: Missed, outcomes: list[RunOutcome], told: int) -> None:
    """One record either way, and an alert only where it is asked for."""
    platform = Platform(spec("run", missed=rule), start=LATE).go(30)
    assert platform.outcomes("run") == outcomes
    assert len(platform.notifier.keys_told()) == told
    if rule is not Missed.RUN:
        assert platform.reasons("run") == ["nothing was there to start it at 2024-01-15 12:00 UTC"]


def test_a_skipped_process_runs_when_the_operator_says_start() -> None:
    """`start` overrules the rule, and the alert about it recovers."""
    platform = Platform(spec("run", missed=Missed.ALERT), start=LATE).go(5)
    platform.states.ask_again("run")
    platform.go(10)
    assert platform.outcomes("run") == [RunOutcome.SKIPPED, RunOutcome.SUCCEEDED]
    assert len(platform.notifier.keys_told("recovery")) == 1


def test_a_start_in_time_is_no_missed_start() -> None:
    """A few minutes late is in time; so is a wait for another process, over a restart of the supervisor too."""
    platform = Platform(spec("run", missed=Missed.SKIP), start=NOON + timedelta(minutes=4)).go(5)
    assert platform.outcomes("run") == [RunOutcome.SUCCEEDED]
    platform = Platform(
        spec("first", start="13:00", missed=Missed.SKIP), spec("then", missed=Missed.SKIP, previous_process="first")
    ).go(60)
    platform.new_supervisor()
    platform.go(3660, pace=5)
    assert platform.outcomes("then") == [RunOutcome.SUCCEEDED]


def test_a_window_that_passed_unseen_is_told() -> None:
    """A supervisor that comes back after the window has closed records the day as skipped, once."""
    platform = Platform(spec("run")).go(30)
    platform.clock.sleep(24 * 3600 + 9 * 3600)
    platform.new_supervisor()
    platform.go(5)
    platform.new_supervisor()
    platform.go(5)
    assert platform.outcomes("run") == [RunOutcome.SUCCEEDED, RunOutcome.SKIPPED]
    assert platform.states.state("run").outcome_of(date(2024, 1, 16)) is RunOutcome.SKIPPED
    assert len(platform.notifier.told) == 1


def test_a_process_that_was_never_supervised_has_missed_nothing() -> None:
    """In a new home, yesterday is nobody's fault."""
    platform = Platform(spec("run"), start=NOON - timedelta(hours=2)).go(5)
    assert platform.outcomes("run") == []
    assert platform.states.state("run").outcome_of(MONDAY) is None
    assert platform.notifier.told == []
