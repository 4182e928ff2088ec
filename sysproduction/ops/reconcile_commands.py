"""Commands that compare the broker with ledger and stack, and sign what is proposed."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import Unavailable
from sysproduction.ops.order_entry_commands import Why, Yes, confirmed, desk_of, done
from sysproduction.ops.process_commands import Json

if TYPE_CHECKING:
    from sysproduction.control.reconciling import Reconciliation


def register(app: typer.Typer) -> None:
    """Add the group, which is a command of its own too."""
    group = typer.Typer(invoke_without_command=True, help="What differs from the broker, and what mends it.")
    group.callback()(reconcile)
    group.command()(accept)
    app.add_typer(group, name="reconcile")


def reconcile(context: typer.Context, as_json: Json = False) -> None:
    """Compare the broker's positions, executions and open orders with ledger and stack; exit code 1 if anything
    differs, 3 if the broker could not be asked and nothing was known to differ."""
    if context.invoked_subcommand is not None:
        return
    from sysproduction.control import reconciling
    from sysproduction.ops import render

    with desk_of(context) as (desk, ports):
        found = reconciling.view(desk, ports.world().broker)
    if as_json:
        render.show_json(asdict(found))
    else:
        _show(found)
    if found.findings or found.locked:
        raise typer.Exit(1)
    if not found.compared:
        raise typer.Exit(Unavailable.exit_code)


def accept(
    context: typer.Context,
    proposal: Annotated[str, typer.Argument(help="Its identifier, as `reconcile` shows it.")],
    why: Why,
    strategy: Annotated[str | None, typer.Option(help="Whose it is, where several could be.")] = None,
    price: Annotated[float | None, typer.Option(help="Where no execution tells it.")] = None,
    yes: Yes = False,
) -> None:
    """Sign a proposal: its entry goes into the ledger, or an order of unknown outcome ends, in your name."""
    from sysproduction.control import reconciling

    confirmed(yes, f"{proposal} would be signed in your name; no machine takes it back")
    with desk_of(context, why) as (desk, ports):
        signed = reconciling.Signature(strategy, price)
        made = done(reconciling.accept(desk, ports.world().broker, proposal, signed))
    typer.echo(f"{proposal} is accepted: {made.text}; the break's lock goes with the next comparison that agrees")


def _show(found: "Reconciliation") -> None:
    from sysproduction.ops import render

    if not found.compared:
        typer.echo(f"not compared now ({found.why}); this is what is known:")
    render.show(found.findings, as_json=False, empty="nothing differs" if found.compared else "nothing is proposed")
    if found.locked:
        typer.echo(f"locked by a break: {', '.join(found.locked)}")
