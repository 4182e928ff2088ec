"""One process as a program of its own: what the supervisor's children, crontab and `method` run."""

import logging
import signal
from typing import TYPE_CHECKING, Final

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.domain.errors import Refused
from sysproduction.domain.processes import ProcessSpec, ProcessState, RunOutcome
from sysproduction.domain.results import MethodResult
from sysproduction.ports import Signals
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import History, Start, Stop, Wait, decide
from sysproduction.supervisor.runner import IDLE_SECONDS_MAX, Ended, Idle, Runner, begin, bind

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.wiring import Outside

_FINE: Final = (RunOutcome.SUCCEEDED, RunOutcome.STOPPED)

_log = logging.getLogger(__name__)


def run(home: Home, config: "Config", spec: ProcessSpec, *, wait: bool) -> Refused | int:
    """Run the process once it may start; its exit code, or why it may not."""
    wiring.log_to_stderr(spec.name)
    received = wiring.signals()
    received.listen()
    with wiring.outside(home, config) as ports:
        wiring.keep_going(ports.clock, home, config.settings.clock)
        allowed = _allowed(spec, ports, received, wait=wait)
        if isinstance(allowed, Refused):
            return allowed
        runner = _begin(spec, ports, allowed)
        if isinstance(runner, Refused):
            return runner
        ended = _loop(runner, received)
        ports.notifier.flush(5.0)
    return 0 if ended.outcome in _FINE else 1


def run_method(home: Home, config: "Config", process: str, name: str) -> Refused | MethodResult:
    """Run one configured method once; refused while its process is running."""
    from sysproduction import processes

    wiring.log_to_stderr(f"{process}.{name}", logging.WARNING)
    spec = next(spec for spec in config.processes if spec.name == process)
    with wiring.outside(home, config) as ports:
        active = ProcessStates(ports.documents).state(process).active
        if active is not None and wiring.alive(active.identity):
            return Refused(f"{process} is running as pid {active.identity.pid}: stop it first")
        return bind(processes.methods(process), spec, ports.world())[name]()


def _allowed(spec: ProcessSpec, ports: "Outside", received: Signals, *, wait: bool) -> Start | Refused:
    """Wait until the planner says start; give up on what no waiting mends."""
    states = ProcessStates(ports.documents)
    said = ""
    while True:
        now = ports.clock.now()
        states.close_dead(wiring.alive, now)
        decision = decide(spec, _history(spec, states), now)
        if isinstance(decision, Start):
            return decision
        if not wait or isinstance(decision, Stop) or _is_final(spec, states, decision):
            return Refused(f"{spec.name}: {decision.reason}")
        if decision.reason != said:
            said = decision.reason
            _log.info("waits: %s", said)
        received.wait(IDLE_SECONDS_MAX)
        if received.drain():
            return Refused(f"{spec.name}: told to stop while it waited ({decision.reason})")


def _history(spec: ProcessSpec, states: ProcessStates) -> History:
    stored = states.states()
    previous = stored.get(spec.previous_process) if spec.previous_process else None
    return History(stored.get(spec.name, ProcessState(spec.name)), previous)


def _is_final(spec: ProcessSpec, states: ProcessStates, decision: Wait) -> bool:
    """Already running, told to STOP, done or failed for the day: waiting changes nothing."""
    state = states.state(spec.name)
    if state.active is not None or str(state.control) == "STOP":
        return True
    window_is_open = decision.until is None or not decision.reason.startswith("window opens")
    return window_is_open and not decision.reason.startswith(("waits for", "control state"))


def _begin(spec: ProcessSpec, ports: "Outside", start: Start) -> Runner | Refused:
    from sysproduction import processes

    return begin(
        spec,
        bind(processes.methods(spec.name), spec, ports.world()),
        states=ProcessStates(ports.documents),
        notifier=ports.notifier,
        clock=ports.clock,
        identity=wiring.myself(),
        start=start,
    )


def _loop(runner: Runner, received: Signals) -> Ended:
    """Turn by turn, waking for signals and at least twice a second."""
    while True:
        for number in received.drain():
            runner.request_stop(f"received {signal.Signals(number).name}")
        now = runner.clock.now()
        turn = runner.step(now)
        if isinstance(turn, Ended):
            return turn
        if isinstance(turn, Idle):
            left = runner.clock.seconds_until(turn.until) if turn.until else IDLE_SECONDS_MAX
            received.wait(min(left, IDLE_SECONDS_MAX))
