"""The command that runs a grid of variants of a system."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

if TYPE_CHECKING:
    from sysproduction.ops.sweep_files import SweepFolder
    from sysproduction.ops.sweeping import Task

FIGURES = ("sr_net", "sr_gross", "ann_mean_net", "ann_std_net", "ann_mean_costs", "worst_dd")


def backtest_sweep(
    context: typer.Context,
    config: Annotated[str, typer.Argument(help="A system's YAML file, or the name of a shipped one.")],
    grid: Annotated[Path, typer.Option(metavar="FILE", help="YAML: dotted keys with lists of values to try.")],
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="So many processes at once; usually one for each CPU.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prices in pysystemtrade's layout; without it, the store's.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep rows there; the same command goes on where it was killed, and tries failed ones again.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a system with every combination of a grid of values, and put the figures into one table."""
    from sysproduction.config.grids import variants
    from sysproduction.config.systems import find_system
    from sysproduction.ops.market_sources import MarketSource
    from sysproduction.ops.sweep_files import SweepFolder
    from sysproduction.ops.sweeping import Task, tasks_of
    from sysproduction.processes.system_files import rule_book

    found = variants(find_system(config), grid, rule_book())
    made = tasks_of(found, lambda codes, currency: MarketSource(session(context), data, codes, currency))
    tasks = [task for task in made if isinstance(task, Task)]
    folder = SweepFolder(out) if out is not None else None
    known = {key: row for key, row in folder.rows.items() if row["status"] == "ok"} if folder else {}
    left = [task for task in tasks if task.key not in known]
    if len(left) < len(tasks):
        typer.echo(f"{len(tasks) - len(left)} of {len(tasks)} variants were run before", err=True)
    done = known | _run(left, processes or len(os.sched_getaffinity(0)), folder)
    rows = [done[task.key] if isinstance(task, Task) else task for task in made]
    if folder is not None:
        folder.write(rows)
    _show(rows, as_json)
    if all(row["status"] != "ok" for row in rows):
        raise typer.Exit(1)


def _run(tasks: "list[Task]", processes: int, folder: "SweepFolder | None") -> dict[str, dict[str, Any]]:
    from sysproduction.ops.progress import progress_bar
    from sysproduction.ops.sweeping import sweep, worker_processes

    done: dict[str, dict[str, Any]] = {}
    if not tasks:
        return done
    workers = min(processes, len(tasks))
    with progress_bar("running") as progress, worker_processes(workers) as executor:
        progress(f"{len(tasks)} variants", 0, len(tasks))
        for task, row in sweep(tasks, executor, workers):
            done[task.key] = row
            if folder is not None:
                folder.add(task.key, row)
            progress(f"{len(tasks)} variants", len(done), len(tasks))
    return done


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    from sysproduction.ops import render

    if as_json:
        render.show_json(rows)
        return
    shown = []
    for row in rows:
        names = list(row)[: list(row).index("status") + 1]
        figures = {name: "" if row.get(name) is None else f"{row[name]:.3f}" for name in FIGURES}
        shown.append({name: row[name] for name in names} | figures)
    render.show(shown, as_json=False)
    for why in dict.fromkeys(row["error"] for row in rows if row["error"]):
        typer.echo(f"failed: {sum(row['error'] == why for row in rows)} of {len(rows)}: {why}", err=True)
