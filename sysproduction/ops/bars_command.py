"""The command that runs a strategy over bars, event by event."""

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
    from sysproduction.ops.bar_runs import BarRun, BarsWanted, combinations, period_of, stamp
    from sysproduction.ops.bar_strategies import broker_settings

    wanted = BarsWanted(
        session(context),
        source.value,
        tuple(symbol.strip() for symbol in symbols.split(",")),
        period_of(period),
        None if start is None else stamp(start, last=False),
        None if end is None else stamp(end, last=True),
    )
    settings = broker_settings(broker or [])
    runs = [BarRun(strategy, values, wanted, settings, seed) for values in combinations(strategy, param or [])]
    if len(runs) > 1:
        _sweep(runs, processes, as_json)
    elif check_wake:
        _compare(runs[0])
    else:
        _show(_recorded(context, runs[0], skip_bars=not every_bar), as_json)


def _recorded(context: typer.Context, run: "BarRun", *, skip_bars: bool) -> "RunResult":
    """Run it, with everything recorded in the home's runs.db."""
    from sysproduction.ops.progress import progress_bar
    from sysproduction.wiring.runs import run_journal

    journal = run_journal(session(context).home)
    with progress_bar("playing") as progress:
        return run.orchestrator(
            journal=journal, skip_bars=skip_bars, progress=lambda done, total: progress("bars", done, total)
        ).run()


def _compare(run: "BarRun") -> None:
    """Run it with and without skipping bars; a difference is an error of the strategy's `wake`."""
    from sysproduction.domain.errors import DataError

    skipping, seeing = run.orchestrator(skip_bars=True).run(), run.orchestrator(skip_bars=False).run()
    if skipping.run_hash != seeing.run_hash:
        raise DataError(
            f"wake leaves out bars that matter: with it {skipping.summary['fills']} fills and an equity of "
            f"{skipping.summary['final_equity']:.2f}, without {seeing.summary['fills']} and "
            f"{seeing.summary['final_equity']:.2f}; run it with --every-bar, or mend {run.strategy}"
        )
    typer.echo(f"with and without skipping bars: the same run, {seeing.run_hash}")


def _sweep(runs: "list[BarRun]", processes: int | None, as_json: bool) -> None:
    """Run every combination, and tell each as a row in their order."""
    import os

    from sysproduction.ops import render
    from sysproduction.ops.progress import progress_bar
    from sysproduction.ops.sweeping import sweep, worker_processes

    workers = min(processes or len(os.sched_getaffinity(0)), len(runs))
    rows: dict[int, dict[str, Any]] = {}
    with progress_bar("running") as progress, worker_processes(workers) as executor:
        for run, row in sweep(runs, executor, workers):
            rows[runs.index(run)] = row
            progress(f"{len(runs)} combinations", len(rows), len(runs))
    ordered = [rows[number] for number in range(len(runs))]
    render.show(ordered, as_json=as_json)
    if all(row["status"] != "ok" for row in ordered):
        raise typer.Exit(1)


def _show(result: "RunResult", as_json: bool) -> None:
    from sysproduction.ops import render

    told = {"run_id": result.run_id, "status": result.status.value, **result.summary}
    told |= {"positions": dict(result.positions), "run_hash": result.run_hash}
    if as_json:
        render.show_json(told)
        return
    told["positions"] = ", ".join(f"{symbol} {quantity}" for symbol, quantity in result.positions.items())
    render.show([{"": name.replace("_", " "), "value": value} for name, value in told.items()], as_json=False)
