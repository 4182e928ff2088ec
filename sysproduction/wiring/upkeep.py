"""What looks after a home: copies of its backups elsewhere, and cleaning."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sysproduction.config.home import Home
from sysproduction.ports import Housekeeping

if TYPE_CHECKING:
    from sysproduction.config.settings import BackupSettings, CleanerSettings


def off_site(settings: "BackupSettings") -> Callable[[Sequence[Path]], int] | None:
    """Copies backups to another place, if one is configured."""
    if settings.off_site is None:
        return None
    from sysproduction.adapters.off_site import copy_off_site

    return partial(copy_off_site, settings.off_site)


def mongodump_program(settings: "BackupSettings", *, embedded: bool) -> Path | None:
    """The program that dumps the documents: the configured one, else the one on PATH for a server of the user's own;
    None: the driver does it, as always for the embedded database."""
    if settings.mongodump is not None or embedded:
        return settings.mongodump
    found = shutil.which("mongodump")
    return None if found is None else Path(found)


def housekeeping(home: Home, settings: "CleanerSettings") -> Housekeeping:
    """What cleaners go by."""
    from sysproduction.adapters.clocks import SystemClock
    from sysproduction.adapters.open_files import open_below

    return Housekeeping(settings.policy(home.path), SystemClock().now, partial(open_below, home.path))
