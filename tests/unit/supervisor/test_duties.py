"""What the supervisor does beside its steps, whatever is done to the clocks."""

from datetime import UTC, datetime, timedelta

import schedule

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.supervisor.duties import ClockWatch, Steady
from tests.fakes import RecordingNotifier

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)


def test_a_plan_goes_on_after_the_clock_went_back() -> None:
    """An hour back, as each autumn: what is due every second does not wait for the hour to pass."""
    done: list[str] = []

    def plan() -> schedule.Scheduler:
        duties = schedule.Scheduler()
        duties.every(1).seconds.do(done.append, "look")
        return duties

    steady = Steady(plan)
    hour = timedelta(hours=1)
    for job in steady._planned.jobs:
        assert job.next_run is not None
        job.next_run += hour  # as it looks from the new time
    steady.run_pending()
    assert steady._planned.idle_seconds is not None
    assert steady._planned.idle_seconds < 2
    for job in steady._planned.jobs:
        assert job.next_run is not None
        job.next_run -= timedelta(seconds=2)
    steady.run_pending()
    assert done == ["look"]


def test_a_set_clock_is_told_once_and_recovers() -> None:
    """A second, an hour and a day, back or forth: one alert, and after a quiet minute one recovery."""
    for moved in (-1, 3600, -3600, 86400, -86400):
        clock, notifier = SimulatedClock(NOON), RecordingNotifier()
        watch = ClockWatch(clock, notifier)
        for second in range(200):
            if second == 5:
                clock.shift(moved)
            clock.sleep(1.0)
            watch.look()
        assert notifier.told == [("alert", "clock"), ("recovery", "clock")]


def test_a_clock_that_is_slewed_is_not_set() -> None:
    """Half a millisecond a second, as time synchronisation does it, is nothing to tell."""
    clock, notifier = SimulatedClock(NOON), RecordingNotifier()
    watch = ClockWatch(clock, notifier)
    for _ in range(2000):
        clock.shift(0.0005)
        clock.sleep(1.0)
        watch.look()
    assert notifier.told == []
