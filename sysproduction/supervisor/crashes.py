"""The crashes that count for the limit on restarts, also those that an earlier supervisor has seen."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from sysproduction.domain.processes import ProcessRun, RunOutcome
from sysproduction.ports import Clock
from sysproduction.stores.process_states import GONE


@dataclass(slots=True)
class Crashes:
    """Of each process, since its last success or since it was asked for, in machine time."""

    clock: Clock
    _moments: dict[str, list[float]] = field(default_factory=dict)

    def ages(self, process: str) -> tuple[float, ...]:
        """Seconds since each."""
        now = self.clock.monotonic()
        return tuple(now - moment for moment in self._moments.get(process, ()))

    def count(self, process: str) -> None:
        """One more, now."""
        self._moments.setdefault(process, []).append(self.clock.monotonic())

    def forget(self, process: str) -> None:
        """It begins anew."""
        self._moments.pop(process, None)

    def recall(self, runs: Iterable[ProcessRun], now: datetime) -> None:
        """Count what these runs, newest first, tell at market time `now`. One that died while nobody watched it, as
        everything does when the machine dies, is not counted."""
        ended = (run for run in runs if run.ended_at is not None)
        for run in takewhile(lambda run: run.outcome is not RunOutcome.SUCCEEDED, ended):
            if run.outcome is RunOutcome.CRASHED and run.reason != GONE and run.ended_at is not None:
                age = max(0.0, (now - run.ended_at).total_seconds())
                self._moments.setdefault(run.process, []).append(self.clock.monotonic() - age)
