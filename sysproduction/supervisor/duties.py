"""What the supervisor does by machine time, beside its steps: sampling its children and delivering messages."""

import schedule

from sysproduction.ports import Notifier
from sysproduction.supervisor.supervise import Supervisor


def machine_duties(supervisor: Supervisor, notifier: Notifier) -> schedule.Scheduler:
    """The duties, run by calling `run_pending` now and then."""
    duties = schedule.Scheduler()
    duties.every(5).seconds.do(supervisor.enforce_limits)
    duties.every(1).seconds.do(supervisor.look_for_hangs)
    duties.every(1).seconds.do(notifier.flush, 0.0)
    return duties
