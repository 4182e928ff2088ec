"""Commands that play the platform on a simulated clock; they need no home and leave nothing behind."""

import logging
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.ops.process_commands import Json

if TYPE_CHECKING:
    from sysproduction.ops.trading_days import Played
    from sysproduction.simulation.supervision import Report, Simulation

_SHOWN = 30
_WIDTH = 110

Seeds = Annotated[int | None, typer.Option(min=1, help="So many trading days, one for each seed.")]
Start = Annotated[int, typer.Option(help="The first seed; the same seed gives the same events.")]
Faults = Annotated[str, typer.Option(metavar="KINDS", help="all, none, or names of faults with commas in between.")]
Processes = Annotated[int, typer.Option(min=1, max=256, help="Play seeds in so many processes at once.")]
EventLog = Annotated[Path | None, typer.Option(metavar="FILE", help="Write every event of the one seed to this file.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    simulate = typer.Typer(no_args_is_help=True, help="Play parts of the platform on a simulated clock, with faults.")
    simulate.callback(invoke_without_command=True)(_orders_if_nothing_else)
    simulate.command("orders")(orders)
    simulate.command("supervision")(supervision)
    app.add_typer(simulate, name="simulate")


def _orders_if_nothing_else(
    context: typer.Context,
    seeds: Seeds = None,
    start: Start = 1,
    faults: Faults = "all",
    processes: Processes = 1,
    log: EventLog = None,
    as_json: Json = False,
) -> None:
    """Play parts of the platform on a simulated clock, with faults; without a subcommand, orders."""
    if context.invoked_subcommand is None:
        orders(seeds, start, faults, processes, log, as_json)


def orders(
    seeds: Seeds = None,
    start: Start = 1,
    faults: Faults = "all",
    processes: Processes = 1,
    log: EventLog = None,
    as_json: Json = False,
) -> None:
    """Play whole trading days of orders, several programs at once, under faults of many kinds, checking at every write
    and every call that nothing is lost, doubled or sent against a restraint; exit 1 on a violation."""
    from sysproduction.ops import render
    from sysproduction.ops.trading_days import chosen_faults, play_all

    names, wanted = chosen_faults(faults), range(start, start + (seeds or 1))
    if log is not None:
        _write_events(log, wanted, names)
    logging.disable(logging.CRITICAL)
    played: list[Played] = []
    try:
        for one in play_all(wanted, names, processes):
            played.append(one)
            if one.violations and not as_json:
                _show_violations(one, faults)
    finally:
        logging.disable(logging.NOTSET)
    violations = sum(len(one.violations) for one in played)
    if as_json:
        render.show_json(_days_summary(played))
    else:
        _show_days(played, violations)
    if violations:
        raise typer.Exit(1)


def supervision(
    days: Annotated[int, typer.Option(min=1, help="So many days of market time.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every event to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Run the whole supervisor on ten processes under random faults, checking after every step that no process runs
    twice, every run has one end, nobody is left and each incident is told once; exit 1 on a violation."""
    from sysproduction.ops import render

    logging.disable(logging.CRITICAL)  # what the platform would log is in the events
    try:
        report = simulated(days, seed).run()
    finally:
        logging.disable(logging.NOTSET)
    if log is not None:
        _write(log, report.log)
    if as_json:
        render.show_json(_summary(report))
    else:
        _show(report)
    if report.violations:
        raise typer.Exit(1)


def simulated(days: int, seed: int) -> "Simulation":
    """The platform of this seed, ready to run."""
    from sysproduction import wiring
    from sysproduction.simulation.supervision import Ground, Simulation, beginning

    clock, documents = wiring.simulated_ground(beginning(seed))
    ground = Ground(clock, documents, lambda channel: wiring.incident_notifier(channel, documents, clock))
    return Simulation(ground, days, seed)


def _write_events(log: Path, seeds: range, names: tuple[str, ...]) -> None:
    from sysproduction.ops.trading_days import events

    if len(seeds) > 1:
        raise ConfigError("--log holds the events of one seed: take --seeds 1 and choose it with --start")
    _write(log, events(seeds[0], names))


def _show_violations(one: "Played", faults: str) -> None:
    for line in one.tail:
        typer.echo(line)
    for violation in one.violations:
        typer.echo(f"seed {one.seed}: {violation}")
    again = f"sysproduction simulate orders --start {one.seed} --faults {faults}"
    typer.echo(f"seed {one.seed}: events {one.digest[:16]}; the same again: {again}")


def _counted(played: "list[Played]") -> Counter[str]:
    return sum((one.faults for one in played), Counter())


def _show_days(played: "list[Played]", violations: int) -> None:
    counts = _counted(played)
    if counts:
        said = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        typer.echo(textwrap.fill(f"faults: {said}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    faults = f"{counts.total()} faults of {len(counts)} kinds injected"
    steps = sum(one.steps for one in played)
    seeds = "1 seed" if len(played) == 1 else f"{len(played)} seeds"
    said = "1 violation" if violations == 1 else f"{violations} violations"
    typer.echo(f"{seeds} from {min(one.seed for one in played)}, {steps} steps, {faults}, {said}")


def _days_summary(played: "list[Played]") -> dict[str, object]:
    return {
        "seeds": len(played),
        "start": min(one.seed for one in played),
        "steps": sum(one.steps for one in played),
        "faults": dict(sorted(_counted(played).items())),
        "violations": [
            {"seed": one.seed, "violations": list(one.violations), "events": list(one.tail), "digest": one.digest}
            for one in played
            if one.violations
        ],
    }


def _write(log: Path, events: Sequence[str]) -> None:
    try:
        log.write_text("".join(f"{line}\n" for line in events), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--log {log}: cannot be written: {error.strerror}") from error


def _summary(report: "Report") -> dict[str, object]:
    return {
        "days": report.days,
        "seed": report.seed,
        "steps": report.steps,
        "runs": report.runs,
        "faults": report.faults,
        "violations": list(report.violations),
    }


def _show(report: "Report") -> None:
    if report.violations:
        for line in report.log[-_SHOWN:]:
            typer.echo(line)
    counts = f"{report.steps} steps, {report.runs} runs, {report.faults} faults injected"
    typer.echo(f"{report.days} days, seed {report.seed}, {counts}, {len(report.violations)} violations")
