"""Commands for backups: which there are, whether they are whole, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.upkeep.backups import Backup

Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Backups; run_backups makes them.")
    group.command("show")(show)
    group.command("check")(check)
    app.add_typer(group, name="backup")
    app.command()(restore)


def show(context: typer.Context, as_json: Json = False) -> None:
    """The complete backups, newest first."""
    from sysproduction.ops import render
    from sysproduction.upkeep import backups

    with session(context).outside() as ports:
        found = [backups.read_backup(folder) for folder in backups.backups(ports.backups.folder)]
    rows = [{"folder": str(b.folder), "made_at": b.made_at, "documents": sum(b.counts.values())} for b in found]
    render.show(rows, as_json=as_json)


def check(folder: Folder) -> None:
    """Compare every file of a backup with its SHA-256."""
    from sysproduction.upkeep import backups

    backup = _read(folder)
    typer.echo(f"{backups.MANIFEST} and {len(backup.files)} files are whole: {sum(backup.counts.values())} documents")


def restore(
    context: typer.Context,
    folder: Folder,
    replace: Annotated[bool, typer.Option("--replace", help="Remove what the database holds first.")] = False,
) -> None:
    """Put the documents of a backup into this home's database, which must be empty; nothing of the home may run."""
    from sysproduction.upkeep import backups
    from sysproduction.wiring import hosting

    _read(folder)
    home = session(context).home
    if hosting.supervisor_runs(home):
        raise leave_refused(Refused("a supervisor runs in this home: end it first with `sysproduction down`"))
    with session(context).outside() as ports:
        done = backups.restore_documents(ports.dumps, folder, replace=replace)
    if isinstance(done, Refused):
        raise leave_refused(done)
    typer.echo(f"restored {sum(done.values())} documents in {len(done)} collections")


def _read(folder: Path) -> "Backup":
    from sysproduction.upkeep import backups

    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; `sysproduction backup show` lists the backups")
    return backups.read_backup(folder)
