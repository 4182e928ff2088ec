"""Commands for backups: which there are, whether they are whole and good, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import Session, leave_refused, session

if TYPE_CHECKING:
    from sysproduction.upkeep.backups import Backup
    from sysproduction.wiring import Outside

Folder = Annotated[Path, typer.Argument(help="A backup's folder, or one of backups: then the newest of each kind.")]


def register(app: typer.Typer) -> None:
    """Add the groups and their commands."""
    group = typer.Typer(no_args_is_help=True, help="Backups; run_backups makes them.")
    group.command("show")(show)
    group.command("check")(check)
    group.command("verify")(verify)
    app.add_typer(group, name="backup")
    app.command()(restore)


def show(context: typer.Context, as_json: Json = False) -> None:
    """The complete backups, newest first."""
    from sysproduction.ops import render
    from sysproduction.upkeep import backups

    with session(context).outside() as ports:
        found = [backups.read_backup(folder) for folder in backups.backups(ports.backups.folder)]
    rows = [
        {"folder": str(b.folder), "kind": str(b.kind), "made_at": b.made_at, "files": len(b.files), "of": len(b.counts)}
        for b in found
    ]
    render.show(rows, as_json=as_json, empty="no backups yet: run_backups makes them")


def check(folder: Folder) -> None:
    """Compare every file of a backup with its SHA-256."""
    for backup in _read(folder):
        typer.echo(f"{backup.folder.name}: manifest.json and {len(backup.files)} files are whole")


def verify(context: typer.Context) -> None:
    """Restore the newest backups into empty stores, replay the ledger of fills, and compare everything."""
    from sysproduction.processes.run_backups import verify_backups

    with session(context).outside() as ports:
        done = verify_backups(ports.world(), every_days=0)
    if not done.items:
        raise leave_refused(Refused("there is no backup to verify: `sysproduction method run_backups.backup_files`"))
    typer.echo(f"{done.items} backups are good: restored into empty stores they give back what they were made of")


def restore(
    context: typer.Context,
    folder: Folder,
    replace: Annotated[bool, typer.Option("--replace", help="Remove what the home holds first.")] = False,
) -> None:
    """Bring back a backup into this home, which must be empty; nothing of the home may run."""
    from sysproduction.wiring import hosting

    found = {backup.kind: backup for backup in _read(folder)}
    here = session(context)
    if hosting.supervisor_runs(here.home):
        raise leave_refused(Refused("a supervisor runs in this home: end it first with `sysproduction down`"))
    for kind in (BackupKind.FILES, BackupKind.MONGO, BackupKind.ARCTIC):  # the files tell where the stores are
        if kind in found:
            _restore(here, found[kind], replace=replace)


def _restore(here: Session, backup: "Backup", *, replace: bool) -> None:
    from sysproduction.upkeep.document_backups import restore_documents
    from sysproduction.upkeep.file_backups import restore_files
    from sysproduction.upkeep.series_backups import restore_series

    done: int | dict[str, int] | Refused
    if backup.kind is BackupKind.FILES:
        here.home.create()
        done, of = restore_files(here.home.path, backup, replace=replace), "files"
    else:
        with here.outside() as ports:
            if isinstance(busy := _busy(ports), Refused):
                raise leave_refused(busy)
            if backup.kind is BackupKind.MONGO:
                done, of = restore_documents(ports.dumps, backup, replace=replace), "documents"
            else:
                done, of = restore_series(ports.series, backup, replace=replace), "series"
    if isinstance(done, Refused):
        raise leave_refused(done)
    typer.echo(f"restored {sum(done.values()) if isinstance(done, dict) else done} {of} from {backup.folder.name}")


def _busy(ports: "Outside") -> Refused | None:
    from sysproduction.stores.process_states import ProcessStates
    from sysproduction.wiring import hosting

    for state in ProcessStates(ports.documents).states().values():
        if state.active is not None and hosting.alive(state.active.identity):
            return Refused(f"{state.process} runs in this home as pid {state.active.identity.pid}: end it first")
    return None


def _read(folder: Path) -> "list[Backup]":
    """The backup of this folder, or the newest of each kind in it."""
    from sysproduction.upkeep import backups

    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; `sysproduction backup show` lists the backups")
    newest = [found[0] for kind in BackupKind if (found := backups.backups(folder, kind))]
    return [backups.read_backup(one) for one in newest or [folder]]
