"""What `doctor` looks at, one short examination each; none of them takes longer than a couple of seconds."""

import os
import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sysproduction import wiring
from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import SysproductionError, Unavailable
from sysproduction.ops.session import Session
from sysproduction.stores.incidents import Incidents
from sysproduction.stores.process_states import ProcessStates
from sysproduction.wiring import hosting

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.wiring import Outside

_ROOM_FAIL_MB: Final = 200
_ROOM_WARN_MB: Final = 2000
_BACKUP_DAYS: Final = 4
"""A long weekend."""

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one examination: ok, warn or fail, and a sentence that says what to do if it is not ok."""

    subject: str
    result: str
    text: str


def examine(here: Session) -> list[Finding]:
    """Everything, in the order in which it has to work."""
    findings = [_python(), *_guarded("disk", lambda: _disk(here.home.path))]
    try:
        config = here.config(check_methods=True)
    except SysproductionError as error:
        return [*findings, Finding("configuration", FAIL, str(error))]
    findings.append(_configuration(config))
    findings.extend(_permissions(here.home.private_config))
    with ExitStack() as closing:
        ports = closing.enter_context(wiring.outside(here.home, config))
        findings.extend(_guarded("documents", lambda: _documents(ports)))
        answers = findings[-1].result == OK
        for subject, look in (
            ("series", lambda: _series(ports)),
            ("clock", lambda: _clock(ports)),
            ("feed", lambda: _feed(ports)),
        ):
            findings.extend(_guarded(subject, look))
        if answers:  # else it would only be waited for once more
            findings.extend(_guarded("processes", lambda: _processes(ports)))
            findings.extend(_guarded("alerts", lambda: _alerts(ports)))
        findings.extend(_guarded("broker", lambda: _broker(ports)))
        findings.extend(_guarded("backups", lambda: _backups(ports)))
        findings.append(_supervisor(here))
    return findings


def _guarded(subject: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        yield look()
    except (SysproductionError, OSError) as error:
        yield Finding(subject, FAIL, str(error))


def _python() -> Finding:
    return Finding("python", OK, f"Python {platform.python_version()} on {platform.system()} {platform.release()}")


def _disk(path: Path) -> Finding:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e6
    result = FAIL if free < _ROOM_FAIL_MB else WARN if free < _ROOM_WARN_MB else OK
    advice = "" if result == OK else "; make room, or move the home"
    return Finding("disk", result, f"{free / 1000:.1f} GB free under {there}{advice}")


def _configuration(config: "Config") -> Finding:
    text = f"{len(config.processes)} processes"
    if not config.warnings:
        return Finding("configuration", OK, text)
    return Finding("configuration", WARN, "; ".join(str(warning) for warning in config.warnings))


def _permissions(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("private configuration", OK, f"{path}: none, all settings are the shipped ones")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077 and os.name == "posix":
        yield Finding("private configuration", WARN, f"{path}: others may read it; chmod 600 {path}")
    else:
        yield Finding("private configuration", OK, str(path))


def _documents(ports: "Outside") -> Finding:
    clock = wiring.machine_clock()
    begun = clock.monotonic()
    ports.documents.find("processes", limit=1)
    took = 1000 * (clock.monotonic() - begun)
    kind = "embedded" if ports.uses_embedded_mongo else "MongoDB"
    return Finding("documents", OK, f"{kind} answers in {took:.0f} ms")


def _series(ports: "Outside") -> Finding:
    found = ports.series.symbols("adjusted_prices")
    return Finding("series", OK, f"Arctic answers: adjusted prices of {len(found)} instruments")


def _clock(ports: "Outside") -> Finding:
    real, market = wiring.machine_clock().now(), ports.clock.now()
    if wiring.clock_path(ports.home).exists():
        return Finding("clock", OK, f"this home replays: its market clock stands at {market:%Y-%m-%d %H:%M} UTC")
    if real.year < 2024:
        return Finding("clock", FAIL, f"the machine says {real:%Y-%m-%d}: set its clock, and run an NTP client")
    return Finding("clock", OK, f"real time, {market:%Y-%m-%d %H:%M:%S} UTC")


def _feed(ports: "Outside") -> Finding:
    found = ports.feed.instruments()
    result = OK if found else WARN
    return Finding("feed", result, f"{ports.config.settings.feed.kind} lists {len(found)} instruments")


def _processes(ports: "Outside") -> Finding:
    stored = ProcessStates(ports.documents).states().values()
    dead = [s.process for s in stored if s.active is not None and not hosting.alive(s.active.identity)]
    if dead:
        return Finding("processes", WARN, f"{', '.join(dead)} died without a word: run `sysproduction startup`")
    late = _late(ports)
    if late:
        return Finding("processes", WARN, f"no success in the last five days: {', '.join(late)}")
    return Finding("processes", OK, "no stale processes")


def _alerts(ports: "Outside") -> Finding:
    found = Incidents(ports.documents).all()
    if found:
        return Finding("alerts", WARN, f"{len(found)} open: {'; '.join(one.alert.title for one in found[:3])}")
    return Finding("alerts", OK, "no open incident")


def _broker(ports: "Outside") -> Finding:
    """The paper exchange is asked only while its process should run; nothing is changed by it."""
    if ports.broker is None:
        return Finding("broker", OK, "none: orders are made and kept, and nothing is sent")
    try:
        value = ports.broker.account()
    except Unavailable as error:
        return Finding("broker", WARN, f"{error}; run_paper_exchange runs it")
    return Finding("broker", OK, f"the paper exchange answers: {value.value:,.0f} {value.currency}")


def _backups(ports: "Outside") -> Finding:
    from sysproduction.upkeep.backups import backups

    policy = ports.backups
    off_site = policy.off_site
    if off_site is not None and "://" not in off_site and shutil.which("rsync") is None:
        return Finding("backups", FAIL, f"copies go to {off_site} by rsync, which is not installed")
    mongodump = ports.config.settings.backups.mongodump
    if mongodump is not None and not os.access(mongodump, os.X_OK):
        return Finding("backups", FAIL, f"{mongodump} cannot be run: mend it, or change backups.mongodump")
    there = next(folder for folder in (policy.folder, *policy.folder.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        return Finding("backups", FAIL, f"{there} cannot be written: mend it, or change backups.folder")
    ages = {kind: _age_days(found[0], ports.clock.now()) for kind in BackupKind if (found := backups(there, kind))}
    missing = [str(kind) for kind in BackupKind if ages.get(kind, _BACKUP_DAYS + 1) > _BACKUP_DAYS]
    if missing:
        text = (
            f"none of the last {_BACKUP_DAYS} days of {', '.join(missing)} in {policy.folder}: run_backups makes them"
        )
        return Finding("backups", WARN, text)
    return Finding("backups", OK, f"documents, series and files in {policy.folder}")


def _age_days(folder: Path, now: datetime) -> float:
    """By its name."""
    made = datetime.strptime(folder.name.partition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return (now - made) / timedelta(days=1)


def _late(ports: "Outside") -> list[str]:
    """Processes that have run before, but not succeeded lately."""
    states, now = ProcessStates(ports.documents).states(), ports.clock.now()
    since = (now - timedelta(days=5)).date()
    late = []
    for spec in ports.config.processes:
        state = states.get(spec.name)
        if state is not None and state.outcomes and state.active is None:
            good = [day for day, outcome in state.outcomes if str(outcome) == "succeeded" and day >= since]
            late += [] if good else [spec.name]
    return late


def _supervisor(here: Session) -> Finding:
    if hosting.supervisor_runs(here.home):
        return Finding("supervisor", OK, "running")
    return Finding("supervisor", WARN, "not running: start it with `sysproduction up`")
