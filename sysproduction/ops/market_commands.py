"""Commands for market data: import, show, export."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.ops import quality_commands
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

if TYPE_CHECKING:
    import pandas as pd

    from sysproduction.domain.results import MethodResult
    from sysproduction.markets.importing import History, Progress
    from sysproduction.wiring import Outside

Rows = Annotated[int, typer.Option("-n", "--rows", min=0, help="How many of the last rows.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="VERSION|MOMENT", help="As of a version number or a moment of writing (UTC)."),
]


def register(app: typer.Typer) -> None:
    """Add the groups and their commands."""
    imports = typer.Typer(no_args_is_help=True, help="Load data from elsewhere.")
    imports.command("csv")(import_csv)
    prices = typer.Typer(no_args_is_help=True, help="Prices of contracts and instruments.")
    prices.command("show")(prices_show)
    prices.command("export")(prices_export)
    prices.command("rejected")(prices_rejected)
    prices.command("review")(quality_commands.prices_review)
    prices.command("quality")(quality_commands.prices_quality)
    prices.command("build")(quality_commands.prices_build)
    rates = typer.Typer(no_args_is_help=True, help="Exchange rates.")
    rates.command("show")(fx_show)
    contracts = typer.Typer(no_args_is_help=True, help="Contracts and which of them are sampled.")
    contracts.command("show")(contracts_show)
    instruments = typer.Typer(no_args_is_help=True, help="Instruments with costs, point size and roll parameters.")
    instruments.command("show")(instruments_show)
    instruments.command("spreads")(quality_commands.instruments_spreads)
    for name, group in (
        ("import", imports),
        ("prices", prices),
        ("fx", rates),
        ("contracts", contracts),
        ("instruments", instruments),
    ):
        app.add_typer(group, name=name)


def import_csv(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder in pysystemtrade's layout.")],
    until: Annotated[
        str | None, typer.Option(metavar="DATE|MOMENT", help="Import only what was recorded up to then (UTC).")
    ] = None,
    instruments: Annotated[str | None, typer.Option(help="Only these, separated by commas; and all FX.")] = None,
    shorten: Annotated[
        bool, typer.Option("--shorten", help="Also where stored prices reach further: what is later is lost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load a whole recorded history: definitions, FX, bars of each contract, multiple and adjusted prices."""
    from sysproduction import wiring
    from sysproduction.ops import render
    from sysproduction.ops.progress import progress_bar

    end = _moment(until, "--until") if until else datetime.max.replace(tzinfo=UTC, year=2200)
    only = [code.strip() for code in instruments.split(",")] if instruments else None
    history = wiring.csv_feed(folder)
    with session(context).outside() as ports, progress_bar("importing") as progress:
        result = _import(ports, history, end, only, progress, shorten=shorten)
    problems = [{"item": p.item, "kind": str(p.kind), "reason": p.reason} for p in result.problems]
    if as_json:
        render.show_json({"items": result.items, "rows_written": result.rows_written, "problems": problems})
    else:
        typer.echo(f"imported {result.items} items, {result.rows_written} rows")
        render.show(problems, as_json=False, title="left out", empty="nothing was left out")
    if not result.rows_written:
        raise typer.Exit(1)


def prices_show(
    context: typer.Context,
    instrument: Annotated[str | None, typer.Argument(help="One instrument; all in short without it.")] = None,
    kind: Annotated[str, typer.Option(help="adjusted, multiple, or a contract such as 20241200.")] = "adjusted",
    rows: Rows = 10,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The last prices of an instrument, or how far each instrument's prices reach."""
    from sysproduction.ops import render

    with session(context).outside() as ports:
        if instrument is None:
            render.show(_reach(ports), as_json=as_json, empty="no prices yet: import some or run the price updates")
            return
        frame = _read(ports, instrument, kind, _as_of(as_of))
    _show_frame(frame.tail(rows), as_json, f"{instrument} {kind}, last {min(rows, len(frame))} of {len(frame)} rows")


def prices_export(
    context: typer.Context,
    instrument: Annotated[str, typer.Argument(help="The instrument.")],
    out: Annotated[Path, typer.Option(help="A file that ends in .parquet or .csv.")],
    kind: Annotated[str, typer.Option(help="adjusted, multiple, or a contract such as 20241200.")] = "adjusted",
    as_of: AsOf = None,
) -> None:
    """Write a series to a file, in the layout that `import csv` reads (naive UTC stamps under DATETIME)."""
    from sysproduction.ops.export import write_frame

    with session(context).outside() as ports:
        frame = _read(ports, instrument, kind, _as_of(as_of))
    write_frame(frame, out)
    typer.echo(f"{out}: {len(frame)} rows")


def prices_rejected(context: typer.Context, as_json: Json = False) -> None:
    """Prices that the spike filter did not believe."""
    from sysproduction.ops import render
    from sysproduction.stores.rejections import Rejections

    with session(context).outside() as ports:
        rows = render.rows_of(Rejections(ports.documents).all())
    hidden = set() if as_json else {"instrument", "contract", "method"}
    shown = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    render.show(shown, as_json=as_json, empty="no price was rejected")


def fx_show(
    context: typer.Context,
    pair: Annotated[str | None, typer.Argument(help="Such as EURUSD or EURGBP; crosses are derived.")] = None,
    rows: Rows = 10,
    as_json: Json = False,
) -> None:
    """The last rates of a pair, or the stored pairs."""
    from sysproduction.ops import render
    from sysproduction.stores.fx import FxRates

    with session(context).outside() as ports:
        rates = FxRates(ports.series)
        if pair is None:
            found = [{"pair": name, **_ends(rates.rate(name))} for name in rates.pairs()]
            render.show(found, as_json=as_json, empty="no rates yet")
            return
        frame = rates.rate(pair).to_frame("rate")
    _show_frame(frame.tail(rows), as_json, f"{pair}, last {min(rows, len(frame))} of {len(frame)} rows")


def contracts_show(
    context: typer.Context,
    instrument: Annotated[str | None, typer.Argument(help="Of one instrument only.")] = None,
    sampled: Annotated[bool, typer.Option("--sampled", help="Only those that are sampled.")] = False,
    as_json: Json = False,
) -> None:
    """Contracts with their expiry, and whether they are sampled."""
    from sysproduction.ops import render
    from sysproduction.stores.contracts import Contracts
    from sysproduction.stores.instruments import Instruments

    with session(context).outside() as ports:
        if instrument is not None:
            Instruments(ports.documents).get(instrument)
        contracts = Contracts(ports.documents)
        found = contracts.all() if instrument is None else contracts.of(instrument)
    rows = render.rows_of(record for record in found if record.sampling or not sampled)
    render.show(rows, as_json=as_json, empty="no contracts yet: run update_sampled_contracts")


def instruments_show(context: typer.Context, as_json: Json = False) -> None:
    """Instruments with their costs, point size and roll parameters."""
    from sysproduction.ops import render
    from sysproduction.stores.instruments import Instruments

    with session(context).outside() as ports:
        found = Instruments(ports.documents).all()
    rows = [row["instrument"] | row["roll_parameters"] for row in render.rows_of(found)]
    render.show(rows, as_json=as_json, empty="no instruments yet: import some or run update_sampled_contracts")


def _import(
    ports: "Outside",
    history: "History",
    until: datetime,
    only: list[str] | None,
    progress: "Progress",
    *,
    shorten: bool,
) -> "MethodResult":
    from sysproduction.markets.importing import import_history
    from sysproduction.stores.fx import FxRates
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.prices import Prices

    return import_history(
        history,
        Instruments(ports.documents),
        Prices(ports.series),
        FxRates(ports.series),
        until=until,
        progress=progress,
        only=only,
        shorten=shorten,
        turn=ports.turn,
    )


def _read(ports: "Outside", instrument: str, kind: str, as_of: int | datetime | None) -> "pd.DataFrame":
    from sysproduction.control.prices import read_prices

    return read_prices(ports.documents, ports.series, instrument, kind=kind, as_of=as_of)


def _reach(ports: "Outside") -> list[dict[str, object]]:
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.prices import Prices

    prices = Prices(ports.series)
    found = []
    for code in Instruments(ports.documents).codes():
        multiple = prices.multiple(code)
        contract = None if multiple.empty else multiple["PRICE_CONTRACT"].iloc[-1]
        found.append({"instrument": code, "contract": contract, **_ends(prices.adjusted(code))})
    return found


def _ends(series: "pd.Series[float]") -> dict[str, object]:
    known = series.dropna()
    if known.empty:
        return {"rows": 0, "first": None, "last": None, "value": None}
    return {
        "rows": len(known),
        "first": known.index[0].to_pydatetime(),
        "last": known.index[-1].to_pydatetime(),
        "value": float(known.iloc[-1]),
    }


def _show_frame(frame: "pd.DataFrame", as_json: bool, title: str) -> None:
    from sysproduction.ops import render

    columns = [[stamp.to_pydatetime() for stamp in frame.index], *(frame[name].tolist() for name in frame.columns)]
    names = ["stamp", *map(str, frame.columns)]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    render.show(rows, as_json=as_json, title=title)


def _as_of(text: str | None) -> int | datetime | None:
    if text is None:
        return None
    return int(text) if text.isdigit() and len(text) < 8 else _moment(text, "--as-of")


def _moment(text: str, option: str) -> datetime:
    """A moment in UTC; a bare date is the end of that day."""
    try:
        if len(text) <= 10:
            return datetime.combine(date.fromisoformat(text), datetime.max.time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: expected a date such as 2023-08-21, or 2023-08-21T16:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
