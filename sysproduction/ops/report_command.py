"""The command that draws the report of a run."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.ops.process_commands import Json

LIBRARIES: Final = ("plotly", "matplotlib")
PAGE, PICTURE = "report.html", "report.png"


def backtest_report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, as `backtest system --out` wrote it.")],
    as_json: Json = False,
) -> None:
    """Draw report.html and report.png of a run, into its folder."""
    from sysproduction.ops import render

    if why := missing_libraries():
        raise ConfigError(why)
    written = write_report(run)
    if as_json:
        render.show_json([str(path) for path in written])
        return
    for path in written:
        typer.echo(path)


def missing_libraries() -> str | None:
    """What must be installed before reports can be drawn, None if nothing."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if not missing:
        return None
    return f"reports need {' and '.join(missing)}: `pip install 'sysproduction[reports]'`"


def write_report(folder: Path) -> list[Path]:
    """Draw both files from the tables of a finished run; raises ConfigError if there is none."""
    import pandas as pd

    from sysproduction.ops.backtest_files import replaced
    from sysproduction.reports.backtest_page import page
    from sysproduction.reports.backtest_picture import picture
    from sysproduction.reports.backtest_run import BacktestRun

    if not (folder / "summary.json").is_file():
        raise ConfigError(
            f"{folder}: holds no finished run (summary.json is missing): `backtest system --out` writes one"
        )
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        read = {code: pd.read_parquet(folder / "series" / f"{code}.parquet") for code in summary["instruments"]}
        portfolio = pd.read_parquet(folder / "portfolio.parquet").set_index("date")
        series = {code: table.set_index("date") for code, table in read.items()}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{folder}: cannot be read ({error}); run `backtest system --out` again") from error
    run = BacktestRun(folder.resolve().name, summary, portfolio, series)
    replaced(folder / PAGE, lambda scratch: scratch.write_text(page(run), encoding="utf-8"))
    replaced(folder / PICTURE, lambda scratch: scratch.write_bytes(picture(run)))
    return [folder / PAGE, folder / PICTURE]
