"""The supervisor as a program: one per home, its loop, its signals, its own start and end."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Final

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.domain.errors import Refused, SysproductionError, Unavailable
from sysproduction.domain.processes import ProcessSpec, StartMethod
from sysproduction.ops.reloading import Reload, to_restart
from sysproduction.ports import Clock, InitSystem, PacedClock, Program, Programs, Signals
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.duties import machine_duties
from sysproduction.supervisor.supervise import Pace, Supervisor
from sysproduction.wiring import hosting

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.config.settings import ClockSettings, Settings
    from sysproduction.wiring import Outside

_POLL_SECONDS: Final = 5.0
"""How often control states are looked at though nobody has woken us, on the machine's own clock."""

_DUTY_SECONDS: Final = 1.0
_BREATH_SECONDS: Final = 0.25
_STORE_SECONDS: Final = 5.0
"""How long the end waits for a store, once nothing runs any more."""

_DOWN_SECONDS_MAX: Final = 120.0

RUNS_ALREADY: Final = Refused("a supervisor of this home is running already: see `sysproduction status`")

_log = logging.getLogger(__name__)


def supervise(home: Home, config: "Config", *, start: datetime | None, days: int | None, watch: bool) -> int:
    """Run the supervisor of this home until it is told to stop, or `days` of market time have passed."""
    from sysproduction.config.accepted import accept

    lock = hosting.single_supervisor(home)
    if lock is None:
        return _refuse(RUNS_ALREADY.reason)
    try:
        accept(home, environ=os.environ)
        with _logging(home, watch), wiring.outside(home, config) as ports:
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            clock = wiring.replay_clock(home, start) if start is not None else ports.clock
            _prepare(ports)
            daemon = _Daemon.of(home, config, ports, clock, days)
            ports.hurry(meanwhile=daemon.breathe)
            try:
                daemon.run(watch)
            finally:
                daemon.programs.close()
    finally:
        os.close(lock)
    return 0


def _prepare(ports: "Outside") -> None:
    """What has to work before anything is started: starting is recovering."""
    closed, leases = repair(ports)
    _log.info("starts; closed %d dead runs, released %d stale leases", len(closed), len(leases))
    ProcessStates(ports.documents).declare()


def is_running(home: Home) -> bool:
    """Whether this home has a supervisor."""
    return hosting.supervisor_runs(home)


def reload_supervisor(home: Home) -> Refused | None:
    """Ask the supervisor of this home to read its configuration anew."""
    pid = _supervisor_pid(home)
    if isinstance(pid, Refused):
        return pid
    os.kill(pid, signal.SIGHUP)
    return None


def stop_supervisor(home: Home) -> Refused | None:
    """Ask the supervisor of this home to end, and wait until it has."""
    pid = _supervisor_pid(home)
    if isinstance(pid, Refused):
        return pid
    os.kill(pid, signal.SIGTERM)
    clock = wiring.machine_clock()
    deadline = clock.monotonic() + _DOWN_SECONDS_MAX
    while hosting.supervisor_runs(home):
        if clock.monotonic() > deadline:
            raise Unavailable(f"the supervisor (pid {pid}) has not ended after {_DOWN_SECONDS_MAX:.0f} s")
        clock.sleep(0.05)
    return None


def _supervisor_pid(home: Home) -> int | Refused:
    if not hosting.supervisor_runs(home):
        return Refused("no supervisor of this home is running")
    return int((home.run / "supervisor.lock").read_text())


def repair(ports: "Outside") -> tuple[list[str], list[str]]:
    """Close what dead programs left open: runs (their ids) and leases (their names)."""
    closed = ProcessStates(ports.documents).close_dead(hosting.alive, ports.clock.now())
    return [run.run_id for run in closed], ports.leases.release_stale()


@dataclass(slots=True)
class _Daemon:
    """The loop around the supervisor's steps."""

    ports: "Outside"
    clock: Clock
    programs: Programs
    signals: Signals
    supervisor: Supervisor
    until: datetime | None
    do_duties: Callable[[], None]
    init: InitSystem
    is_well: Callable[[float], None]
    reload: Reload
    settings: "Settings"
    draining: bool = False
    step_at: float = 0.0
    breath_at: float = 0.0
    mending: Thread | None = None
    unrecorded_since: float = 0.0

    @classmethod
    def of(cls, home: Home, config: "Config", ports: "Outside", clock: Clock, days: int | None) -> "_Daemon":
        """Everything put together; `days` counts from the clock's present day."""
        received = hosting.signals(home, "supervisor")
        received.listen()
        programs = hosting.children(home, received)
        supervisor = Supervisor(
            specs=config.processes,
            states=ProcessStates(ports.documents),
            clock=clock,
            programs=programs,
            notifier=ports.notifier,
            program_for=lambda spec: _program(home, spec),
            beats=hosting.last_beats(home),
        )
        until = None if days is None else clock.now().replace(hour=0, minute=0, second=0) + timedelta(days=days)
        if wiring.is_paced(clock):
            supervisor.pace = _pace(clock, config.settings.clock, until, lambda: _orders_wait(supervisor, ports))
        else:
            supervisor.poll_seconds = _POLL_SECONDS
        return cls(
            ports=ports,
            clock=clock,
            programs=programs,
            signals=received,
            supervisor=supervisor,
            until=until,
            do_duties=machine_duties(supervisor, ports.notifier, wiring.machine_clock()),
            init=hosting.init_system(),
            is_well=hosting.dead_man_switch(config.settings.notify.dead_man),
            reload=Reload(home),
            settings=config.settings,
        )

    def run(self, watch: bool) -> None:
        """Step until everything has been stopped."""
        from sysproduction.ops.live_table import live_table

        self.init.ready()
        with live_table(self.supervisor, self.clock, shown=watch) as refresh, closing(self.signals):
            while not self._has_ended():
                self._turn()
                refresh()
        self.ports.notifier.flush(5.0)
        if self.mending is not None:
            self.mending.join()
        _log.info("has stopped")

    def _has_ended(self) -> bool:
        """Whether all is stopped and recorded, or can be recorded by the next start only."""
        if not self.draining or not self.supervisor.running:
            return self.draining
        now = self.clock.monotonic()
        if not (self.supervisor.store_is_down and self.supervisor.all_dead):
            self.unrecorded_since = now
        if now - self.unrecorded_since < _STORE_SECONDS:
            return False
        _log.error("the store is away: the next start records the end of %s", ", ".join(self.supervisor.running))
        return True

    def _turn(self) -> None:
        self._obey_signals()
        now = self.clock.now()
        if self.until is not None and now >= self.until:
            self._drain("its days have passed")
        if self.clock.monotonic() >= self.step_at:
            self.breath_at = self.clock.monotonic() + _BREATH_SECONDS
            wait = self.supervisor.step(now)
            self.step_at = self.clock.monotonic() + wait
        self._mend_store()
        self.do_duties()
        self._take_reload()
        self._tell_alive()
        self._rest()

    def breathe(self) -> None:
        """What cannot wait for the end of a step: done in its middle if the store is slow."""
        if self.clock.monotonic() < self.breath_at:
            return
        self.breath_at = self.clock.monotonic() + _BREATH_SECONDS
        self.supervisor.end_overdue()
        self.supervisor.enforce_limits()
        self.supervisor.look_for_hangs()
        self._tell_alive()

    def _rest(self) -> None:
        """Until the next step or the next duties; whatever ends the rest early is a reason for a step."""
        begun = self.clock.monotonic()
        seconds = min(max(0.0, self.step_at - begun), _DUTY_SECONDS)
        self.programs.wait(seconds)
        if self.clock.monotonic() < begun + seconds:
            self.step_at = 0.0

    def _obey_signals(self) -> None:
        for number in self.signals.drain():
            if number == signal.SIGHUP:
                self.init.reloading()
                self.reload.begin()
            elif self.draining:
                _log.warning("was told twice to stop: kills its children")
                self.supervisor.kill_all()
            else:
                self._drain(f"received {signal.Signals(number).name}")

    def _take_reload(self) -> None:
        if not self.reload.is_over:
            return
        config = self.reload.result()
        if config is not None:
            touched = self.supervisor.reload(config.processes)
            for sentence in to_restart(self.settings, config.settings):
                _log.warning("%s", sentence)
            self.settings = config.settings
            self.step_at = 0.0
            self.programs.close()  # the next child comes from a template with today's code
            _log.info("reloaded the configuration; to be restarted or stopped: %s", ", ".join(touched) or "nothing")
        self.init.ready()  # with the new or the old one: the reload that began is over

    def _tell_alive(self) -> None:
        """To the service manager whenever the loop turns; to the dead man's switch only while all is well."""
        now = self.clock.monotonic()
        self.init.alive(now)
        if not self.supervisor.store_is_down:
            self.is_well(now)

    def _drain(self, reason: str) -> None:
        if not self.draining:
            _log.info("stops: %s", reason)
            self.draining = True
            self.step_at = 0.0
            self.init.stopping()
            self.supervisor.drain()

    def _mend_store(self) -> None:
        """The embedded database is the supervisor's first child: start it again if it is gone, beside the loop, for
        that may take seconds."""
        if not (self.supervisor.store_is_down and self.ports.uses_embedded_mongo):
            return
        if self.mending is None or not self.mending.is_alive():
            self.mending = Thread(target=_mend, args=(self.ports,), name="mend-store", daemon=True)
            self.mending.start()


def _mend(ports: "Outside") -> None:
    try:
        ports.embedded_mongo.acquire()
    except SysproductionError as error:
        _log.error("%s", error)


def _pace(
    clock: PacedClock, settings: "ClockSettings", until: datetime | None, orders_wait: Callable[[], bool]
) -> Pace:
    """Fast while no once-a-day work goes on, but less so while orders wait, and never past the next deadline; at one
    steady speed otherwise."""

    def pace(busy: bool, deadline: datetime | None) -> None:
        if settings.fast_speed is None:
            clock.run_at(settings.speed, clock.now() + wiring.FAR)
            return
        speed = settings.speed if busy else settings.fast_speed
        if not busy and settings.trading_speed is not None and orders_wait():
            speed = settings.trading_speed
        ends = [moment for moment in (deadline, until) if moment is not None]
        clock.run_at(speed, min(ends, default=clock.now() + wiring.FAR))

    return pace


def _orders_wait(supervisor: Supervisor, ports: "Outside") -> bool:
    """Whether somebody works on orders that are not done; not if that cannot be found out."""
    if "run_stack_handler" not in supervisor.running:
        return False
    try:
        return OrderStack(ports.documents).has_active()
    except Unavailable:
        return False


def _program(home: Home, spec: ProcessSpec) -> Program:
    arguments = ("--home", str(home.path), "run", spec.name, "--no-wait", "--accepted")
    log = str(home.logs / f"{spec.name}.log")
    return Program(spec.name, arguments, log, fresh=spec.start_method is StartMethod.EXEC)


@contextmanager
def _logging(home: Home, watch: bool) -> Iterator[None]:
    """The supervisor logs to its file, an error that ends it included, and to the terminal unless a live table is
    drawn there."""
    handler = hosting.bounded_log(home.logs / "supervisor.log")
    is_drawn = watch and sys.stderr.isatty()
    hosting.log_to_stderr("supervisor", logging.WARNING if is_drawn else logging.INFO, also=handler)
    try:
        yield
    finally:
        if sys.exc_info()[1] is not None:
            handler.handle(
                logging.makeLogRecord(
                    {"msg": "is ended by an error", "levelname": "CRITICAL", "exc_info": sys.exc_info()}
                )
            )
        logging.getLogger().removeHandler(handler)
        handler.close()


def _refuse(reason: str) -> int:
    import typer

    typer.echo(f"refused: {reason}", err=True)
    return Refused.exit_code
