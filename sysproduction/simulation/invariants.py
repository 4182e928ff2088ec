"""What must hold whatever happens: I1 one copy, I2 one terminal record, I3 nobody left, I4 one alert, one recovery."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sysproduction.domain.alerts import Alert
from sysproduction.domain.processes import ProcessRun, RunOutcome
from sysproduction.ports import Documents
from sysproduction.simulation.programs import SimulatedChild, SimulatedPrograms
from sysproduction.stores.process_states import ProcessStates


@dataclass
class Told:
    """A channel that remembers what a human was told: which incidents are open, and what was said twice."""

    open: set[str] = field(default_factory=set)
    news: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def alert(self, alert: Alert) -> None:
        """As the port."""
        self.news.append(f"alert {alert.key}: {alert.title}")
        if alert.key in self.open:
            self.wrong.append(f"I4: {alert.key} was told twice")
        self.open.add(alert.key)

    def recover(self, key: str, text: str) -> None:
        """As the port."""
        self.news.append(f"recovery {key}: {text.partition(chr(10))[0]}")
        if key not in self.open:
            self.wrong.append(f"I4: {key} recovered, but was not open")
        self.open.discard(key)

    def flush(self, seconds: float) -> None:
        """As the port."""


@dataclass
class Invariants:
    """Looks at children, store and channel from outside; what it reads meets no faults."""

    programs: SimulatedPrograms
    documents: Documents
    told: Told
    news: list[str] = field(default_factory=list)
    _held: dict[str, str] = field(default_factory=dict)
    _ended: dict[str, ProcessRun] = field(default_factory=dict)
    _untold: list[ProcessRun] = field(default_factory=list)

    def check(self, *, supervised: bool) -> list[str]:
        """What is violated now. `supervised`: a supervisor has just made a whole step, so that it knows of every
        end that it could know of."""
        wrong = [*self._one_record(), *self._one_copy(), *self.told.wrong]
        self.told.wrong.clear()
        return [*wrong, *self._told_ends()] if supervised else wrong

    def forget_untold(self) -> None:
        """The supervisor that closed these runs is dead: what it has not said stays in the history."""
        self._untold.clear()

    def last_look(self) -> list[str]:
        """After an orderly stop: nobody is left, every run has its end and kept it."""
        left = [f"I3: {child.program.name} (pid {child.identity.pid}) is left" for child in self.programs.living()]
        runs = ProcessStates(self.documents).runs()
        open_runs = [f"I2: {run.run_id} has no end" for run in runs if run.outcome is RunOutcome.RUNNING]
        changed = [
            f"I2: the end of {run.run_id} was {self._ended[run.run_id].outcome}, now it is {run.outcome}"
            for run in runs
            if run.run_id in self._ended and run != self._ended[run.run_id]
        ]
        return left + open_runs + changed

    def _one_copy(self) -> Iterator[str]:
        living = [child for child in self.programs.living() if child.runner is not None]
        for name, count in Counter(child.program.name for child in living).items():
            if count > 1:
                yield f"I1: {count} copies of {name} are alive"
        states = ProcessStates(self.documents).states()
        for child in living:
            state = states.get(child.program.name)
            if not _is_ending(child, self._ended) and (
                state is None or state.active is None or state.active.identity != child.identity
            ):
                yield f"I1: {child.program.name} (pid {child.identity.pid}) runs, but nothing in the store says so"

    def _one_record(self) -> Iterator[str]:
        """Each run that was held and is no longer has one record of its end."""
        store = ProcessStates(self.documents)
        now = {name: state.active.run_id for name, state in store.states().items() if state.active is not None}
        for name, run_id in self._held.items():
            if now.get(name) == run_id:
                continue
            run = store.run(run_id)
            if run is None or run.outcome is RunOutcome.RUNNING:
                yield f"I2: {run_id} is over without a record of its end"
            else:
                self._note_end(run)
        self._held = now

    def _note_end(self, run: ProcessRun) -> None:
        self._ended[run.run_id] = run
        self.news.append(f"{run.run_id} {run.outcome}: {run.reason or 'done'}")
        if run.outcome is RunOutcome.CRASHED:
            self._untold.append(run)

    def _told_ends(self) -> Iterator[str]:
        for run in self._untold:
            if not any(key.startswith(f"process/{run.process}/") for key in self.told.open):
                yield f"I4: nobody was told that {run.run_id} crashed ({run.reason})"
        self._untold.clear()


def _is_ending(child: SimulatedChild, ended: dict[str, ProcessRun]) -> bool:
    """Its end is recorded; only its last steps, which a store that is away may delay, are not done."""
    return child.runner is not None and child.runner.run.run_id in ended
