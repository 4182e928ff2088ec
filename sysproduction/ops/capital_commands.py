"""Commands for capital: where it stands, its first value, deposits, and a word on changes that wait for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.operator import operator
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.capital.updating import CapitalDesk
    from sysproduction.control.capital import CapitalView
    from sysproduction.domain.capital import Capital
    from sysproduction.wiring import Outside

Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
Amount = Annotated[float | None, typer.Option("--capital", help="Set capital to this amount.")]
Maximum = Annotated[float | None, typer.Option("--maximum", help="Set the maximum (high-water mark) to this amount.")]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    capital = typer.Typer(no_args_is_help=True, help="Capital: what strategies may risk.")
    for command in (show, init, adjust, confirm):
        capital.command()(command)
    app.add_typer(capital, name="capital")


def show(
    context: typer.Context,
    history: Annotated[int, typer.Option("--history", min=0, help="The last entries too, so many.")] = 0,
    as_json: Json = False,
) -> None:
    """Where capital stands, how it is split, and what waits for a word."""
    from sysproduction.control import capital
    from sysproduction.ops import render

    with desk_of(context) as (desk, _ports):
        found = capital.view(desk)
        entries = capital.history(desk, history) if history else []
    if as_json:
        render.show_json(asdict(found) | ({"history": entries} if history else {}))
        return
    _show_view(found)
    if history:
        render.show(entries, as_json=False)


def init(
    context: typer.Context,
    capital_amount: Amount = None,
    maximum: Maximum = None,
    why: Why = "an operator's word",
    as_json: Json = False,
) -> None:
    """Begin: capital is what the account at the broker is worth, or --capital."""
    from sysproduction.capital.updating import measured
    from sysproduction.control import capital

    with desk_of(context) as (desk, ports):
        now = ports.clock.now()
        done = capital.init(
            desk,
            measured(desk, ports.account(), now),
            by=operator(),
            now=now,
            why=why,
            capital=capital_amount,
            maximum=maximum,
        )
    _tell(done, as_json)


def adjust(
    context: typer.Context,
    deposit: Annotated[float, typer.Option(min=0, help="Money that was paid in: neither profit nor loss.")] = 0.0,
    withdrawal: Annotated[float, typer.Option(min=0, help="Money that was taken out.")] = 0.0,
    capital_amount: Amount = None,
    maximum: Maximum = None,
    why: Why = "an operator's word",
    as_json: Json = False,
) -> None:
    """Tell of deposits and withdrawals (in base currency), or set capital and its maximum."""
    from sysproduction.control import capital

    if not (deposit or withdrawal or capital_amount is not None or maximum is not None):
        raise ConfigError("nothing to adjust: give --deposit, --withdrawal, --capital or --maximum")
    with desk_of(context) as (desk, ports):
        done = capital.adjust(
            desk,
            ports.notifier,
            by=operator(),
            now=ports.clock.now(),
            why=why,
            deposit=deposit - withdrawal,
            capital=capital_amount,
            maximum=maximum,
        )
        ports.notifier.flush(5.0)
    _tell(done, as_json)


def confirm(context: typer.Context, why: Why = "an operator's word", as_json: Json = False) -> None:
    """The change of the account that waits for a word is profit or loss: let capital follow it."""
    from sysproduction.control import capital

    with desk_of(context) as (desk, ports):
        done = capital.confirm(desk, ports.notifier, by=operator(), now=ports.clock.now(), why=why)
        ports.notifier.flush(5.0)
    _tell(done, as_json)


@contextmanager
def desk_of(context: typer.Context) -> "Iterator[tuple[CapitalDesk, Outside]]":
    """What capital is made from, and the ports of the home."""
    from sysproduction.capital.updating import CapitalDesk
    from sysproduction.stores.capital import CapitalStore
    from sysproduction.stores.fx import FxRates

    with session(context).outside() as ports:
        settings = ports.config.settings
        store = CapitalStore(ports.documents, ports.series)
        rates, stale = FxRates(ports.series), settings.prices.stale_after_days
        yield CapitalDesk(store, rates, settings.capital.policy(), stale), ports


def _tell(done: "Capital | Refused", as_json: bool) -> None:
    from sysproduction.ops import render

    if isinstance(done, Refused):
        raise leave_refused(done)
    if as_json:
        render.show_json(asdict(done))
        return
    typer.echo(
        f"capital {done.capital:,.2f}, maximum {done.maximum:,.2f}, account value {done.account_value:,.2f} "
        f"(entry {done.number})"
    )


def _show_view(found: "CapitalView") -> None:
    from sysproduction.ops import render

    if found.last is None:
        typer.echo("capital has never been measured: `sysproduction capital init`, or let run_capital_update run")
        return
    row = asdict(found.last) | {"currency": found.base_currency, "compounding": found.compounding}
    render.show([row], as_json=False)
    if found.pending is not None and found.jump is not None:
        typer.echo(
            f"waits for a word: on {found.pending.at:%Y-%m-%d %H:%M} the account was worth {found.pending.value:,.2f}, "
            f"{found.jump:.1%} away; `sysproduction capital confirm`, or `capital adjust --deposit`"
        )
    if found.allocation is not None:
        shares = [{"strategy": name, **asdict(share)} for name, share in found.allocation.shares.items()]
        render.show(shares, as_json=False, title="split between strategies")
