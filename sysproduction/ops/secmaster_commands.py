"""Commands for secmaster.db: bars for runs, from files and from the store."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import Session, session

if TYPE_CHECKING:
    from sysproduction.wiring.bar_sources import BarSupply


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    secmaster = typer.Typer(no_args_is_help=True, help="Bars for `backtest bars --source secmaster`.")
    for command in (ingest, show):
        secmaster.command()(command)
    app.add_typer(secmaster, name="secmaster")


def ingest(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of bars: .csv, .csv.gz, .parquet, .dbn or .dbn.zst.")
    ] = None,
    period: Annotated[str, typer.Option(help="Period of CSV and Parquet bars: SECOND, MINUTE, HOUR or DAY.")] = "DAY",
    symbol: Annotated[
        str | None, typer.Option(help="Symbol of a file that has no column of symbols; else it is the file's name.")
    ] = None,
    publisher: Annotated[str, typer.Option(help="Whose CSV and Parquet files they are.")] = "files",
    store: Annotated[
        str | None,
        typer.Option(
            metavar="INSTRUMENTS", help="Copy daily back-adjusted bars of the store too: codes separated by commas."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take bars in, each file wholly or not at all. Bars that are there already stay as they are; a series of the store
    takes the place of its former copy. Exit code 1 if a file was refused."""
    from sysproduction.ops import render
    from sysproduction.ops.bar_runs import period_of
    from sysproduction.ops.progress import progress_bar
    from sysproduction.wiring.bar_sources import bar_file, secmaster

    if symbol is not None and len(files or ()) > 1:
        raise ConfigError(f"--symbol {symbol} is for one file; each of several has its own")
    of, codes = period_of(period), [code.strip() for code in store.split(",")] if store else []
    supplies = {
        str(path): partial(bar_file, path, period=of, publisher=publisher, symbol=symbol) for path in files or ()
    }
    if codes:
        supplies["store"] = partial(_stored, session(context), codes)
    if not supplies:
        raise ConfigError("nothing to take in: name files, or instruments of the store with --store")
    rows = []
    with closing(secmaster(session(context).home, make=True)) as database, progress_bar("taking in") as progress:
        for source, supply in supplies.items():
            try:
                taken = database.take(supply(), progress)
            except DataError as error:
                rows.append({"source": source, "added": 0, "known": 0, "differing": 0, "error": str(error)})
                continue
            told = {"added": taken.added, "known": taken.known, "differing": taken.differing}
            rows.append({"source": source, **told, "error": ""})
    render.show(rows, as_json=as_json)
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


def show(context: typer.Context, as_json: Json = False) -> None:
    """Show which symbols there are, with the first and the last of their bars."""
    from sysproduction.ops import render
    from sysproduction.wiring.bar_sources import secmaster

    with closing(secmaster(session(context).home)) as database:
        rows = list(_coverage(database.coverage()))
    render.show(rows, as_json=as_json, empty="no bars: `secmaster ingest` takes them in")


def _coverage(found: list[Any]) -> Iterator[dict[str, Any]]:
    import numpy as np

    for one in found:
        first, last = (str(np.datetime64(ns, "ns").astype("datetime64[s]")) for ns in (one.first_ns, one.last_ns))
        yield {
            "publisher": one.publisher.name,
            "dataset": one.publisher.dataset,
            "symbol": one.symbol,
            "period": one.period.value,
            "first": first,
            "last": last,
            "bars": one.bars,
        }


def _stored(own: Session, codes: list[str]) -> "BarSupply":
    from sysproduction.domain.events import BarPeriod
    from sysproduction.markets.continuous_bars import ContinuousBars
    from sysproduction.stores.prices import Prices
    from sysproduction.wiring.bar_sources import stored_bars

    with own.outside() as ports:
        return stored_bars(ContinuousBars(Prices(ports.series)).bars(codes, BarPeriod.DAY, None, None))
