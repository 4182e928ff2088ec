"""The command that runs a strategy over bars, event by event."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

if TYPE_CHECKING:
    from sysproduction.engine.orchestrator import RunResult
    from sysproduction.ops.bar_runs import BarRun


class Source(StrEnum):
    """Where bars come from."""

    STORE = "store"
    SECMASTER = "secmaster"


def backtest_bars(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A shipped strategy, FILE.py[:CLASS] or MODULE:CLASS.")],
    symbols: Annotated[str, typer.Option(help="What to trade, separated by commas.")],
    start: Annotated[str | None, typer.Option(help="First day or time (UTC): 2015-01-01.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day or time (UTC), included.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter; several values with commas: run every combination."),
    ] = None,
    source: Annotated[
        Source, typer.Option(help="Daily back-adjusted bars of the store, or the bars of secmaster.db.")
    ] = Source.STORE,
    period: Annotated[str, typer.Option(help="Period of the bars: SECOND, MINUTE, HOUR or DAY.")] = "DAY",
    broker: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A setting of the simulated broker: cash=100000, fill_at=close."),
    ] = None,
    seed: Annotated[int, typer.Option(help="What strategies draw random numbers from.")] = 0,
    every_bar: Annotated[
        bool, typer.Option("--every-bar", help="Call the strategy on bars it need not see too.")
    ] = False,
    check_wake: Annotated[
        bool, typer.Option("--check-wake", help="Run with and without skipping bars, and compare.")
    ] = False,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="Of a sweep: so many at once.")] = None,
    as_json: Json = False,
) -> None:
    """Run a strategy over recorded bars, with everything that happens recorded in runs.db."""
