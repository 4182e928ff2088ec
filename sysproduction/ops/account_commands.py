"""Commands that show today's profit and loss, and the account with its margin."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from sysproduction.ops.order_commands import Instrument, Strategy
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

if TYPE_CHECKING:
    from sysproduction.control.pnl import PnlView


def register(app: typer.Typer) -> None:
    """Add the groups and their commands."""
    for name, text, command in (
        ("pnl", "Today's profit and loss.", show_pnl),
        ("margin", "What the account is worth, and what of it is margin.", show_margin),
    ):
        group = typer.Typer(no_args_is_help=True, help=text)
        group.callback()(_group)
        group.command("show")(command)
        app.add_typer(group, name=name)


def _group() -> None:
    """Keeps `show` a command of its own while it is the only one."""


def show_pnl(
    context: typer.Context, strategy: Strategy = None, instrument: Instrument = None, as_json: Json = False
) -> None:
    """Since midnight UTC, in base currency: what was held, what was traded, what it cost; and the trades."""
    from sysproduction.control import pnl
    from sysproduction.ops import render
    from sysproduction.stores.fills import FillLedger
    from sysproduction.stores.fx import FxRates
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.prices import Prices

    with session(context).outside() as ports:
        desk = pnl.PnlDesk(
            ledger=FillLedger(ports.documents),
            prices=Prices(ports.series),
            instruments=Instruments(ports.documents),
            rates=FxRates(ports.series),
            broker=ports.world().broker,
            base_currency=ports.config.settings.capital.policy().base_currency,
            now=ports.clock.now(),
        )
        found = pnl.view(desk, strategy, instrument)
    if as_json:
        render.show_json(asdict(found))
        return
    _show(found)


def show_margin(context: typer.Context, as_json: Json = False) -> None:
    """The account's value and margin in base currency, and each strategy's part by its weight."""
    from sysproduction.control import margin
    from sysproduction.ops import render
    from sysproduction.ops.capital_commands import desk_of

    with desk_of(context) as (desk, ports):
        weights = ports.world().strategies.weights()
        found = margin.view(desk, ports.account, weights, ports.clock.now())
    if as_json:
        render.show_json(asdict(found))
        return
    row = asdict(found)
    strategies = row.pop("strategies")
    render.show([row], as_json=False)
    render.show(strategies, as_json=False, title="by strategy", empty="no strategy is configured")


def _show(found: "PnlView") -> None:
    from sysproduction.ops import render

    typer.echo(f"since {found.since:%Y-%m-%d %H:%M} UTC: {found.total:+,.2f} {found.base_currency}")
    for rows, title in ((found.by_instrument, "by instrument"), (found.by_strategy, "by strategy")):
        if rows:
            render.show(rows, as_json=False, title=title)
    render.show(found.trades, as_json=False, title="trades", empty="no trade today")
    for reason in found.left_out:
        typer.echo(f"left out: {reason}", err=True)
