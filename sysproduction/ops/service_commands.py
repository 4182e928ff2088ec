"""Commands that have the machine start this installation by itself."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.ops import service_files
from sysproduction.ops.session import Session, session

if TYPE_CHECKING:
    from sysproduction.config.loading import Config

UNIT_NAME = "sysproduction.service"

Cron = Annotated[bool, typer.Option("--cron", help="Lines for crontab, which need no supervisor, instead of a unit.")]
Folder = Annotated[Path, typer.Option(help="Where systemd reads units.")]
_UNITS = Path("/etc/systemd/system")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Start with the machine: under systemd, or from crontab.")
    group.command("show")(show)
    group.command("install")(install)
    group.command("uninstall")(uninstall)
    app.add_typer(group, name="service")


def show(context: typer.Context, cron: Cron = False) -> None:
    """Print what `install` would write."""
    typer.echo(_text(session(context), cron=cron), nl=False)


def install(context: typer.Context, cron: Cron = False, folder: Folder = _UNITS) -> None:
    """Have the machine run this home: write and enable the unit, or put lines into this user's crontab."""
    here = session(context)
    text = _text(here, cron=cron)
    here.home.create()
    if cron:
        _write_table(service_files.with_block(_table(), text, here.home.path))
        typer.echo("crontab starts the processes of this home; `sysproduction service uninstall --cron` takes it back")
        return
    path = folder / UNIT_NAME
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}): run this as root, or name --folder"
        ) from error
    _run(["systemctl", "daemon-reload"])
    _run(["systemctl", "enable", UNIT_NAME])
    typer.echo(f"{path} is enabled; start it now with `systemctl start {UNIT_NAME}`")


def uninstall(context: typer.Context, cron: Cron = False, folder: Folder = _UNITS) -> None:
    """Take back what `install` did; the home stays as it is."""
    here = session(context)
    if cron:
        _write_table(service_files.with_block(_table(), "", here.home.path))
        typer.echo("crontab no longer starts the processes of this home")
        return
    path = folder / UNIT_NAME
    if not path.exists():
        raise ConfigError(f"{path}: there is no such unit; nothing to take back")
    _run(["systemctl", "disable", "--now", UNIT_NAME])
    try:
        path.unlink()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be removed ({error.strerror}): run this as root") from error
    _run(["systemctl", "daemon-reload"])
    typer.echo(f"{path} is gone; what it ran has been stopped")


def _text(here: Session, *, cron: bool) -> str:
    config = here.config()
    place = _installation(here, config)
    return service_files.crontab(place, config.processes) if cron else service_files.unit(place, config.processes)


def _installation(here: Session, config: "Config") -> service_files.Installation:
    """The user is the home's owner, so that root may install what another user runs."""
    path = here.home.path
    owner = path.stat().st_uid if path.exists() else os.getuid()
    outside = [config.settings.backups.folder]
    if not isinstance(config.settings.arctic, str):
        scheme, _, rest = config.settings.arctic.reveal().partition("://")
        outside.append(Path(rest.partition("?")[0]) if scheme == "lmdb" else None)
    others = tuple(folder for folder in outside if folder is not None and not folder.is_relative_to(path))
    program = Path(sys.executable).with_name("sysproduction")
    return service_files.Installation(program, path, pwd.getpwuid(owner).pw_name, others)


def _table() -> str:
    """This user's crontab; empty if there is none yet."""
    done = _ended(["crontab", "-l"])
    if done.returncode and "no crontab" not in done.stderr:
        raise Unavailable(f"crontab -l ended with exit code {done.returncode}: {done.stderr.strip()}")
    return "" if done.returncode else done.stdout


def _write_table(text: str) -> None:
    _run(["crontab", "-"], text)


def _run(words: list[str], given: str = "") -> None:
    done = _ended(words, given)
    if done.returncode:
        raise Unavailable(f"`{' '.join(words)}` ended with exit code {done.returncode}: {done.stderr.strip()}")


def _ended(words: list[str], given: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(f"{words[0]} cannot be run ({error.strerror}): is it installed?") from error
