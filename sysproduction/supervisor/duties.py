"""What the supervisor does by machine time, beside its steps: sampling its children, delivering messages and watching
the clock."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import schedule

from sysproduction.domain.alerts import Alert
from sysproduction.ports import Clock, Notifier
from sysproduction.supervisor.supervise import Supervisor

_LIMITS_SECONDS: Final = 5
_SET_SECONDS: Final = 0.5
"""A clock that goes wrong by so much from one look to the next was set, or the machine slept."""

_STEADY_SECONDS: Final = 60.0

Plan = Callable[[], schedule.Scheduler]


def machine_duties(supervisor: Supervisor, notifier: Notifier, clock: Clock) -> Callable[[], None]:
    """The duties, done by calling the answer now and then; `clock` is the machine's own."""
    watch = ClockWatch(clock, notifier)

    def plan() -> schedule.Scheduler:
        duties = schedule.Scheduler()
        duties.every(_LIMITS_SECONDS).seconds.do(supervisor.enforce_limits)
        duties.every(1).seconds.do(supervisor.look_for_hangs)
        duties.every(1).seconds.do(notifier.flush, 0.0)
        duties.every(1).seconds.do(watch.look)
        return duties

    return Steady(plan).run_pending


class Steady:
    """A plan that goes by the local wall clock, as those of `schedule` do, and is made anew when that clock goes back,
    as it does every autumn: else nothing would be due until the old time had come again."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._planned = plan()

    def run_pending(self) -> None:
        """Do what is due."""
        idle = self._planned.idle_seconds
        if idle is not None and idle > _LIMITS_SECONDS:
            self._planned = self._plan()
        self._planned.run_pending()


class ClockWatch:
    """Tells once that the machine's clock was set, and once that it has been steady again."""

    def __init__(self, clock: Clock, notifier: Notifier) -> None:
        self._clock, self._notifier = clock, notifier
        self._at: tuple[datetime, float] = clock.now(), clock.monotonic()
        self._set_at: float | None = None

    def look(self) -> None:
        """Compare what has passed on the wall with what has passed on the machine since the last look."""
        (then, begun), (now, at) = self._at, (self._clock.now(), self._clock.monotonic())
        self._at = now, at
        moved = (now - then).total_seconds() - (at - begun)
        if abs(moved) >= _SET_SECONDS:
            self._set_at = at
            text = (
                f"from {then:%Y-%m-%d %H:%M:%S} UTC it went to {now:%Y-%m-%d %H:%M:%S} UTC in {at - begun:.1f} s: "
                "windows and days go by the new time, time-outs and delays by what has really passed; "
                "check the time synchronisation"
            )
            self._notifier.alert(Alert("clock", f"the machine's clock was set by {moved:+.1f} s", text))
        elif self._set_at is not None and at - self._set_at > _STEADY_SECONDS:
            self._set_at = None
            self._notifier.recover("clock", "the machine's clock has been steady for a minute")
