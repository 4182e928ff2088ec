"""Cleaners: old files of the home, never the newest of anything, never what a running program has open."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sysproduction.domain.cleaning import CleaningPolicy, Litter
from sysproduction.domain.errors import DataError

_DECISION: Final = re.compile(r"\d+")
_ECHO: Final = re.compile(r".+\.echo\.\d{8}T\d{6}")
_ROTATED: Final = re.compile(r".+\.log\.\d+")
_UNFINISHED: Final = re.compile(r"\.writing-.+|\..+\.\d+|.+\.(part|new)")
_STORES: Final = ("mongo", "arctic")


@dataclass(frozen=True, slots=True)
class Old:
    """A file or a folder that is old: its size in bytes, and when it last changed."""

    kind: Litter
    path: Path
    size: int
    changed_at: datetime


def find_old(
    kind: Litter, policy: CleaningPolicy, *, now: datetime, open_paths: Callable[[], frozenset[Path]]
) -> list[Old]:
    """What may go, by the machine's time `now`; raises DataError if a folder of the home leads outside it, OSError if
    the disk cannot be read."""
    since = now - timedelta(days=policy.days(kind))
    aged = [old for path in _FINDERS[kind](policy.home) if (old := _look(kind, path)) and old.changed_at < since]
    if not aged:
        return []
    used = open_paths()
    return [old for old in aged if not any(path.is_relative_to(old.path) for path in used)]


def remove(found: list[Old], home: Path) -> None:
    """Take away what was found; what is gone already does no harm."""
    for old in found:
        _inside(home, old.path.parent)
        if old.path.is_dir():
            shutil.rmtree(old.path)
        else:
            old.path.unlink(missing_ok=True)


def rotate_echo(home: Path, *, now: datetime) -> int:
    """Give files that processes of crontab append to the day's name, so that they can grow old; how many. A process
    that writes goes on in the renamed one."""
    folder = _inside(home, home / "logs")
    grown = [path for path in folder.glob("*.echo") if not path.is_symlink() and path.stat().st_size]
    for path in grown:
        path.rename(path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S}"))
    return len(grown)


def _backtests(home: Path) -> Iterator[Path]:
    """All state folders but the newest of each strategy."""
    for strategy in _folders(_inside(home, home / "data" / "strategies")):
        numbered = [path for path in _folders(strategy) if _DECISION.fullmatch(path.name)]
        yield from sorted(numbered, key=lambda path: int(path.name))[:-1]


def _echo(home: Path) -> Iterator[Path]:
    yield from _named(_inside(home, home / "logs"), _ECHO)


def _logs(home: Path) -> Iterator[Path]:
    yield from _named(_inside(home, home / "logs"), _ROTATED)


def _temporary(home: Path) -> Iterator[Path]:
    """What a writer that died has left beside its place; the stores' own files are theirs."""
    for name in ("data", "reports", "run", "logs", "backups"):
        yield from _unfinished(_inside(home, home / name))
    yield from _named(_inside(home, home / "run"), re.compile("empty_stores"))
    yield from _named(home, _UNFINISHED)


def _unfinished(folder: Path) -> Iterator[Path]:
    yield from _named(folder, _UNFINISHED)
    for below in _folders(folder):
        if below.name not in _STORES and not _UNFINISHED.fullmatch(below.name):
            yield from _unfinished(below)


_FINDERS: Final[dict[Litter, Callable[[Path], Iterator[Path]]]] = {
    Litter.BACKTESTS: _backtests,
    Litter.ECHO: _echo,
    Litter.LOGS: _logs,
    Litter.TEMPORARY: _temporary,
}


def _inside(home: Path, folder: Path) -> Path:
    """The folder, if it really lies in the home."""
    real = folder.resolve()
    if not real.is_relative_to(home.resolve()):
        raise DataError(
            f"{folder} leads to {real}, outside the home: cleaners remove nothing there; move it back into the home, "
            "or switch this method off"
        )
    return folder


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name) and not path.is_symlink())


def _look(kind: Litter, path: Path) -> Old | None:
    """A folder is as young as the youngest thing in it; None if it is gone meanwhile."""
    with suppress(FileNotFoundError):
        stats = [one.lstat() for one in (path, *path.rglob("*"))]
        changed = datetime.fromtimestamp(max(stat.st_mtime for stat in stats), UTC)
        return Old(kind, path, sum(stat.st_size for stat in stats), changed)
    return None
