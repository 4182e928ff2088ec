"""A second opinion on the planner: it knows the wall clock of a zone minute by minute, and no formula."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ActiveRun, ControlState, ProcessSpec, ProcessState, RunOutcome
from sysproduction.supervisor.planner import Cause, Decision, History, Start, Stop, decide

MINUTE = timedelta(minutes=1)
ZONES = (
    *("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"),
    *("Pacific/Chatham", "Asia/Kathmandu", "America/Santiago"),
)
SPECIAL = (  # clocks change somewhere, leap day, year end
    *(date(2024, 2, 29), date(2024, 3, 10), date(2024, 3, 31), date(2024, 4, 7), date(2024, 9, 8), date(2024, 9, 29)),
    *(
        date(2024, 10, 6),
        date(2024, 10, 27),
        date(2024, 11, 3),
        date(2024, 12, 31),
        date(2025, 1, 1),
        date(2028, 2, 29),
    ),
)
WORDS = (ControlState.GO,) * 6 + tuple(ControlState)
OUTCOMES = (None, None, None, *(o for o in RunOutcome if o is not RunOutcome.RUNNING))


@dataclass(frozen=True)
class Case:
    """One question to the planner."""

    spec: ProcessSpec
    history: History
    now: datetime


@cache
def wall(zone: str, day: date) -> "tuple[datetime, array[int]]":
    """What a clock on the wall shows, in minutes since 1970, in each minute from the moment returned: long enough to
    hold the local `day` and the next."""
    first, here = datetime.combine(day, time(0), UTC) - timedelta(hours=16), ZoneInfo(zone)
    moments = ((first + n * MINUTE).astimezone(here) for n in range(80 * 60))
    return first, array("i", (_minutes(moment.replace(tzinfo=None)) for moment in moments))


def open_minutes(spec: ProcessSpec, day: date) -> tuple[datetime, datetime]:
    """First open minute of the trading day, and the first closed one after it, found by looking at each minute.

    It opens at the first minute whose wall clock shows its start or later, and closes after the last one that shows
    a time before its stop; if no minute is left between them, it is open for as many minutes as are written.
    """
    start, stop = (_minutes(datetime.combine(day, at)) for at in (spec.start_time, spec.stop_time))
    if stop <= start:
        stop += 24 * 60
    first, shown = wall(spec.timezone, day)
    opens = next(n for n, minute in enumerate(shown) if minute >= start)
    closes = max(n for n, minute in enumerate(shown) if minute < stop) + 1
    return first + opens * MINUTE, first + (closes if closes > opens else opens + stop - start) * MINUTE


def open_day(spec: ProcessSpec, now: datetime) -> date | None:
    """The trading day whose window holds now, the latest if there are two."""
    today = now.astimezone(ZoneInfo(spec.timezone)).date()
    for day in (today + timedelta(days=1), today, today - timedelta(days=1)):
        if day.weekday() in spec.days:
            opens, closes = open_minutes(spec, day)
            if opens <= now < closes:
                return day
    return None


def expected(case: Case) -> str:
    """start DAY, stop, or wait CAUSE."""
    state, spec = case.history.state, case.spec
    if state.active is not None:
        running = state.control is not ControlState.STOP and _is_before_close(spec, state.active.day, case.now)
        return "wait running" if running else "stop"
    day = open_day(spec, case.now)
    if day is None:
        return "wait window"
    result = dict(state.outcomes).get(day)
    if state.control is not ControlState.GO:
        return "wait control"
    if result in (RunOutcome.SUCCEEDED, RunOutcome.FAILED, RunOutcome.SKIPPED) and not state.again:
        return "wait result"
    if spec.previous_process is not None:
        previous = case.history.previous
        busy = previous is not None and previous.active is not None and previous.active.day == day
        if previous is None or busy or dict(previous.outcomes).get(day) is not RunOutcome.SUCCEEDED:
            return "wait dependency"
    return f"start {day}"


def said(decision: Decision) -> str:
    """The planner's answer in the same words."""
    match decision:
        case Start(day):
            return f"start {day}"
        case Stop():
            return "stop"
        case _:
            return f"wait {decision.cause}"


def cases(seed: int, count: int) -> Iterator[Case]:
    """Random configurations, histories and moments; most moments are near an edge of a window."""
    random = Random(seed)
    for _ in range(count):
        yield _case(random)


def disagreements(seed: int, count: int) -> list[str]:
    """Cases in which planner and model differ, with both answers."""
    found = []
    for case in cases(seed, count):
        answers = said(decide(case.spec, case.history, case.now)), expected(case)
        if answers[0] != answers[1]:
            found.append(f"{answers[0]} but {answers[1]}: {case}")
    return found


def seen(seed: int, count: int) -> set[str]:
    """Kinds of answers that the cases bring about."""
    return {expected(case).split(" 2")[0] for case in cases(seed, count)}


KINDS = {"start", "stop", *(f"wait {cause}" for cause in Cause if cause is not Cause.CRASHES)}


def _minutes(shown: datetime) -> int:
    return (shown - datetime(1970, 1, 1)) // MINUTE


def _is_before_close(spec: ProcessSpec, day: date, now: datetime) -> bool:
    return day.weekday() in spec.days and now < open_minutes(spec, day)[1]


def _case(random: Random) -> Case:
    zone = random.choice(ZONES)
    spec = ProcessSpec(
        "run",
        _time(random),
        _time(random),
        zone,
        (),
        previous_process=random.choice((None, "first")),
        days=frozenset(random.sample(range(7), random.choice((1, 5, 7, 7)))),
    )
    day = random.choice(SPECIAL) + timedelta(days=random.choice((-1, 0, 0, 0, 1)))
    local = datetime.combine(day, random.choice((spec.start_time, spec.stop_time, _time(random))), ZoneInfo(zone))
    moment = local.replace(fold=random.randrange(2)).astimezone(UTC) + random.randrange(-90, 91) * MINUTE
    history = History(_state(random, "run", day), random.choice((None, _state(random, "first", day))))
    return Case(spec, history, random.choice((local.astimezone(UTC), moment)))


def _time(random: Random) -> time:
    return time(random.choice((0, 1, 2, 3, random.randrange(24))), random.choice((0, 30, random.randrange(60))))


def _state(random: Random, name: str, day: date) -> ProcessState:
    days = [day + timedelta(days=n) for n in (-1, 0, 1)]
    outcomes = tuple((d, outcome) for d in days if (outcome := random.choice(OUTCOMES)) is not None)
    state = ProcessState(name, random.choice(WORDS), outcomes=outcomes, again=random.random() < 0.1)
    if random.random() < 0.25:
        run = ActiveRun("id", random.choice(days), 1, Identity("h", "b", 1, 1), datetime(2024, 1, 1, tzinfo=UTC))
        return replace(state, active=run, outcomes=tuple(o for o in outcomes if o[0] != run.day))
    return state
