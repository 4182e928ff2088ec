"""Who holds a process: races, crashes between any two writes, run numbers, and the history."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ControlState, MethodProgress, MethodRun, ProcessRun, RunOutcome
from sysproduction.stores.process_states import ProcessStates
from tests.fakes import FaultyDocuments, OnWrite, ProgramDied

DAY = date(2024, 1, 15)
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ONE, TWO = Identity("here", "boot", 1, 11), Identity("here", "boot", 2, 22)


@pytest.fixture
def documents() -> FaultyDocuments:
    """An empty store whose writes can be made to fail."""
    return FaultyDocuments(MemoryDocuments())


@pytest.fixture
def states(documents: FaultyDocuments) -> ProcessStates:
    """The repository on it."""
    states = ProcessStates(documents)
    states.declare()
    return states


def begin(states: ProcessStates, *, day: date = DAY, identity: Identity = ONE) -> ProcessRun:
    run = states.begin("run", day=day, identity=identity, now=NOON)
    assert isinstance(run, ProcessRun)
    return run


def whole_run(states: ProcessStates) -> None:
    states.finish(begin(states), outcome=RunOutcome.SUCCEEDED, reason=None, now=LATER)


def run_again(states: ProcessStates) -> None:
    whole_run(states)
    states.save_progress("run", DAY, {"a": MethodProgress(1, NOON, NOON)})
    states.ask_again("run")
    whole_run(states)


def closed_run(states: ProcessStates) -> None:
    begin(states)
    states.close_dead(lambda identity: False, LATER)


def write_count(work: Callable[[ProcessStates], None]) -> int:
    documents = FaultyDocuments(MemoryDocuments())
    documents.fault = counter = OnWrite(-1, ProgramDied())
    work(ProcessStates(documents))
    return counter.seen


CRASHES = [
    (work, number, side)
    for work in (whole_run, run_again, closed_run)
    for number in range(write_count(work))
    for side in ("before", "after")
]


@pytest.mark.parametrize(("work", "number", "side"), CRASHES)
@pytest.mark.parametrize("error", [ProgramDied(), Unavailable("no answer")], ids=["crash", "outage"])
def test_a_crash_between_any_two_writes_is_completed(
    states: ProcessStates,
    documents: FaultyDocuments,
    error: BaseException,
    work: Callable[[ProcessStates], None],
    number: int,
    side: str,
) -> None:
    """close_dead leaves exactly one terminal record of each run and a free process; done twice it does no more."""
    documents.fault = OnWrite(number, error, side)
    with pytest.raises(type(error)):
        work(states)
    documents.fault = None
    states.close_dead(lambda identity: False, LATER)
    assert states.close_dead(lambda identity: False, LATER) == []
    runs = states.runs()
    assert all(run.outcome is not RunOutcome.RUNNING and run.ended_at is not None for run in runs)
    assert len({run.run_id for run in runs}) == len(runs) <= 2
    state = states.state("run")
    assert state.active is None
    assert state.last_number == len(runs)
    if runs:
        assert state.outcome_of(DAY) is max(runs, key=lambda run: run.number).outcome
    assert begin(states, identity=TWO).number == len(runs) + 1


def test_a_terminal_record_is_never_written_over(states: ProcessStates) -> None:
    """Whoever comes second is told so, and the first outcome stands."""
    run = begin(states)
    assert states.finish(run, outcome=RunOutcome.SUCCEEDED, reason=None, now=LATER) is True
    assert states.finish(run, outcome=RunOutcome.CRASHED, reason="gone", now=LATER) is False
    stored = states.run(run.run_id)
    assert stored is not None
    assert (stored.outcome, stored.reason, stored.ended_at) == (RunOutcome.SUCCEEDED, None, LATER)
    assert states.state("run").outcome_of(DAY) is RunOutcome.SUCCEEDED


def test_an_old_run_cannot_release_a_new_one(states: ProcessStates) -> None:
    """Finishing a run that was closed already leaves the process with its new holder."""
    old = begin(states)
    states.close_dead(lambda identity: False, LATER)
    new = begin(states, identity=TWO)
    states.finish(old, outcome=RunOutcome.SUCCEEDED, reason=None, now=LATER)
    active = states.state("run").active
    assert active is not None
    assert active.run_id == new.run_id


def test_only_dead_runs_are_closed(states: ProcessStates) -> None:
    """The living keep their process."""
    begin(states)
    assert states.close_dead(lambda identity: identity == ONE, LATER) == []
    assert states.state("run").active is not None
    assert [run.outcome for run in states.close_dead(lambda identity: identity != ONE, LATER)] == [RunOutcome.RUNNING]
    assert [run.outcome for run in states.runs()] == [RunOutcome.CRASHED]


@pytest.mark.parametrize("seen_before", [False, True])
def test_of_two_that_race_one_is_refused(states: ProcessStates, documents: FaultyDocuments, seen_before: bool) -> None:
    """Both have read a free process; the second to write is refused, and one run exists."""
    if seen_before:
        states.set_control("run", ControlState.GO)
    second = ProcessStates(documents.inner)
    won: list[ProcessRun | Refused] = []

    def overtake(side: str, operation: str, collection: str) -> None:
        if (side, collection) == ("before", "processes") and operation in ("insert", "replace"):
            documents.fault = None
            won.append(second.begin("run", day=DAY, identity=TWO, now=NOON))

    documents.fault = overtake
    lost = states.begin("run", day=DAY, identity=ONE, now=NOON)
    assert isinstance(lost, Refused)
    assert "pid 2" in lost.reason
    assert isinstance(won[0], ProcessRun)
    assert [run.identity for run in states.runs()] == [TWO]


def test_a_control_written_at_the_same_moment_refuses_nobody(states: ProcessStates, documents: FaultyDocuments) -> None:
    """An operator's PAUSE between read and write makes begin read again; both writes stand."""

    def pause(side: str, operation: str, collection: str) -> None:
        if (side, operation, collection) == ("before", "insert", "processes"):
            documents.fault = None
            ProcessStates(documents.inner).set_control("run", ControlState.PAUSE)

    documents.fault = pause
    begin(states)
    state = states.state("run")
    assert state.control is ControlState.PAUSE
    assert state.active is not None


def test_run_numbers_go_on_when_a_day_comes_back(states: ProcessStates) -> None:
    """A clock set back a day must not write over the runs of that day."""
    for day, number in ((DAY, 1), (DAY, 2), (DAY + timedelta(days=1), 1), (DAY, 3), (DAY + timedelta(days=1), 2)):
        run = begin(states, day=day)
        assert run.number == number
        states.finish(run, outcome=RunOutcome.STOPPED, reason=None, now=LATER)
    assert len(states.runs()) == 5


def test_a_day_that_is_done_counts_anew_and_an_unfinished_one_goes_on(states: ProcessStates) -> None:
    """Progress is forgotten when a run begins on a day with a result, and kept after a crash or a stop."""
    progress = {"a": MethodProgress(2, NOON, LATER, "no")}
    for outcome, kept in (
        (RunOutcome.CRASHED, True),
        (RunOutcome.STOPPED, True),
        (RunOutcome.SUCCEEDED, False),
        (RunOutcome.FAILED, False),
    ):
        run = begin(states)
        states.save_progress("run", DAY, progress)
        states.finish(run, outcome=outcome, reason=None, now=LATER)
        run = begin(states)
        assert states.progress("run", DAY) == (progress if kept else {})
        states.finish(run, outcome=RunOutcome.STOPPED, reason=None, now=LATER)


def test_asking_again_allows_and_is_used_up(states: ProcessStates) -> None:
    """ask_again sets GO and the wish; the next run takes the wish away."""
    states.set_control("run", ControlState.NO_RUN)
    state = states.ask_again("run")
    assert (state.control, state.again) == (ControlState.GO, True)
    begin(states)
    assert states.state("run").again is False


def test_states_and_histories_come_back_as_they_were_written(states: ProcessStates) -> None:
    """Values read equal the values written, by process, day, run and time, newest first."""
    run = begin(states)
    other = states.begin("other", day=DAY, identity=TWO, now=LATER)
    assert isinstance(other, ProcessRun)
    execution = MethodRun(run.run_id, "run", "a", DAY, NOON, LATER, "no", 3, 4, ({"item": "CORN"},))
    states.record_method(execution)
    states.record_method(execution)
    assert states.method_runs(run_id=run.run_id) == [execution]
    assert states.method_runs(process="other") == []
    assert states.runs() == [other, run]
    assert states.runs(process="run", day=DAY) == [run]
    assert states.runs(since=LATER) == [other]
    assert states.runs(limit=1) == [other]
    assert states.run("none") is None
    assert sorted(states.states()) == ["other", "run"]


def test_outcomes_of_the_last_ten_days_are_kept(states: ProcessStates) -> None:
    """Enough for any dependency, and bounded."""
    for i in range(12):
        run = begin(states, day=DAY + timedelta(days=i))
        states.finish(run, outcome=RunOutcome.SUCCEEDED, reason=None, now=LATER)
    outcomes = states.state("run").outcomes
    assert [day for day, _ in outcomes] == [DAY + timedelta(days=i) for i in range(2, 12)]


def test_old_history_is_forgotten_but_not_what_still_counts(states: ProcessStates) -> None:
    """The last run of a process stays however old it is, with its methods; so does a run that nobody was told of."""
    for day in (DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)):
        run = states.begin("run", day=day, identity=ONE, now=NOON + (day - DAY))
        assert isinstance(run, ProcessRun)
        states.record_method(
            MethodRun(run.run_id, "run", "work", day, run.started_at, LATER, None, rows_written=0, items=0, problems=())
        )
        states.save_progress("run", day, {"a": MethodProgress(1, NOON, NOON)})
        states.finish(run, outcome=RunOutcome.SUCCEEDED, reason=None, now=LATER + (day - DAY))
    for untold in ("run/2024-01-15/1", "run/2024-01-17/1"):
        states.note_told("run", untold)
    future = NOON + timedelta(days=999)
    assert states.forget(NOON) == 0
    assert states.forget(future, dry_run=True) == 2
    assert len(states.runs()) == 3
    assert states.forget(future) == 2
    assert states.forget(future) == 0
    assert [run.run_id for run in states.runs()] == ["run/2024-01-17/1", "run/2024-01-16/1"]
    assert {run.run_id for run in states.method_runs()} == {"run/2024-01-17/1", "run/2024-01-16/1"}
    assert (states.progress("run", DAY), bool(states.progress("run", DAY + timedelta(days=1)))) == ({}, True)
