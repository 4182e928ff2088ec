"""The commands that stay: the control shell and the monitor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.ops.session import session

if TYPE_CHECKING:
    from sysproduction.control.glance import Glance


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(shell)
    app.command()(monitor)


def shell(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Read commands from this file.", exists=True)] = None,
) -> None:
    """All commands at one prompt; reads them from a pipe or a file as well, and then ends with the last failure's
    exit code."""
    from sysproduction.ops.kept_session import KeptSession
    from sysproduction.ops.shell import Shell

    kept = KeptSession(session(context).home)
    try:
        if file is not None:
            code = Shell(kept).read(file.read_text(encoding="utf-8").splitlines())
        elif sys.stdin.isatty() and sys.stdout.isatty():
            code = Shell(kept).talk()
        else:
            code = Shell(kept).read(sys.stdin)
    finally:
        kept.close()
    raise typer.Exit(code)


def monitor(context: typer.Context) -> None:
    """Processes, orders, positions, alerts and the log, full-screen and live; q leaves."""
    from sysproduction.ops.kept_session import KeptSession
    from sysproduction.ops.monitor_screen import MonitorScreen
    from sysproduction.ops.shell import onlooker

    kept = KeptSession(session(context).home)
    environment = str(kept.config().settings.environment)

    def look() -> "Glance":
        with kept.outside() as ports:
            return onlooker(ports).look(ports.clock.now())

    try:
        MonitorScreen(look, environment, kept.home.logs / "supervisor.log").run()
    finally:
        kept.close()
