"""The command that compares two runs."""

from pathlib import Path
from typing import Annotated

import typer

from sysproduction.ops.process_commands import Json

SHOWN_MAX = 40


def backtest_compare(
    first: Annotated[Path, typer.Argument(help="The folder of a run, as `backtest system --out` wrote it.")],
    second: Annotated[Path, typer.Argument(help="The folder of another one.")],
    tolerance: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Relative differences up to this are none.")
    ] = 1e-12,
    as_json: Json = False,
) -> None:
    """Show what differs between two runs; exit code 0 if nothing does, 1 if something does."""
    from sysproduction.ops import render
    from sysproduction.ops.run_comparison import compare

    found = compare(first, second, tolerance)
    equal = not any(found.values())
    if as_json:
        render.show_json({"equal": equal, **found})
    elif equal:
        typer.echo("the runs are equal")
    else:
        for title, rows in found.items():
            if rows:
                render.show(rows[:SHOWN_MAX], as_json=False, title=title)
            if len(rows) > SHOWN_MAX:
                typer.echo(f"and {len(rows) - SHOWN_MAX} more: --json shows all")
    if not equal:
        raise typer.Exit(1)
