"""Commands that run things: the supervisor, one process, one method, the repair of what a crash left."""

import subprocess
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.config.loading import Config


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(reload)
    app.command()(run)
    app.command()(method)
    app.command()(startup)


def up(
    context: typer.Context,
    replay_from: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Give this home a market clock that begins on this recorded day (UTC)."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="End by itself when so many days of the market clock have passed.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show a live table.")] = False,
) -> None:
    """Keep the configured processes running until it is stopped (Ctrl-C, TERM or `sysproduction down`)."""
    from sysproduction.ops import daemon
    from sysproduction.ops.reloading import check_command

    here = session(context)
    if daemon.is_running(here.home):  # again, and for certain, once all is checked; this answer is quick
        raise leave_refused(daemon.RUNS_ALREADY)
    # In a program of its own: the methods' modules must not weigh on a daemon that runs for months.
    checked = subprocess.run(check_command(here.home), stdout=subprocess.DEVNULL, check=False)
    if checked.returncode:
        raise typer.Exit(checked.returncode)
    config = here.config()
    start = _moment(replay_from) if replay_from else config.settings.clock.start
    code = daemon.supervise(here.home, config, start=start, days=days, watch=watch)
    raise typer.Exit(code)


def down(context: typer.Context) -> None:
    """Stop the supervisor and everything it runs, in an orderly way; returns when all is down."""
    from sysproduction.ops import daemon

    here = session(context)
    answer = daemon.stop_supervisor(here.home)
    if isinstance(answer, Refused):
        raise leave_refused(answer)
    typer.echo("the supervisor has stopped")


def reload(context: typer.Context) -> None:
    """Have the supervisor read its configuration anew; what has not changed is left alone, and what is obeyed after
    another start only is named."""
    from sysproduction.ops import daemon
    from sysproduction.ops.reloading import to_restart

    here = session(context)
    new = here.config(check_methods=True)
    old = here.config(accepted=True) if daemon.is_running(here.home) else new
    if isinstance(answer := daemon.reload_supervisor(here.home), Refused):
        raise leave_refused(answer)
    typer.echo("the configuration is right; the supervisor reads it now")
    for sentence in to_restart(old.settings, new.settings):
        typer.echo(sentence)


def run(
    context: typer.Context,
    process: Annotated[str, typer.Argument(help="A process by name.")],
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the process may start, or refuse at once.")
    ] = True,
    accepted: Annotated[
        bool, typer.Option("--accepted", hidden=True, help="With the configuration that the supervisor has accepted.")
    ] = False,
) -> None:
    """Run one process, as the supervisor and crontab do: waits for its window and its previous process."""
    from sysproduction.control.processes import named
    from sysproduction.ops import child

    here = session(context)
    config = here.config(accepted=accepted)
    (spec,) = named(config.processes, [process])
    result = child.run(here.home, config, spec, wait=wait)
    if isinstance(result, Refused):
        raise leave_refused(result)
    raise typer.Exit(result)


def method(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="PROCESS.METHOD", help="Such as run_daily_prices_updates.update_fx_prices.")
    ],
    as_json: Json = False,
) -> None:
    """Run one method once, with the arguments of the configuration, outside its process."""
    from sysproduction.ops import child, render

    here = session(context)
    config = here.config()
    spec, wanted = _method_of(config, name)
    result = child.run_method(here.home, config, spec, wanted)
    if isinstance(result, Refused):
        raise leave_refused(result)
    rows = [{"item": p.item, "kind": str(p.kind), "reason": p.reason} for p in result.problems]
    if as_json:
        found = {"method": name, "rows_written": result.rows_written, "items": result.items, "problems": rows}
        render.show_json(found)
        return
    typer.echo(f"{name}: {result.items} items, {result.rows_written} rows written")
    render.show(rows, as_json=False, title="problems", empty="no problems")


def startup(context: typer.Context, as_json: Json = False) -> None:
    """Close the records of runs whose programs are gone and free their leases; safe at any time."""
    from sysproduction.ops import daemon, render

    with session(context).outside() as ports:
        closed, leases = daemon.repair(ports)
    if as_json:
        render.show_json({"closed_runs": closed, "released_leases": leases})
        return
    typer.echo(f"closed {len(closed)} dead runs, released {len(leases)} stale leases")
    for line in (*closed, *leases):
        typer.echo(f"  {line}")


def _method_of(config: "Config", name: str) -> tuple[str, str]:
    from sysproduction.config.problems import closest

    known = {f"{spec.name}.{m.name}" for spec in config.processes for m in spec.methods}
    if name not in known:
        close = closest(name, sorted(known))
        hint = f"did you mean {close}?" if close else "see `sysproduction schedule`"
        raise ConfigError(f"no method is configured as {name}: expected PROCESS.METHOD; {hint}")
    process, _, wanted = name.partition(".")
    return process, wanted


def _moment(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError as error:
        raise ConfigError(f"--replay-from {text}: expected a date such as 2023-08-21") from error
