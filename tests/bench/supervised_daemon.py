"""The real daemon over processes of a benchmark: `supervised_daemon.py HOME NAME=SECONDS…`, where each process is due
so many seconds after 1970."""

import os
import sys
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import supervised_child

from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.processes import RestartPolicy
from sysproduction.ops import daemon
from sysproduction.wiring import hosting

RESTART = RestartPolicy(crashes_max=1000, period_minutes=1 / 120)
"""A crash of half a second ago is forgotten: what is measured is the restart of a steady process."""


def main(path: str, *due: str) -> int:
    """Supervise until told to stop."""
    config = loading.load(Home(Path(path)), environ=os.environ)
    moments = {name: float(moment) for name, _, moment in (word.partition("=") for word in due)}
    specs = tuple(
        replace(spec, start_time=_time(moments[spec.name], spec.timezone), restart=RESTART)
        for spec in config.processes
        if spec.name in moments
    )
    hosting.CHILD_ENTRY = f"{supervised_child.__name__}:main"
    return daemon.supervise(config.home, replace(config, processes=specs), start=None, days=None, watch=False)


def _time(moment: float, zone: str) -> time:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).time()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
