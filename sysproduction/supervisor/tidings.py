"""What the supervisor tells a human: one alert per incident, and the word that ends it."""

from dataclasses import dataclass, field, replace
from datetime import date

from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.processes import Missed, ProcessRun, ProcessSpec, RunOutcome
from sysproduction.ports import Notifier
from sysproduction.supervisor.planner import crash_limit_reached
from sysproduction.supervisor.windows import window_of


@dataclass(slots=True)
class Tidings:
    """The supervisor's words; what they are about is its business."""

    notifier: Notifier
    _missed: dict[str, date] = field(default_factory=dict)
    _store_down: bool = False

    def ended(self, run: ProcessRun, spec: ProcessSpec, *, hung: str | None, crash_ages: tuple[float, ...]) -> None:
        """Whatever there is to tell of the end of this run; `hung`: why it was told to end, `crash_ages`: seconds
        since each crash of its process that counts for the limit."""
        match run.outcome:
            case RunOutcome.STOPPED if hung is not None:
                self._crash(replace(run, reason=hung), spec, crash_ages)
            case RunOutcome.CRASHED:
                self._crash(run, spec, crash_ages)
            case RunOutcome.STOPPED if _ended_at_close(run, spec):
                self.missed(run.process, run.day, run.reason or "")
            case RunOutcome.SKIPPED if spec.missed is not Missed.SKIP:
                self.missed(run.process, run.day, run.reason or "")
            case RunOutcome.FAILED:
                self.failed(run)
            case RunOutcome.SUCCEEDED:
                self.succeeded(run)

    def _crash(self, run: ProcessRun, spec: ProcessSpec, crash_ages: tuple[float, ...]) -> None:
        if crash_limit_reached(spec.restart, crash_ages):
            self.crashed_for_good(run, len(crash_ages))
        else:
            self.crashed(run)

    def crashed(self, run: ProcessRun) -> None:
        """It will be restarted."""
        title = f"{run.process} crashed on {run.day}"
        self.notifier.alert(Alert(_crash_key(run.process), title, run.reason or ""))

    def crashed_for_good(self, run: ProcessRun, crashes: int) -> None:
        """It will not be restarted."""
        title = f"{run.process} is FAILED and stays down: it crashed {crashes} times"
        self.notifier.alert(Alert(_failed_key(run.process), title, run.reason or "", Severity.CRITICAL))

    def failed(self, run: ProcessRun) -> None:
        """It ended in an orderly way, with work undone."""
        text = f"{run.reason or 'see its log'}; mend it, then `sysproduction start {run.process}`"
        self.notifier.alert(Alert(_failed_key(run.process), f"{run.process} failed on {run.day}", text))

    def succeeded(self, run: ProcessRun) -> None:
        """Whatever was said about it is over."""
        for key in (_crash_key(run.process), _failed_key(run.process), _missed_key(run.process, run.day)):
            self.notifier.recover(key, f"{run.process} succeeded")

    def steady(self, name: str) -> None:
        """A restarted process has come to stay."""
        for key in (_crash_key(name), _failed_key(name)):
            self.notifier.recover(key, f"{name} has been running for a minute again")

    def cannot_start(self, name: str, error: Exception) -> None:
        """Its program could not even begin."""
        self.notifier.alert(Alert(_start_key(name), f"{name} cannot be started", str(error), Severity.CRITICAL))

    def could_start(self, name: str) -> None:
        """It has begun after all."""
        self.notifier.recover(_start_key(name), f"{name} could be started")

    def missed(self, name: str, day: date, reason: str) -> None:
        """It has not done its work of that day; once a day."""
        if self._missed.get(name) == day:
            return
        self._missed[name] = day
        self.notifier.alert(Alert(_missed_key(name, day), f"{name} has not done its work of {day}", reason))

    def store_down(self, error: Exception) -> bool:
        """The document store is away; whether that is news."""
        if self._store_down:
            return False
        self._store_down = True
        self.notifier.alert(Alert("store", "the document store is unreachable", str(error), Severity.CRITICAL))
        return True

    def store_up(self) -> bool:
        """The document store answers; whether that is news."""
        if not self._store_down:
            return False
        self._store_down = False
        self.notifier.recover("store", "the document store is reachable again")
        return True


def _ended_at_close(run: ProcessRun, spec: ProcessSpec) -> bool:
    window = window_of(spec, run.day)
    return window is not None and run.ended_at is not None and run.ended_at >= window.closes


def _crash_key(name: str) -> str:
    return f"process/{name}/crashed"


def _failed_key(name: str) -> str:
    return f"process/{name}/failed"


def _start_key(name: str) -> str:
    return f"process/{name}/start"


def _missed_key(name: str, day: date) -> str:
    return f"missed/{name}/{day}"
