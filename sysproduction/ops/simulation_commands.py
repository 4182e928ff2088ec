"""Commands that play the platform on a simulated clock; they need no home and leave nothing behind."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.ops.process_commands import Json

if TYPE_CHECKING:
    from sysproduction.simulation.supervision import Report, Simulation

_SHOWN = 30


def register(app: typer.Typer) -> None:
    """Add the commands."""
    simulate = typer.Typer(no_args_is_help=True, help="Play parts of the platform on a simulated clock, with faults.")
    simulate.callback()(_nothing)
    simulate.command("supervision")(supervision)
    app.add_typer(simulate, name="simulate")


def _nothing() -> None:
    """So that `simulate` has subcommands, though there is only one."""


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
        _write(log, report)
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


def _write(log: Path, report: "Report") -> None:
    try:
        log.write_text("".join(f"{line}\n" for line in report.log), encoding="utf-8")
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
