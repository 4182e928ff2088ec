"""The command that shows the paper exchange as a broker would show our account."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from sysproduction.domain.errors import Refused
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.ports import Broker


def register(app: typer.Typer) -> None:
    """Add the group and its command."""
    exchange = typer.Typer(no_args_is_help=True, help="The paper exchange.")
    exchange.callback()(_group)
    exchange.command()(show)
    app.add_typer(exchange, name="exchange")


def _group() -> None:
    """Keeps `show` a command of its own while it is the only one."""


def show(context: typer.Context, as_json: Json = False) -> None:
    """The account, positions and open orders at the paper exchange, and the faults that it has committed on purpose.

    While it does not run, only the faults are known.
    """
    from sysproduction.ops import render
    from sysproduction.wiring.paper import faults_struck

    with session(context).outside() as ports:
        if ports.broker is None:
            raise leave_refused(Refused("there is no paper exchange: broker.kind is none"))
        faults, runs = faults_struck(ports.home)
        known = _known(ports.broker) if runs else {"account": None, "positions": [], "open_orders": []}
    if as_json:
        render.show_json({"running": runs, **known, "faults": faults})
        return
    typer.echo("the paper exchange runs" if runs else "the paper exchange does not run")
    if known["account"] is not None:
        render.show([known["account"]], as_json=False)
    for name in ("positions", "open_orders"):
        if known[name]:
            render.show(known[name], as_json=False, title=name.replace("_", " "))
    struck = ", ".join(f"{name} {count}" for name, count in faults.items() if count)
    typer.echo(f"faults committed: {struck or 'none'}")


def _known(broker: "Broker") -> dict[str, Any]:
    orders = [asdict(order) for order in broker.open_orders()]
    for order in orders:
        order["legs"] = ", ".join(f"{leg['quantity']:+d} {leg['contract']}" for leg in order["legs"])
    return {
        "account": asdict(broker.account()),
        "positions": [asdict(position) for position in broker.positions()],
        "open_orders": orders,
    }
