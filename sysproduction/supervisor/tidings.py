"""What the supervisor tells a human: one alert per incident, and the word that ends it."""

from dataclasses import dataclass, field
from datetime import date

from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.processes import ProcessRun
from sysproduction.ports import Notifier


@dataclass(slots=True)
class Tidings:
    """The supervisor's words; what they are about is its business."""

    notifier: Notifier
    _missed: dict[str, date] = field(default_factory=dict)
    _store_down: bool = False

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


def _crash_key(name: str) -> str:
    return f"process/{name}/crashed"


def _failed_key(name: str) -> str:
    return f"process/{name}/failed"


def _start_key(name: str) -> str:
    return f"process/{name}/start"


def _missed_key(name: str, day: date) -> str:
    return f"missed/{name}/{day}"
