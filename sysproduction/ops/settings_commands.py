"""Commands that check the configuration and the health of a home."""

import json
from typing import Annotated

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(check)
    app.command()(doctor)
    config = typer.Typer(no_args_is_help=True, help="The configuration of this home.")
    config.command("show")(config_show)
    app.add_typer(config, name="config")


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check the whole configuration; every problem names file, line, key and what was probably meant."""
    from sysproduction.config.problems import InvalidConfig
    from sysproduction.ops import render

    try:
        config = session(context).config(check_methods=True)
    except InvalidConfig as invalid:
        if as_json:
            render.show_json({"ok": False, "problems": render.rows_of(invalid.problems)})
            raise typer.Exit(ConfigError.exit_code) from invalid
        for problem in invalid.problems:
            typer.echo(str(problem), err=True)
        count = len(invalid.problems)
        typer.echo(f"{count} problem{'s' if count != 1 else ''}", err=True)
        raise typer.Exit(ConfigError.exit_code) from invalid
    if as_json:
        render.show_json({"ok": True, "warnings": render.rows_of(config.warnings)})
        return
    for warning in config.warnings:
        typer.echo(f"warning: {warning}", err=True)
    methods = sum(len(spec.methods) for spec in config.processes)
    typer.echo(f"the configuration is right: {len(config.processes)} processes, {methods} methods")


def config_show(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Only keys that begin with this.")] = "",
    as_json: Json = False,
) -> None:
    """Every effective value and where it comes from; secrets are not shown."""
    from sysproduction.ops import render

    rows = [row for row in session(context).config().rows if row.key.startswith(prefix)]
    if as_json:
        render.show_json(render.rows_of(rows))
        return
    for row in rows:
        typer.echo(f"{row.key}: {json.dumps(row.value)}  # {row.origin}")
    if not rows:
        typer.echo(f"no key begins with {prefix}")


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Examine this home: configuration, stores, clock, disk, feed, processes; exit 1 if something is broken."""
    from sysproduction.ops import render
    from sysproduction.ops.examination import examine

    findings = examine(session(context))
    render.show(render.rows_of(findings), as_json=as_json)
    if any(finding.result == "fail" for finding in findings):
        raise typer.Exit(1)
