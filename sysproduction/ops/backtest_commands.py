"""Commands for backtests: run a trading system over recorded prices."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.ops.bars_command import backtest_bars
from sysproduction.ops.comparison_command import backtest_compare
from sysproduction.ops.process_commands import Json
from sysproduction.ops.report_command import backtest_report
from sysproduction.ops.session import session
from sysproduction.ops.sweep_commands import backtest_sweep

if TYPE_CHECKING:
    from sysproduction.domain.histories import MarketData
    from sysproduction.domain.trading_systems import SystemConfig

Progress = Callable[[str, int, int], None]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    backtests = typer.Typer(no_args_is_help=True, help="Trading systems over recorded prices.")
    backtests.command("system")(backtest_system)
    backtests.command("bars")(backtest_bars)
    backtests.command("compare")(backtest_compare)
    backtests.command("report")(backtest_report)
    backtests.command("sweep")(backtest_sweep)
    app.add_typer(backtests, name="backtest")


def backtest_system(
    context: typer.Context,
    config: Annotated[str, typer.Argument(help="A system's YAML file, or the name of a shipped one: chapter15.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prices in pysystemtrade's layout; without it, the store's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every table, summary.json and a report there.")
    ] = None,
    report: Annotated[bool, typer.Option(help="With --out, draw report.html and report.png too.")] = True,
    instruments: Annotated[str | None, typer.Option(help="Only these of the system's, separated by commas.")] = None,
    as_json: Json = False,
) -> None:
    """Run a trading system: forecasts, positions, and what they would have earned and cost."""
    from sysproduction.config.systems import find_system, load_system, narrowed
    from sysproduction.ops.backtest_files import write_run
    from sysproduction.ops.progress import progress_bar
    from sysproduction.processes.system_files import rule_book
    from sysproduction.systems import system, tables
    from sysproduction.systems.targets import targets

    wanted = load_system(find_system(config), rule_book())
    if instruments is not None:
        wanted = narrowed(wanted, [code.strip() for code in instruments.split(",")])
    with progress_bar("reading") as progress:
        market = read_market(context, wanted, data, progress)
    with progress_bar("computing") as progress:
        progress(f"{len(wanted.instruments)} instruments", 0, 1)
        result = system.run(wanted, market, keep_rules=out is not None)
        figures = tables.summary(result)
        figures["targets"] = {code: asdict(target) for code, target in targets(result).items()}
    if out is not None:
        with progress_bar("writing") as progress:
            write_run(result, figures, out, progress)
        if report:
            _draw(out)
    _show(figures, as_json)


def _draw(out: Path) -> None:
    """The report, where its libraries are installed; the tables are worth having without it."""
    from sysproduction.ops.progress import progress_bar
    from sysproduction.ops.report_command import missing_libraries, write_report

    if why := missing_libraries():
        typer.echo(f"no report was drawn: {why}", err=True)
        return
    with progress_bar("drawing") as progress:
        progress("the report", 0, 1)
        write_report(out)


def read_market(context: typer.Context, config: "SystemConfig", data: Path | None, progress: Progress) -> "MarketData":
    """The system's histories, from the folder, else from the home's store."""
    from sysproduction.ops.market_sources import MarketSource

    return MarketSource(session(context), data, config.instruments, config.base_currency).read(progress)


def _show(figures: dict[str, Any], as_json: bool) -> None:
    from sysproduction.ops import render

    if as_json:
        render.show_json(figures)
        return
    columns = (
        "ann_mean_gross",
        "ann_mean_net",
        "ann_mean_costs",
        "ann_std_net",
        "sr_net",
        "skew_daily_net",
        "worst_dd",
    )
    named = {**figures["instruments"], "TOTAL": figures["total"]}
    rows = [
        {
            "instrument": name,
            **{c: _short(row[c]) for c in columns},
            "first": row["first"][:10],
            "last": row["last"][:10],
        }
        for name, row in named.items()
    ]
    render.show(rows, as_json=False, title="percent of capital a year")
    for code, why in figures["excluded"].items():
        typer.echo(f"excluded: {code}: {why}", err=True)
    for said in (fault for faults in figures["faults"].values() for fault in faults):
        typer.echo(f"left out: {said}", err=True)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
