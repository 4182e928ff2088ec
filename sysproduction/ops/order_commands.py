"""Commands that show orders, fills and positions."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from sysproduction.ops import order_entry_commands
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

Strategy = Annotated[str | None, typer.Option(help="Of one strategy only.")]
Instrument = Annotated[str | None, typer.Option(help="Of one instrument only.")]
Days = Annotated[int, typer.Option(min=1, help="Executed in the last so many days.")]


def register(app: typer.Typer) -> None:
    """Add the groups and their commands."""
    for name, text, command in (
        ("orders", "Orders of all three levels.", show_orders),
        ("fills", "What was traded.", show_fills),
        ("positions", "What is held, as the fills add up to.", show_positions),
    ):
        group = typer.Typer(no_args_is_help=True, help=text)
        group.callback()(_group)
        group.command("show")(command)
        if name == "positions":
            group.command("optimal")(show_optimal)
        if name == "orders":
            group.command("history")(show_history)
            order_entry_commands.register(app, group)
        app.add_typer(group, name=name)


def _group() -> None:
    """Keeps `show` a command of its own while it is the only one."""


def show_orders(
    context: typer.Context, strategy: Strategy = None, instrument: Instrument = None, as_json: Json = False
) -> None:
    """Orders that are worked on, each with those below it."""
    from sysproduction.control import orders
    from sysproduction.ops import render
    from sysproduction.stores.order_stack import OrderStack

    with session(context).outside() as ports:
        rows = orders.order_rows(OrderStack(ports.documents), strategy, instrument)
    render.show(rows, as_json=as_json, empty="no order is being worked on")


def show_history(
    context: typer.Context,
    strategy: Strategy = None,
    instrument: Instrument = None,
    days: Annotated[int, typer.Option(min=1, help="Ended in the last so many days.")] = 7,
    as_json: Json = False,
) -> None:
    """Orders that are done, the last one first, each with those below it and what became of them."""
    from sysproduction.control import orders
    from sysproduction.ops import render
    from sysproduction.stores.order_stack import OrderStack

    with session(context).outside() as ports:
        since = ports.clock.now() - timedelta(days=days)
        rows = orders.ended_rows(OrderStack(ports.documents), since, strategy, instrument)
    render.show(rows, as_json=as_json, empty=f"no order has ended in the last {days} days")


def show_fills(
    context: typer.Context,
    strategy: Strategy = None,
    instrument: Instrument = None,
    days: Days = 7,
    as_json: Json = False,
) -> None:
    """Fills of the last days; of a corrected execution, its last correction."""
    from sysproduction.control import orders
    from sysproduction.ops import render
    from sysproduction.stores.fills import FillLedger

    with session(context).outside() as ports:
        start: datetime = ports.clock.now() - timedelta(days=days)
        rows = orders.fill_rows(FillLedger(ports.documents).executed_between(start, None))
    wanted = [r for r in rows if strategy in (None, r["strategy"]) and instrument in (None, r["instrument"])]
    render.show(wanted, as_json=as_json, empty=f"no fill in the last {days} days")


def show_positions(context: typer.Context, as_json: Json = False) -> None:
    """Contracts held, by strategy and by contract."""
    from sysproduction.control import orders
    from sysproduction.ops import render
    from sysproduction.stores.fills import FillLedger

    with session(context).outside() as ports:
        rows = orders.position_rows(FillLedger(ports.documents).positions())
    render.show(rows, as_json=as_json, empty="nothing is held")


def show_optimal(
    context: typer.Context, strategy: Strategy = None, instrument: Instrument = None, as_json: Json = False
) -> None:
    """What strategies want to hold: bands, what is held and under way, and the trade that follows now."""
    from sysproduction.control import strategies
    from sysproduction.domain.errors import ConfigError
    from sysproduction.ops import render
    from sysproduction.processes.run_strategy_order_generator import generator_desk

    with session(context).outside() as ports:
        world = ports.world()
        if strategy is not None and strategy not in world.strategies.by_name:
            known = ", ".join(world.strategies.by_name) or "none"
            raise ConfigError(f"there is no strategy {strategy}: configured are {known}")
        names = world.strategies.by_name if strategy is None else [strategy]
        rows = strategies.optimal_rows(generator_desk(world), names, world.clock.now())
    wanted = [row for row in rows if instrument in (None, row["instrument"])]
    if not as_json:
        bands = ("lower", "upper", "optimum")
        wanted = [
            {name: round(x, 2) if name in bands and x is not None else x for name, x in r.items()} for r in wanted
        ]
    render.show(wanted, as_json=as_json, empty="no strategy has optimal positions yet: run_systems computes them")
