"""The command that cleans now, or shows what would be cleaned."""

from typing import Annotated

import typer

from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clean)


def clean(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old state folders, echo files, rotated logs, run history and what crashes left half-written."""
    from sysproduction.domain.cleaning import Litter
    from sysproduction.ops import render
    from sysproduction.processes import run_cleaners
    from sysproduction.upkeep.cleaning import find_old

    with session(context).outside() as ports:
        world = ports.world()
        house = world.housekeeping
        assert house is not None
        old = [
            one for kind in Litter for one in find_old(kind, house.policy, now=house.now(), open_paths=house.open_paths)
        ]
        done = {name: getattr(run_cleaners, name)(world, dry_run=dry_run).items for name in run_cleaners.__all__}
    rows = [
        {"kind": str(one.kind), "path": str(one.path), "bytes": one.size, "changed_at": one.changed_at} for one in old
    ]
    if as_json:
        render.show_json({"dry_run": dry_run, "files": rows, "methods": done})
        return
    render.show(rows, as_json=False, empty="no old files")
    word = "would remove" if dry_run else "removed"
    for name, count in done.items():
        typer.echo(f"{name}: {word} {count}")
