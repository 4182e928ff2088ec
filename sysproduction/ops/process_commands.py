"""Commands that look at processes and steer them."""

import json
import os
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.processes import ControlState
from sysproduction.ops.session import Session, session

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str], typer.Argument(help="Processes by name, or all.", metavar="PROCESS...")]

_FOLLOW_SECONDS = 0.2


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(start)
    app.command()(go)
    app.command("resume")(go)
    app.command()(stop)
    app.command()(pause)
    app.command("no-run")(no_run)
    app.command()(history)
    app.command()(summary)
    app.command()(schedule)
    app.command()(logs)


def status(context: typer.Context, as_json: Json = False) -> None:
    """What every process does now, and what it waits for."""
    from sysproduction.control import processes
    from sysproduction.ops import render
    from sysproduction.stores.process_states import ProcessStates
    from sysproduction.wiring import hosting

    here = session(context)
    with here.outside() as ports:
        now = ports.clock.now()
        rows = processes.overview(ports.config.processes, ProcessStates(ports.documents), hosting.alive, now)
    supervised = hosting.supervisor_runs(here.home)
    if as_json:
        found = {
            "now": now,
            "supervisor": "running" if supervised else "not running",
            "processes": render.rows_of(rows),
        }
        render.show_json(found)
        return
    word = "running" if supervised else "not running: start it with `sysproduction up`"
    render.show(render.rows_of(rows), as_json=False, title=f"{now:%Y-%m-%d %H:%M:%S} UTC, supervisor {word}")


def start(context: typer.Context, names: Names) -> None:
    """Let processes run, once more if they already ended for their trading day."""
    from sysproduction.control import processes
    from sysproduction.stores.process_states import ProcessStates
    from sysproduction.wiring import hosting

    with session(context).outside() as ports:
        specs = processes.named(ports.config.processes, names)
        started = processes.start(ProcessStates(ports.documents), specs)
        hosting.wake(ports.home)
        for state in started:
            typer.echo(f"{state.process}: GO; it runs when its window and its previous process allow")


def go(context: typer.Context, names: Names) -> None:
    """Set processes to GO: they run as configured."""
    _set(session(context), names, ControlState.GO)


def stop(context: typer.Context, names: Names) -> None:
    """Set processes to STOP: a running one ends in an orderly way, none starts."""
    _set(session(context), names, ControlState.STOP)


def pause(context: typer.Context, names: Names) -> None:
    """Set processes to PAUSE: a running one stays alive but runs no method, none starts."""
    _set(session(context), names, ControlState.PAUSE)


def no_run(context: typer.Context, names: Names) -> None:
    """Set processes to NO-RUN: a running one goes on, none starts."""
    _set(session(context), names, ControlState.NO_RUN)


def history(
    context: typer.Context,
    process: Annotated[str | None, typer.Argument(help="Of one process only.")] = None,
    methods: Annotated[bool, typer.Option("--methods", help="Executions of methods instead of runs.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Runs of processes, or executions of their methods, newest first."""
    from sysproduction.control import processes
    from sysproduction.ops import render
    from sysproduction.stores.process_states import ProcessStates

    with session(context).outside() as ports:
        if process is not None:
            processes.named(ports.config.processes, [process])
        states = ProcessStates(ports.documents)
        if methods:
            rows = render.rows_of(states.method_runs(process=process, limit=limit))
        else:
            rows = render.rows_of(states.runs(process=process, limit=limit))
    if not as_json:
        rows = [_short(row) for row in rows]
    render.show(rows, as_json=as_json, empty="nothing has run yet")


def summary(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, help="How many days of the market clock to look back.")] = 7,
    as_json: Json = False,
) -> None:
    """What ran on each trading day: outcomes, rows written, problems; exit 1 unless every process succeeded."""
    from sysproduction.control import processes
    from sysproduction.ops import render
    from sysproduction.stores.process_states import ProcessStates

    with session(context).outside() as ports:
        since = ports.clock.now() - timedelta(days=days)
        summaries = processes.summarise(ProcessStates(ports.documents), since)
        missing = processes.unsuccessful(ports.config.processes, summaries)
    if as_json:
        render.show_json({"days": render.rows_of(summaries), "unsuccessful": missing})
    else:
        rows = [row | {"problems": len(row["problems"])} for row in render.rows_of(summaries)]
        render.show(rows, as_json=False, empty="nothing has run yet")
        found = [problem for one in summaries for problem in one.problems]
        render.show([dict(p) for p in found], as_json=False, title="problems, by item", empty="no problems")
    for sentence in missing:
        typer.echo(sentence, err=True)
    if missing:
        raise typer.Exit(1)


def schedule(
    context: typer.Context,
    hours: Annotated[float, typer.Option(min=0, max=24 * 366, help="How far to look ahead.")] = 24.0,
    as_json: Json = False,
) -> None:
    """What will run when: windows, dependencies, methods with their frequencies and counts."""
    from sysproduction import wiring
    from sysproduction.control.schedules import coming
    from sysproduction.ops import render

    here = session(context)
    config = here.config()
    now = wiring.market_clock(here.home, config.settings.clock).now()
    rows = render.rows_of(coming(config.processes, now=now, until=now + timedelta(hours=hours)))
    render.show(rows, as_json=as_json, title=f"from {now:%Y-%m-%d %H:%M} UTC", empty=f"nothing opens in {hours:g} h")


def logs(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A process, supervisor, template or database.")] = "supervisor",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until interrupted.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="How many of the last lines.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as a JSON object.")] = False,
) -> None:
    """Show the end of a log."""
    from sysproduction import wiring

    here = session(context)
    path = here.home.logs / f"{name}.log"
    if not path.is_file():
        found = ", ".join(sorted(p.stem for p in here.home.logs.glob("*.log"))) or "none yet"
        raise ConfigError(f"{path}: there is no such log; logs of this home: {found}")
    say = _say_json if as_json else _say
    log = _tail(path, lines, say)
    clock = wiring.machine_clock()
    try:
        while follow:
            clock.sleep(_FOLLOW_SECONDS)
            log = _show_new(path, log, say)
    finally:
        log.close()


def _set(here: Session, names: list[str], control: ControlState) -> None:
    from sysproduction.control import processes
    from sysproduction.stores.process_states import ProcessStates
    from sysproduction.wiring import hosting

    with here.outside() as ports:
        specs = processes.named(ports.config.processes, names)
        changed = processes.set_control(ProcessStates(ports.documents), specs, control)
        hosting.wake(ports.home)
        for state in changed:
            typer.echo(f"{state.process}: {state.control}")


def _short(row: dict[str, object]) -> dict[str, object]:
    hidden = {"run_id", "identity", "number"} if "identity" in row else {"run_id"}
    shown = {key: value for key, value in row.items() if key not in hidden}
    if isinstance(problems := row.get("problems"), tuple):
        shown["problems"] = len(problems)
    return shown


def _say(line: str) -> None:
    typer.echo(line, nl=False)


def _say_json(line: str) -> None:
    typer.echo(json.dumps({"line": line.rstrip("\n")}))


def _tail(path: Path, lines: int, say: Callable[[str], None]) -> TextIO:
    log = path.open("r", errors="replace")
    for line in deque(log, maxlen=lines):
        say(line)
    return log


def _show_new(path: Path, log: TextIO, say: Callable[[str], None]) -> TextIO:
    """Print what has come; after a rotation the rest of the old file, then the new one."""
    is_rotated = path.exists() and not os.path.samestat(path.stat(), os.fstat(log.fileno()))
    for line in log:
        say(line)
    if not is_rotated:
        return log
    log.close()
    return _show_new(path, path.open("r", errors="replace"), say)
