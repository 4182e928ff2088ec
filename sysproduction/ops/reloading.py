"""Reading the configuration anew while everything runs: checked by a program of its own, so that the loop never waits
and a bad file changes nothing."""

import logging
import os
import subprocess
import sys
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from sysproduction.config.home import Home
from sysproduction.domain.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.config.settings import Settings

_SAID_BYTES_MAX: Final = 20_000
_OF_THE_SUPERVISOR: Final = frozenset({"environment", "mongo", "mongo_database", "notify", "clock"})

_log = logging.getLogger(__name__)


def check_command(home: Home) -> list[str]:
    """The command line that checks a home's whole configuration, methods included."""
    return [sys.executable, "-m", "sysproduction.ops.main", "--home", str(home.path), "check"]


def to_restart(old: "Settings", new: "Settings") -> list[str]:
    """Sentences that name the settings which have changed and are obeyed after another start only."""
    changed = [name for name in type(new).model_fields if getattr(old, name) != getattr(new, name)]
    own = [name for name in changed if name in _OF_THE_SUPERVISOR]
    told = []
    if changed:
        told.append(f"changed settings: {', '.join(changed)}; a process obeys them from its next start on")
    if own:
        told.append(f"the supervisor itself obeys {', '.join(own)} only after `sysproduction down` and then `up`")
    return told


class Reload:
    """One reload at a time: begun, over after a while, and then its result is taken."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._check: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._again = False

    def begin(self) -> None:
        """Start the check; while one is under way, which may have read the file already, another one follows it."""
        if self._check is not None:
            self._again = True
            return
        command = check_command(self._home)
        with TemporaryFile() as said:  # a pipe that nobody reads could fill
            self._check = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said.fileno()
            )
            self._said = os.fdopen(os.dup(said.fileno()), "rb")

    @property
    def is_over(self) -> bool:
        """Whether a check has ended whose result was not taken."""
        return self._check is not None and self._check.poll() is not None

    def result(self) -> "Config | None":
        """The new configuration, if it was found right; what is wrong with a bad one goes to the log."""
        from sysproduction.config.accepted import accept

        assert self._check is not None
        assert self._said is not None
        code, self._check = self._check.returncode, None
        with self._said as file:
            file.seek(0)
            said = file.read(_SAID_BYTES_MAX).decode(errors="replace").strip()
        try:
            if code == 0:
                return accept(self._home, environ=os.environ)
        except (ConfigError, Unavailable) as error:  # it was changed since, or cannot be kept
            said = str(error)
        finally:
            if self._again:
                self._again = False
                self.begin()
        _log.error("the configuration is not reloaded, the old one goes on:\n%s", said)
        return None
