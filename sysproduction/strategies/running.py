"""Run a strategy's system on stored prices, and store what it wants to hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

from sysproduction.domain.capital import Allocation
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.optimal_positions import OptimalPositions, dropped
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.strategies import PositionMethod, Strategy
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.ports import Folders, Series
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.strategies.choosing import Starts, starts_of
from sysproduction.strategies.digests import digest
from sysproduction.strategies.holdings import Books
from sysproduction.strategies.reading import Sources, newest_sources, read_market
from sysproduction.strategies.states import state_files
from sysproduction.strategies.wants import Wants, banded_wants, chosen_wants
from sysproduction.systems.next_contracts import choose
from sysproduction.systems.system import run

NO_TARGET: Final = "there is no position yet: too short a history, or no volatility"


@dataclass(frozen=True, slots=True)
class SystemsDesk:
    """What systems are run from, and where their decisions go."""

    series: Series
    instruments: Instruments
    capital: CapitalStore
    optimal: OptimalPositionStore
    folders: Folders
    books: Books
    base_currency: str
    stale_after_days: int = 5


def run_strategy(desk: SystemsDesk, strategy: Strategy, system: SystemConfig, *, now: datetime) -> MethodResult:
    """Compute optimal positions from the newest stored prices and the strategy's capital, and store them as its next
    decision; nothing is computed or written if nothing that they depend on has changed. A dynamic system's depend on
    what is really held and on what restrains trading too.

    The state folder comes first and the document, which makes the decision, last: a crash between them is made up for
    by the rerun. Raises DataError without capital, ConfigError if the base currencies differ.
    """
    allocation, share = _share(desk, strategy.name)
    if system.base_currency != desk.base_currency:
        raise ConfigError(
            f"strategies.{strategy.name}: its system counts in {system.base_currency}, but capital.base_currency is "
            f"{desk.base_currency}: make them equal"
        )
    wanted = replace(system, capital=share)
    sources = newest_sources(
        desk.series, desk.instruments, system.instruments, now=now, stale_after_days=desk.stale_after_days
    )
    before = desk.optimal.last(strategy.name)
    codes = [listing.instrument.code for listing in sources.listings]
    starts = starts_of(desk.books, strategy.name, codes) if wanted.dynamic else {}
    inputs = digest_of(wanted, sources, starts)
    if before is not None and before.inputs == inputs:
        return MethodResult(items=len(before.positions), problems=_problems(before.excluded))
    market = read_market(desk.series, sources, desk.base_currency)
    # Optimisation goes one step from what is held, not through the whole past.
    result = run(replace(wanted, dynamic=None), market, fresh_since=now - timedelta(days=desk.stale_after_days))
    chosen = choose(result, starts, wanted.dynamic) if wanted.dynamic else None
    made = _Made(inputs, {**sources.versions(), "allocation": allocation.number}, now)
    wants = chosen_wants(result, chosen, starts) if chosen else banded_wants(result)
    decided = _decided(strategy, wanted, wants, before, made)
    desk.folders.put(f"{strategy.name}/{decided.number:06d}", state_files(decided, wanted, result, chosen))
    desk.optimal.add(decided)
    return MethodResult(
        rows_written=len(decided.positions), items=len(decided.positions), problems=_problems(decided.excluded)
    )


def _share(desk: SystemsDesk, strategy: str) -> tuple[Allocation, float]:
    allocation = desk.capital.allocation().last
    if allocation is None or strategy not in allocation.shares:
        raise DataError(
            f"{strategy} has no capital: run_capital_update splits it (`sysproduction method "
            "run_capital_update.strategy_allocation`)"
        )
    share = allocation.shares[strategy].capital
    if share <= 0:
        raise DataError(f"the capital of {strategy} is {share:g}, but must be above 0 (`sysproduction capital show`)")
    return allocation, share


def digest_of(system: SystemConfig, sources: Sources, starts: Starts) -> str:
    """The same text for the same inputs: system and capital, definitions, versions of prices and rates, what is
    missing, what a dynamic system starts from, and the version of this program."""
    return digest(
        {
            "program": version("sysproduction"),
            "system": asdict(system),
            "listings": [asdict(listing) for listing in sources.listings],
            "versions": sources.versions(),
            "missing": sorted(sources.missing),
            "starts": {code: asdict(start) for code, start in starts.items()},
        }
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """From what a decision was made, and when."""

    inputs: str
    versions: Mapping[str, int]
    now: datetime


def _decided(
    strategy: Strategy, system: SystemConfig, wants: Wants, before: OptimalPositions | None, made: _Made
) -> OptimalPositions:
    gone = dropped(before, frozenset(system.instruments))
    without = {code: NO_TARGET for code in system.instruments if code not in wants.positions}
    return OptimalPositions(
        strategy=strategy.name,
        number=before.number + 1 if before else 1,
        day=made.now.date(),
        at=made.now,
        method=PositionMethod.DYNAMIC if system.dynamic else PositionMethod.BUFFERED,
        capital=system.capital,
        inputs=made.inputs,
        positions=tuple(sorted([*wants.positions.values(), *gone], key=lambda position: position.instrument)),
        excluded={**without, **wants.excluded},
        versions=made.versions,
    )


def _problems(excluded: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(Problem(code, ProblemKind.MISSING, reason) for code, reason in sorted(excluded.items()))
