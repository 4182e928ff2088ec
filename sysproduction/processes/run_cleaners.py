"""The evening's cleaning: retention is in the configuration (`cleaners`); `dry_run` only counts."""

from datetime import timedelta

from sysproduction.domain.cleaning import Litter
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.results import MethodResult
from sysproduction.ports import Housekeeping, World
from sysproduction.stores.process_states import ProcessStates
from sysproduction.upkeep.cleaning import find_old, remove, rotate_echo

__all__ = [
    "clean_backtest_states",
    "clean_echo_files",
    "clean_log_files",
    "clean_run_history",
    "clean_temporary_files",
]


def clean_backtest_states(world: World, dry_run: bool = False) -> MethodResult:
    """Remove old state folders of strategies' decisions, never a strategy's newest."""
    return _clean(world, Litter.BACKTESTS, dry_run=dry_run)


def clean_echo_files(world: World, dry_run: bool = False) -> MethodResult:
    """Rotate what processes of crontab wrote, and remove what is old of it."""
    house = _house(world)
    if not dry_run:
        rotate_echo(house.policy.home, now=house.now())
    return _clean(world, Litter.ECHO, dry_run=dry_run)


def clean_log_files(world: World, dry_run: bool = False) -> MethodResult:
    """Remove old rotated logs, never the one that is written."""
    return _clean(world, Litter.LOGS, dry_run=dry_run)


def clean_run_history(world: World, dry_run: bool = False) -> MethodResult:
    """Remove old runs of processes and executions of methods, never a process's last or running one, nor one that
    nobody was told of."""
    before = world.clock.now() - timedelta(days=_house(world).policy.history_days)
    return MethodResult(items=ProcessStates(world.documents).forget(before, dry_run=dry_run))


def clean_temporary_files(world: World, dry_run: bool = False) -> MethodResult:
    """Remove what a crash left half-written."""
    return _clean(world, Litter.TEMPORARY, dry_run=dry_run)


def _clean(world: World, kind: Litter, *, dry_run: bool) -> MethodResult:
    house = _house(world)
    try:
        found = find_old(kind, house.policy, now=house.now(), open_paths=house.open_paths)
        if not dry_run:
            remove(found, house.policy.home)
    except OSError as error:
        raise Unavailable(f"{error.filename}: cannot be cleaned: {error.strerror}; mend the folder") from error
    return MethodResult(items=len(found))


def _house(world: World) -> Housekeeping:
    assert world.housekeeping is not None
    return world.housekeeping
