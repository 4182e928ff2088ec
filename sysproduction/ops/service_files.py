"""What has the machine start this installation: a unit for systemd, or lines for crontab. Pure texts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.processes import ProcessSpec

STOP_MARGIN_SECONDS: Final = 60.0
"""What the supervisor needs after its last child: alerts, the database's end."""

_UNIT: Final = """\
[Unit]
Description=sysproduction, supervised futures trading
Documentation=https://github.com/sysproduction/sysproduction
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
User={user}
ExecStart="{program}" --home "{home}" up
ExecReload=/bin/kill -HUP $MAINPID
# Exit code 2 is a mistake in the configuration and 4 a second supervisor: another start mends neither.
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4
WatchdogSec=60
TimeoutStartSec=300
# Only the supervisor is asked to stop, and ends its processes in order; longer than the longest of them may take.
KillMode=mixed
TimeoutStopSec={stop_seconds}
Environment="NUMBA_CACHE_DIR={home}/run/numba"
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
{writable}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""

_CRONTAB: Final = """\
# Each process by itself, without the supervisor: `run` waits for its window and its previous process, and two runs of
# one process exclude each other. Times are those of the configuration ({zone}): have the machine run in that zone.
# What a process says goes to its echo file in the home's logs; run_cleaners rotates it.
SHELL=/bin/sh
PROGRAM={program}
SYSPRODUCTION_HOME={home}

@reboot "$PROGRAM" startup >>"$SYSPRODUCTION_HOME/logs/startup.echo" 2>&1
"""

_BEGIN: Final = "# sysproduction begins: {home}"
_END: Final = "# sysproduction ends: {home}"


@dataclass(frozen=True, slots=True)
class Installation:
    """The program's absolute path, the home, the user who runs it, and folders outside the home that it writes."""

    program: Path
    home: Path
    user: str
    others: tuple[Path, ...] = ()


def unit(place: Installation, specs: Iterable[ProcessSpec]) -> str:
    """A unit that runs the supervisor; raises ConfigError for a path that systemd could misread."""
    _refuse(place, r'[%$"\\\n]')
    longest = max((spec.limits.stop_seconds for spec in specs), default=0.0)
    return _UNIT.format(
        user=place.user,
        program=place.program,
        home=place.home,
        stop_seconds=round(longest + STOP_MARGIN_SECONDS),
        writable="\n".join(f'ReadWritePaths="{path}"' for path in (place.home, *place.others)),
    )


def crontab(place: Installation, specs: Sequence[ProcessSpec]) -> str:
    """Lines that start each process when its window opens; raises ConfigError for a path that cron could misread."""
    _refuse(place, r'[%"\\\n]')
    zones = sorted({spec.timezone for spec in specs})
    head = _CRONTAB.format(zone=", ".join(zones), program=place.program, home=place.home)
    return head + "".join(f"{_line(spec)}\n" for spec in specs)


def with_block(table: str, block: str, home: Path) -> str:
    """A crontab with this home's block put in place of the one that it had; an empty block takes it away."""
    begin, end = _BEGIN.format(home=home), _END.format(home=home)
    rest = re.sub(rf"^{re.escape(begin)}\n.*?^{re.escape(end)}\n", "", table, flags=re.MULTILINE | re.DOTALL)
    return f"{rest}{begin}\n{block}{end}\n" if block else rest


def _line(spec: ProcessSpec) -> str:
    start = spec.start_time
    days = "*" if len(spec.days) == 7 else ",".join(str((day + 1) % 7) for day in sorted(spec.days))
    echo = f'>>"$SYSPRODUCTION_HOME/logs/{spec.name}.echo" 2>&1'
    return f'{start.minute} {start.hour} * * {days} "$PROGRAM" run {spec.name} {echo}'


def _refuse(place: Installation, pattern: str) -> None:
    for path in (place.program, place.home, *place.others):
        if re.search(pattern, str(path)):
            raise ConfigError(f"{path}: a path with such characters cannot stand in a service file; move it")
