"""Commands for the recorded runs of strategies on bars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.ops.order_entry_commands import Yes, confirmed
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session
from sysproduction.ports import RunStatus

if TYPE_CHECKING:
    from sysproduction.domain.bar_columns import BarColumns
    from sysproduction.domain.events import FillEvent
    from sysproduction.engine.analysis import RoundTrip
    from sysproduction.ops.run_figures import RunFigures
    from sysproduction.wiring.runs import RunRecord, Runs

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, or its beginning.")]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    runs = typer.Typer(no_args_is_help=True, help="Recorded runs of strategies on bars.")
    runs.command("list")(list_runs)
    for command in (show, trips, report, compare, delete, export):
        runs.command()(command)
    app.add_typer(runs, name="runs")


def list_runs(
    context: typer.Context,
    strategy: Annotated[str | None, typer.Option(help="Only those of this strategy.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only those over bars of this symbol.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only those that are running, completed, failed, cancelled.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the runs, the last one first."""
    from sysproduction.ops import render
    from sysproduction.wiring.runs import recorded_runs

    if status not in (None, *RunStatus):
        raise ConfigError(f"--status {status}: there are {', '.join(RunStatus)}")
    rows = []
    for one in recorded_runs(session(context).home).all():
        if strategy in (None, *one.strategies) and symbol in (None, *one.symbols) and status in (None, one.status):
            summary = one.summary or {}
            rows.append(
                {
                    "run_id": one.run_id,
                    "status": one.status.value,
                    "symbols": " ".join(one.symbols),
                    "bars": one.bars_played,
                    "fills": summary.get("fills"),
                    "final_equity": summary.get("final_equity"),
                    "began": one.began,
                }
            )
    render.show(rows, as_json=as_json, empty="no runs: `backtest bars` records them")


def show(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Show what a run was made of, what it came to, and how many events of each kind it has."""
    from sysproduction.ops import render
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    record = runs.find(run)
    whole = _reckoned(runs, record, runs.bars(record)).whole
    told = {**asdict(record), "status": record.status.value, "events": runs.counts(record), "figures": whole}
    if as_json:
        render.show_json(told)
        return
    error = told.pop("error")
    render.show([{"": name, "value": value} for name, value in _flat(told)], as_json=False)
    if error:
        typer.echo(error, err=True)


def trips(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """List a run's round trips, from flat to flat, with what each earned."""
    from sysproduction.ops import render
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    record = runs.find(run)
    made = _reckoned(runs, record, runs.bars(record)).trips
    rows = [{**asdict(trip), "net": trip.net} for trip in made] if as_json else _trip_rows(made)
    render.show(rows, as_json=as_json, empty="the run traded nothing")


def report(
    context: typer.Context,
    run: RunId,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write; it needs nothing else.")],
) -> None:
    """Draw a run: prices with fills and indicators, equity and drawdown, round trips, what it was made of."""
    from sysproduction.reports.bar_run import BarRunFacts, bar_run_report
    from sysproduction.reports.page import page
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    record, indicators = runs.find(run), dict[str, dict[str, Any]]()
    histories = runs.bars(record)
    for bars in histories:
        for strategy in record.strategies:
            indicators.setdefault(bars.symbol, {}).update(runs.indicators(record, strategy, bars))
    found = _reckoned(runs, record, histories)
    facts = BarRunFacts(
        run_id=record.run_id,
        at=datetime.fromisoformat(record.began),
        histories=histories,
        indicators=indicators,
        fills=_fills(runs, record, histories),
        ts=found.ts,
        equity=found.equity,
        figures=found.whole,
        trips=_trip_rows(found.trips),
        made_of=dict(_flat(record.config)),
        error=record.error,
    )
    try:
        out.write_text(page(bar_run_report(facts)), encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(out)


def compare(context: typer.Context, first: RunId, second: RunId, as_json: Json = False) -> None:
    """Show where two runs differ: in what they were made of, in what they came to, and in their first other event.
    Exit code 1 if they are not the same run."""
    from sysproduction.ops import render
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    one, other = runs.find(first), runs.find(second)
    left, right = (dict(_flat({**asdict(record), "status": record.status.value})) for record in (one, other))
    names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    rows = [
        {"": name, "first": left.get(name), "second": right.get(name)}
        for name in names
        if name not in ("began", "ended")
    ]
    differing = _first_difference(runs.order_events(one), runs.order_events(other))
    if differing is not None:
        rows.append({"": "first other event", "first": differing[0], "second": differing[1]})
    render.show(rows, as_json=as_json)
    if one.run_hash is None or one.run_hash != other.run_hash:
        raise typer.Exit(1)


def delete(context: typer.Context, run: RunId, yes: Yes = False) -> None:
    """Remove a run with everything that is recorded of it."""
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    record = runs.find(run)
    confirmed(yes, f"{record.run_id} ({record.status.value}, {record.bars_played} bars) would be removed for good")
    refused = runs.delete(record)
    if refused is not None:
        raise leave_refused(refused)
    typer.echo(f"{record.run_id} is removed")


def export(
    context: typer.Context,
    run: RunId,
    rows: Annotated[
        Path, typer.Option(metavar="FILE", help="A new SQLite file: a plain table for each of the thirteen kinds.")
    ],
) -> None:
    """Write every event of a run, bars and indicators included, as rows of plain tables."""
    from sysproduction.wiring.runs import recorded_runs

    runs = recorded_runs(session(context).home)
    record = runs.find(run)
    count = runs.export_rows(record, rows)
    typer.echo(f"{count:,} events of {record.run_id} are in {rows}")


def _fills(runs: "Runs", record: "RunRecord", histories: "Sequence[BarColumns]") -> "list[FillEvent]":
    """What was traded on the bars that the run has played; of a run without recorded bars, everything."""
    from sysproduction.domain.events import FillEvent

    last = {bars.symbol: int(bars.ts[-1]) for bars in histories}
    fills = [event for event in runs.events(record, FillEvent) if isinstance(event, FillEvent)]
    return [one for one in fills if not last or one.ts_event_ns <= last.get(one.symbol, -1)]


def _reckoned(runs: "Runs", record: "RunRecord", histories: "Sequence[BarColumns]") -> "RunFigures":
    """Round trips and figures as they stood at the last bar that the run has played."""
    from sysproduction.ops.run_figures import figures

    return figures(record.config, record.symbols, _fills(runs, record, histories), histories)


def _trip_rows(trips: "Sequence[RoundTrip]") -> list[dict[str, Any]]:
    """For people: the figures that matter, and moments instead of stamps."""
    return [
        {
            "symbol": trip.symbol,
            "side": "long" if trip.direction > 0 else "short",
            "entered": _moment(trip.entered_ns),
            "left": _moment(trip.left_ns),
            "bars": trip.bars,
            "quantity": trip.quantity,
            "entry": trip.entry_price,
            "exit": None if trip.left_ns is None else trip.exit_price,
            "lowest": trip.lowest,
            "highest": trip.highest,
            "commission": trip.commission,
            "net": trip.net,
        }
        for trip in trips
    ]


def _moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stamp // 1_000)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _first_difference(left: Iterator[Any], right: Iterator[Any]) -> tuple[str, str] | None:
    """The first events that are not the same but for the machine's time, in words."""
    for one, other in zip_longest(left, right):
        if one is None or other is None or one._replace(ts_created_ns=0) != other._replace(ts_created_ns=0):
            return _told(one), _told(other)
    return None


def _told(event: Any) -> str:
    if event is None:
        return "no more events"
    said = {name: value for name, value in event._asdict().items() if value is not None and name != "ts_created_ns"}
    return f"{type(event).__name__} " + " ".join(f"{name}={value}" for name, value in said.items())
