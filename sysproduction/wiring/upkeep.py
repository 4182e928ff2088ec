"""What looks after a home: copies of its backups elsewhere, and cleaning."""

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


def housekeeping(home: Home, settings: "CleanerSettings") -> Housekeeping:
    """What cleaners go by."""
    from sysproduction.adapters.clocks import SystemClock
    from sysproduction.adapters.open_files import open_below

    return Housekeeping(settings.policy(home.path), SystemClock().now, partial(open_below, home.path))
