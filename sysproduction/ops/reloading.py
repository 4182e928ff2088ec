"""Reading the configuration anew while everything runs: checked by a program of its own, so that the loop never waits
and a bad file changes nothing."""

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from sysproduction.config.home import Home

if TYPE_CHECKING:
    from sysproduction.config.loading import Config

_log = logging.getLogger(__name__)


def check_command(home: Home) -> list[str]:
    """The command line that checks a home's whole configuration, methods included."""
    return [sys.executable, "-m", "sysproduction.ops.main", "--home", str(home.path), "check"]


class Reload:
    """One reload at a time; `result` is asked again and again until it has one."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._check: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start the check, unless one is under way."""
        if self._check is None:
            self._check = subprocess.Popen(
                check_command(self._home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )

    def result(self) -> "Config | None":
        """The new configuration, once it has been found right; what is wrong with a bad one goes to the log."""
        if self._check is None or self._check.poll() is None:
            return None
        _out, said = self._check.communicate()
        code, self._check = self._check.returncode, None
        if code == 0:
            from sysproduction.config import loading

            return loading.load(self._home, environ=os.environ)
        _log.error("the configuration is not reloaded, the old one goes on:\n%s", said.decode(errors="replace").strip())
        return None
