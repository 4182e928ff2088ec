"""Commands that put orders and fills on record by an operator's word; none of them speaks to the broker."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from sysproduction.domain.errors import Refused
from sysproduction.ops.operator import operator
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.control.order_entry import EntryDesk
    from sysproduction.wiring import Outside

Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm.")]
Strategy = Annotated[str, typer.Argument(help="The strategy whose position changes.")]
Instrument = Annotated[str, typer.Argument(help="The instrument.")]
Quantity = Annotated[str, typer.Argument(help="Contracts: 3 buys, -3 sells.")]
Price = Annotated[float, typer.Argument(help="Price of one contract, as it is quoted.")]

_NEGATIVE_NUMBERS: Final = {"ignore_unknown_options": True}
"""So that -3 is a quantity and no option."""

_T = TypeVar("_T")


def register(app: typer.Typer, orders: typer.Typer) -> None:
    """Add the commands: to the group `orders`, but for `panic`."""
    for command in (trade, balance, fill):
        orders.command(context_settings=_NEGATIVE_NUMBERS)(command)
    orders.command()(cancel)
    app.command()(panic)


def trade(
    context: typer.Context,
    strategy: Strategy,
    instrument: Instrument,
    quantity: Quantity,
    why: Why,
    order_type: Annotated[str, typer.Option("--type", help="best, market or limit.")] = "best",
    limit: Annotated[float | None, typer.Option("--limit", help="Of the priced contract.")] = None,
    yes: Yes = False,
) -> None:
    """Order a trade for a strategy; it goes through the risk gate like any other."""
    from sysproduction.control import order_entry

    wanted = order_entry.Trade(strategy, instrument, quantity, order_type, limit)
    confirmed(yes, f"{quantity} {instrument} would be traded for {strategy}")
    with desk_of(context, why) as (desk, _ports):
        order = done(order_entry.trade(desk, wanted))
    typer.echo(f"{order.order_id}: {order.quantity:+d} {order.order_type}")


def cancel(
    context: typer.Context, order: Annotated[str, typer.Argument(help="An order of any level.")], why: Why
) -> None:
    """End an order and what works below it; the stack handler has it cancelled at the broker at its next turn."""
    from sysproduction.control import order_entry

    with desk_of(context, why) as (desk, _ports):
        subject = done(order_entry.cancel(desk, order))
    typer.echo(f"{subject} ends as soon as the broker has confirmed: run_stack_handler asks it while it runs")


def balance(
    context: typer.Context,
    strategy: Strategy,
    instrument: Instrument,
    contract: Annotated[str, typer.Argument(help="Its contract, such as 20241200.")],
    quantity: Quantity,
    price: Price,
    why: Why,
    yes: Yes = False,
) -> None:
    """Record a trade that was done elsewhere: positions follow, nothing is sent."""
    from sysproduction.control import hand_fills

    confirmed(yes, f"{quantity} {instrument} {contract} at {price:g} would be recorded for {strategy}")
    with desk_of(context, why) as (desk, _ports):
        made = done(hand_fills.balance(desk, hand_fills.Balance(strategy, instrument, contract, quantity, price)))
    typer.echo(f"{made.instrument_order}: {made.quantity:+d} {made.contract} at {made.price:g} is recorded")


def fill(
    context: typer.Context,
    client_order: Annotated[str, typer.Argument(help="Our identifier of the broker order.")],
    quantity: Quantity,
    price: Price,
    why: Why,
    contract: Annotated[str | None, typer.Option(help="Which leg, if there are several.")] = None,
    execution: Annotated[str | None, typer.Option(help="The broker's id of the execution.")] = None,
    account: Annotated[str | None, typer.Option(help="The broker's account, with --execution.")] = None,
    yes: Yes = False,
) -> None:
    """Record a fill that the broker does not tell of. Give --execution and --account if you know them: if the broker
    tells of it after all, it is the same fill."""
    from sysproduction.control import hand_fills

    confirmed(yes, f"{quantity} at {price:g} would be recorded as a fill of {client_order}")
    wanted = hand_fills.HandFill(client_order, quantity, price, contract, execution, account)
    with desk_of(context, why) as (desk, _ports):
        made = done(hand_fills.fill(desk, wanted))
    typer.echo(f"{client_order}: {made.quantity:+d} {made.contract} at {made.price:g} is recorded")


def panic(
    context: typer.Context,
    why: Why,
    instrument: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    yes: Yes = False,
) -> None:
    """Sell what is held and buy back what is short, at the market, and cancel what works. Set `kill reduce` too, or
    strategies will order anew tomorrow."""
    from sysproduction.control import panic as flattening
    from sysproduction.domain.gate_facts import KillState
    from sysproduction.stores.kill_switch import KillSwitch

    confirmed(yes, f"every position in {instrument or 'every instrument'} would be closed at the market")
    with desk_of(context, why) as (desk, _ports):
        state = KillSwitch(desk.documents, session(context).home.run).state() or KillState.HALT
        orders = done(flattening.panic(desk, state, instrument))
        locks = flattening.locks_on(desk, orders)
    for order in orders:
        typer.echo(f"{order.order_id}: {order.quantity:+d}")
    for lock in locks:
        typer.echo(f"{lock.instrument} is locked ({lock.kind}), so nothing is sent of it: {lock.word.why}", err=True)
    typer.echo(
        "run_stack_handler sends them; look at `sysproduction positions show`, and say it again if anything is left"
    )


@contextmanager
def desk_of(context: typer.Context, why: str | None = None) -> "Iterator[tuple[EntryDesk, Outside]]":
    """What the commands use, and the ports of the home; a reason of spaces is none."""
    from sysproduction.control.order_entry import EntryDesk

    if why is not None and not why.strip():
        raise leave_refused(Refused("--why is empty: say the reason, for the audit log"))
    with session(context).outside() as ports:
        settings, said = ports.config.settings, (why or "").strip()
        names, operators = sorted(settings.strategies), settings.trading.operators
        yield EntryDesk(ports.documents, ports.series, names, operator(), ports.clock.now(), said, operators), ports


def confirmed(yes: bool, text: str) -> None:
    """A human at a terminal is asked; a script says --yes."""
    if yes or (sys.stdin.isatty() and typer.confirm(f"{text}. Do it?")):
        return
    raise leave_refused(Refused(f"{text}: say --yes to confirm"))


def done(answer: _T | Refused) -> _T:
    """The answer; a refusal ends the command."""
    if isinstance(answer, Refused):
        raise leave_refused(answer)
    return answer
