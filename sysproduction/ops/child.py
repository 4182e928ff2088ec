"""One process as a program of its own: what the supervisor's children, crontab and `method` run."""

import logging
import signal
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tenacity import (
    RetryCallState,
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
)

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.processes import ControlState, MethodRun, ProcessSpec, ProcessState, RunOutcome
from sysproduction.domain.results import MethodResult
from sysproduction.ports import Signals
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import Cause, History, Start, Stop, Wait, decide
from sysproduction.supervisor.runner import Ended, Idle, Runner, Turn, begin, bind
from sysproduction.supervisor.windows import coming_windows
from sysproduction.wiring import hosting

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.wiring import Outside

_IDLE_SECONDS: Final = 0.5
_IDLE_SECONDS_MAX: Final = 5.0
"""How long an idle process waits at most, in machine time; on a paced clock it has to look more often."""

_STORE_SECONDS_MAX: Final = 120.0

_FINE: Final = (RunOutcome.SUCCEEDED, RunOutcome.STOPPED)

_log = logging.getLogger(__name__)


def run(home: Home, config: "Config", spec: ProcessSpec, *, wait: bool) -> Refused | int:
    """Run the process once it may start; its exit code, or why it may not."""
    hosting.log_to_stderr(spec.name)
    received = hosting.signals(home, spec.name)
    received.listen()
    with wiring.outside(home, config) as ports, closing(received):
        wiring.keep_going(ports.clock, home, config.settings.clock)
        allowed = _allowed(spec, ports, received, wait=wait)
        if isinstance(allowed, Refused):
            return allowed
        runner = _begin(spec, ports, allowed)
        if isinstance(runner, Refused):
            return runner
        idle_seconds = _IDLE_SECONDS if wiring.is_paced(ports.clock) else _IDLE_SECONDS_MAX
        ended = _loop(runner, received, min(idle_seconds, spec.limits.silence_seconds / 3))
        ports.notifier.flush(5.0)
    return 0 if ended.outcome in _FINE else 1


def run_method(home: Home, config: "Config", process: str, name: str) -> Refused | MethodResult:
    """Run one configured method once; refused while its process is running."""
    from sysproduction import processes

    hosting.log_to_stderr(f"{process}.{name}", logging.WARNING)
    spec = next(spec for spec in config.processes if spec.name == process)
    with wiring.outside(home, config) as ports:
        active = ProcessStates(ports.documents).state(process).active
        if active is not None and hosting.alive(active.identity):
            return Refused(f"{process} is running as pid {active.identity.pid}: stop it first")
        run = bind(processes.methods(process, config.settings.strategies), spec, ports.world())[name]
        started = ports.clock.now()
        result = run()
        _record_by_hand(ports, process, name, started, result)
    return result


def _record_by_hand(ports: "Outside", process: str, name: str, started: datetime, result: MethodResult) -> None:
    """What a human ran is in the history of methods too."""
    execution = MethodRun(
        run_id=f"by hand/{process}",
        process=process,
        method=name,
        day=started.date(),
        started_at=started,
        ended_at=ports.clock.now(),
        error=None,
        rows_written=result.rows_written,
        items=result.items,
        problems=tuple({"item": p.item, "kind": str(p.kind), "reason": p.reason} for p in result.problems),
    )
    ProcessStates(ports.documents).record_method(execution)


def _allowed(spec: ProcessSpec, ports: "Outside", received: Signals, *, wait: bool) -> Start | Refused:
    """Wait until the planner says start; give up on what no waiting mends."""
    states = ProcessStates(ports.documents)
    said = ""
    while True:
        now = ports.clock.now()
        states.close_dead(hosting.alive, now, process=spec.name)
        history = _history(spec, states)
        decision = decide(spec, history, now)
        if isinstance(decision, Start):
            return decision
        if not wait or isinstance(decision, Stop) or _is_final(spec, decision, history.state.control, now):
            return Refused(f"{spec.name}: {decision.reason}")
        if decision.reason != said:
            said = decision.reason
            _log.info("waits: %s", said)
        received.wait(_IDLE_SECONDS)
        if received.drain():
            return Refused(f"{spec.name}: told to stop while it waited ({decision.reason})")


def _history(spec: ProcessSpec, states: ProcessStates) -> History:
    stored = states.states()
    previous = stored.get(spec.previous_process) if spec.previous_process else None
    return History(stored.get(spec.name, ProcessState(spec.name)), previous)


def _is_final(spec: ProcessSpec, decision: Wait, control: ControlState, now: datetime) -> bool:
    """Whether waiting changes nothing today: running already, told to STOP, done, failed, or its window is over."""
    match decision.cause:
        case Cause.DEPENDENCY:
            return False
        case Cause.CONTROL:
            return control is ControlState.STOP
        case Cause.WINDOW:
            return bool(next(coming_windows(spec, now)).day != now.astimezone(ZoneInfo(spec.timezone)).date())
        case _:
            return True


def _begin(spec: ProcessSpec, ports: "Outside", start: Start) -> Runner | Refused:
    from sysproduction import processes

    return begin(
        spec,
        bind(processes.methods(spec.name, ports.config.settings.strategies), spec, ports.world()),
        states=ProcessStates(ports.documents),
        notifier=ports.notifier,
        clock=ports.clock,
        identity=hosting.myself(),
        start=start,
        beat=hosting.live_as_run(ports.home, spec.name),
    )


def _loop(runner: Runner, received: Signals, idle_seconds: float) -> Ended:
    """Turn by turn, waking for signals, for an operator's word, and every so often to show that it lives."""
    patiently = _patience(received)
    while True:
        for number in received.drain():
            runner.request_stop(f"received {signal.Signals(number).name}")
        turn = patiently(_step, runner)
        if isinstance(turn, Ended):
            return turn
        if isinstance(turn, Idle):
            seconds = idle_seconds if turn.seconds is None else turn.seconds
            received.wait(min(runner.clock.seconds_until(turn.until), seconds, idle_seconds))


def _show_life(attempt: RetryCallState) -> None:
    before_sleep_log(_log, logging.WARNING)(attempt)
    attempt.args[0].beat("", 0.0)


def _patience(received: Signals) -> Retrying:
    """A store that cannot be reached is waited for within bounds; a signal or an order has it tried at once."""

    def sleep(seconds: float) -> None:
        received.wait(seconds)

    return Retrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_delay(_STORE_SECONDS_MAX),
        wait=wait_exponential(min=0.5, max=10),
        before_sleep=_show_life,
        sleep=sleep,
        reraise=True,
    )


def _step(runner: Runner) -> Turn:
    """One turn, which may be repeated."""
    return runner.step(runner.clock.now())
