"""Who runs what: the state of each process (also its lock), its runs and the executions of its methods.

The document of a process in `processes` is the authority: a run exists once that document names it as active,
and has ended once it no longer does. `process_runs` and `method_runs` are the history. Each step is one atomic
write, and `close_dead` completes whatever a crash left between two of them.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, InvariantBroken, Refused
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    ActiveRun,
    ControlState,
    MethodProgress,
    MethodRun,
    ProcessRun,
    ProcessState,
    RunOutcome,
)
from sysproduction.ports import Document, Documents

_STATES: Final = "processes"
_RUNS: Final = "process_runs"
_METHOD_RUNS: Final = "method_runs"
_PROGRESS: Final = "method_progress"
_DAYS_KEPT: Final = 10
_UNTOLD_KEPT: Final = 50
_ATTEMPTS: Final = 50

GONE: Final = "its program is gone"
"""Why a run ended whose program died while nobody watched it, which may be no fault of its own."""


class ProcessStates:
    """Repository of process states, runs and method progress."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def declare(self) -> None:
        """Create the indexes."""
        self._documents.declare(_RUNS, indexes=[["started_at"], ["process", "day"]])
        self._documents.declare(_METHOD_RUNS, indexes=[["started_at"], ["run_id"]])

    def state(self, process: str) -> ProcessState:
        """The stored state, or that of a process that was never seen."""
        document = self._documents.get(_STATES, process)
        return _state(document) if document else ProcessState(process)

    def states(self) -> dict[str, ProcessState]:
        """All stored states by process, in one read."""
        return {document.key: _state(document) for document in self._documents.find(_STATES)}

    def set_control(self, process: str, control: ControlState) -> ProcessState:
        """Write what the operator allows."""
        return self._change(process, lambda state: replace(state, control=control))

    def ask_again(self, process: str) -> ProcessState:
        """Allow the process, and let it run once more even if its trading day already has a result."""
        return self._change(process, lambda state: replace(state, control=ControlState.GO, again=True))

    def note_opening(self, process: str, day: date) -> ProcessState:
        """Remember that a supervisor has seen the window of this trading day open."""
        return self._change(process, lambda state: replace(state, seen_day=day))

    def skip(self, process: str, *, day: date, identity: Identity, reason: str, now: datetime) -> ProcessRun | Refused:
        """Close a trading day, on which the process has not run, with a record that says why."""
        run = self.begin(process, day=day, identity=identity, now=now)
        if isinstance(run, Refused):
            return run
        self.finish(run, outcome=RunOutcome.SKIPPED, reason=reason, now=now)
        return self.run(run.run_id) or run

    def note_told(self, process: str, run_id: str) -> ProcessState:
        """Remember that a human was told whatever there was to tell of the end of this run."""
        return self._change(process, lambda state: replace(state, untold=_without(state.untold, run_id)))

    def begin(self, process: str, *, day: date, identity: Identity, now: datetime) -> ProcessRun | Refused:
        """Take the process for a new run; refused while another run holds it. On a day that has its result
        the methods count anew."""
        for _attempt in range(_ATTEMPTS):
            state = self.state(process)
            if state.active is not None:
                holder = f"pid {state.active.identity.pid} ({state.active.run_id})"
                return Refused(f"{process} is already running as {holder}")
            if state.outcome_of(day) in (RunOutcome.SUCCEEDED, RunOutcome.FAILED):
                self._forget_progress(process, day)
            number = 1 + self._last_number(state, day)
            run = ProcessRun(f"{process}/{day}/{number}", process, day, number, identity, now)
            active = ActiveRun(run.run_id, day, number, identity, now)
            try:
                self._write(
                    replace(
                        state,
                        active=active,
                        last_day=day,
                        last_number=number,
                        counted_from=number if state.again or state.last_day != day else state.counted_from,
                        again=False,
                    )
                )
            except (Conflict, AlreadyExists):
                continue
            self._documents.insert(_RUNS, run.run_id, _run_body(run))
            return run
        raise InvariantBroken(f"the state of {process} changed {_ATTEMPTS} times while it was being taken")

    def finish(self, run: ProcessRun, *, outcome: RunOutcome, reason: str | None, now: datetime) -> bool:
        """Write the one terminal record of a run and let go of the process; False if that was already done."""
        ended = replace(run, outcome=outcome, reason=reason, ended_at=now)
        written = self._end_record(ended)
        self._change(run.process, lambda state: _released(state, written))
        return written == ended

    def close_dead(
        self, alive: Callable[[Identity], bool], now: datetime, *, process: str | None = None
    ) -> list[ProcessRun]:
        """End, as CRASHED, every run (or that of one process) whose program is no more; idempotent. Returns the
        runs that it ended."""
        closed = []
        for state in self.states().values():
            if process not in (None, state.process):
                continue
            if state.active is not None and not alive(state.active.identity):
                run = self._active_run(state.process, state.active)
                if self.finish(run, outcome=RunOutcome.CRASHED, reason=GONE, now=now):
                    closed.append(run)
        return closed

    def run(self, run_id: str) -> ProcessRun | None:
        """One run, or None."""
        document = self._documents.get(_RUNS, run_id)
        return _run(document) if document else None

    def runs(
        self,
        *,
        process: str | None = None,
        since: datetime | None = None,
        day: date | None = None,
        limit: int | None = None,
    ) -> list[ProcessRun]:
        """Runs, newest first."""
        found = self._documents.find(
            _RUNS, equal=_equal(process, day), between=_since(since), order=["-started_at"], limit=limit
        )
        return [_run(document) for document in found]

    def progress(self, process: str, day: date) -> dict[str, MethodProgress]:
        """How far each method got in a trading day."""
        document = self._documents.get(_PROGRESS, f"{process}/{day}")
        methods = document.body["methods"] if document else {}
        return {name: MethodProgress(**fields) for name, fields in methods.items()}

    def save_progress(self, process: str, day: date, progress: Mapping[str, MethodProgress]) -> None:
        """Write the progress of a trading day; only the holder of the process calls this."""
        key = f"{process}/{day}"
        body = {"process": process, "methods": {name: asdict(fields) for name, fields in progress.items()}}
        stored = self._documents.get(_PROGRESS, key)
        if stored is None:
            self._documents.insert(_PROGRESS, key, body)
        else:
            self._documents.replace(_PROGRESS, key, body, stored.version)

    def record_method(self, run: MethodRun, execution: int = 1) -> None:
        """Append one execution to the history, `execution` its number in its run (market time may stand still, so
        two may start at one moment); repeating a call does no harm."""
        body = asdict(run) | {"day": run.day.isoformat(), "problems": list(run.problems)}
        with suppress(AlreadyExists):
            key = f"{run.run_id}/{run.method}/{run.started_at.isoformat()}/{execution}"
            self._documents.insert(_METHOD_RUNS, key, body)

    def method_runs(
        self,
        *,
        process: str | None = None,
        since: datetime | None = None,
        run_id: str | None = None,
        limit: int | None = None,
    ) -> list[MethodRun]:
        """Recorded executions, newest first."""
        equal = _equal(process, None) | ({"run_id": run_id} if run_id else {})
        found = self._documents.find(
            _METHOD_RUNS, equal=equal, between=_since(since), order=["-started_at"], limit=limit
        )
        return [_method_run(document) for document in found]

    def forget(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete runs and executions that began earlier, with the progress of their days; how many. Kept are the last
        run of each process, one that is under way, and those that nobody was told of."""
        kept: set[str] = set()
        for state in self.states().values():
            kept |= {f"{state.process}/{state.last_day}/{state.last_number}", *state.untold}
            kept |= {state.active.run_id} if state.active else set()
        days_kept = {run_id.rpartition("/")[0] for run_id in kept}
        gone = [
            (collection, document)
            for collection in (_METHOD_RUNS, _RUNS)
            for document in self._documents.find(collection, between=("started_at", None, before))
            if document.body["run_id"] not in kept
        ]
        for collection, document in gone if not dry_run else ():
            with suppress(Conflict):  # somebody else forgot it first
                self._documents.delete(collection, document.key, document.version)
            if f"{document.body['process']}/{document.body['day']}" not in days_kept:
                self._forget_progress(document.body["process"], date.fromisoformat(document.body["day"]))
        return len(gone)

    def _last_number(self, state: ProcessState, day: date) -> int:
        """The number of the day's last run; days come back when the clock is set back."""
        if state.last_day == day:
            return state.last_number
        return max((run.number for run in self.runs(process=state.process, day=day)), default=0)

    def _forget_progress(self, process: str, day: date) -> None:
        stored = self._documents.get(_PROGRESS, f"{process}/{day}")
        if stored is not None:
            with suppress(Conflict):
                self._documents.delete(_PROGRESS, stored.key, stored.version)

    def _active_run(self, process: str, active: ActiveRun) -> ProcessRun:
        run = ProcessRun(active.run_id, process, active.day, active.number, active.identity, active.started_at)
        return self.run(active.run_id) or run

    def _end_record(self, ended: ProcessRun) -> ProcessRun:
        """Write `ended` unless the run has its terminal record; returns the record that stands."""
        stored = self._documents.get(_RUNS, ended.run_id)
        try:
            if stored is None:
                self._documents.insert(_RUNS, ended.run_id, _run_body(ended))
            elif _run(stored).outcome is not RunOutcome.RUNNING:
                return _run(stored)
            else:
                self._documents.replace(_RUNS, ended.run_id, _run_body(ended), stored.version)
        except (AlreadyExists, Conflict):
            return self._end_record(ended)
        return ended

    def _change(self, process: str, change: Callable[[ProcessState], ProcessState]) -> ProcessState:
        for _attempt in range(_ATTEMPTS):
            state = self.state(process)
            changed = change(state)
            if changed == state:
                return state
            try:
                return self._write(changed)
            except (Conflict, AlreadyExists):
                continue
        raise InvariantBroken(f"the state of {process} changed {_ATTEMPTS} times while it was being written")

    def _write(self, state: ProcessState) -> ProcessState:
        body = _state_body(state)
        if state.version == 0:
            return _state(self._documents.insert(_STATES, state.process, body))
        return _state(self._documents.replace(_STATES, state.process, body, state.version))


def _released(state: ProcessState, run: ProcessRun) -> ProcessState:
    if state.active is None or state.active.run_id != run.run_id:
        return state
    outcomes = dict(state.outcomes) | {run.day: run.outcome}
    kept = tuple(sorted(outcomes.items()))[-_DAYS_KEPT:]
    untold = (*_without(state.untold, run.run_id), run.run_id)[-_UNTOLD_KEPT:]
    return replace(state, active=None, outcomes=kept, untold=untold)


def _without(run_ids: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple(run_id for run_id in run_ids if run_id != gone)


def _state_body(state: ProcessState) -> dict[str, Any]:
    active = None
    if state.active is not None:
        active = asdict(state.active) | {"day": state.active.day.isoformat()}
    return {
        "control": str(state.control),
        "active": active,
        "last_day": state.last_day.isoformat() if state.last_day else None,
        "last_number": state.last_number,
        "counted_from": state.counted_from,
        "outcomes": [[day.isoformat(), str(outcome)] for day, outcome in state.outcomes],
        "again": state.again,
        "seen_day": state.seen_day.isoformat() if state.seen_day else None,
        "untold": list(state.untold),
    }


def _state(document: Document) -> ProcessState:
    body = document.body
    active = body["active"]
    return ProcessState(
        process=document.key,
        control=ControlState(body["control"]),
        active=ActiveRun(**_with_values(active)) if active else None,
        last_day=date.fromisoformat(body["last_day"]) if body["last_day"] else None,
        last_number=body["last_number"],
        counted_from=body.get("counted_from", 0),
        outcomes=tuple((date.fromisoformat(day), RunOutcome(outcome)) for day, outcome in body["outcomes"]),
        again=body["again"],
        seen_day=date.fromisoformat(body["seen_day"]) if body.get("seen_day") else None,
        untold=tuple(body.get("untold", ())),
        version=document.version,
    )


def _run_body(run: ProcessRun) -> dict[str, Any]:
    return asdict(run) | {"day": run.day.isoformat(), "outcome": str(run.outcome)}


def _run(document: Document) -> ProcessRun:
    return ProcessRun(**_with_values(document.body) | {"outcome": RunOutcome(document.body["outcome"])})


def _with_values(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "day": date.fromisoformat(body["day"]), "identity": Identity(**body["identity"])}


def _method_run(document: Document) -> MethodRun:
    body = document.body
    return MethodRun(**{**body, "day": date.fromisoformat(body["day"]), "problems": tuple(body["problems"])})


def _equal(process: str | None, day: date | None) -> dict[str, Any]:
    equal = {"process": process, "day": day.isoformat() if day else None}
    return {name: value for name, value in equal.items() if value is not None}


def _since(since: datetime | None) -> tuple[str, Any, Any] | None:
    return ("started_at", since, None) if since else None
