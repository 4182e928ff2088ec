"""Commands that restrain orders (limits, overrides, locks, the kill switch) and show the audit log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.ops.operator import operator
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.control.order_controls import ControlDesk

Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.")]
Instrument = Annotated[str, typer.Argument(help="The instrument.")]
OfStrategy = Annotated[str | None, typer.Option("--strategy", help="Of this strategy; of all without it.")]
OfInstrument = Annotated[str | None, typer.Option("--instrument", help="In this instrument; in all without it.")]
Window = Annotated[float, typer.Option("--days", help="trade: over how many days, rolling.")]


class LimitKind(StrEnum):
    """What is limited."""

    TRADE = "trade"
    POSITION = "position"


class LockWord(StrEnum):
    """Which lock is taken away."""

    MANUAL = "manual"
    BREAK = "break"


def register(app: typer.Typer) -> None:
    """Add the groups; each command is named by the first word of its function."""
    groups: dict[str, tuple[str, tuple[Callable[..., None], ...]]] = {
        "limits": ("Limits on trades and positions.", (show_limits, set_limit, remove_limit)),
        "overrides": ("How much of a strategy's wish is traded.", (show_overrides, set_override, remove_override)),
        "locks": ("Instruments in which nothing is sent.", (show_locks, lock, unlock)),
        "kill": ("The kill switch.", (show_kill, halt, reduce, release)),
        "audit": ("Who did what, when and why.", (show_audit, verify)),
    }
    for name, (text, commands) in groups.items():
        group = typer.Typer(no_args_is_help=True, help=text)
        for command in commands:
            group.command(command.__name__.partition("_")[0])(command)
        app.add_typer(group, name=name)


def show_limits(context: typer.Context, as_json: Json = False) -> None:
    """Every limit in force: set by command, then what the configuration says for all orders."""
    from sysproduction.control import order_controls
    from sysproduction.ops import render

    risk = session(context).config().settings.risk
    with _desk(context) as desk:
        rows = order_controls.limit_rows(desk, risk.rules(), risk.usual_limits())
    render.show(rows, as_json=as_json)


def set_limit(
    context: typer.Context,
    kind: LimitKind,
    instrument: Instrument,
    contracts: Annotated[int, typer.Argument(min=0, help="At most so many contracts.")],
    why: Why,
    strategy: OfStrategy = None,
    days: Window = 1.0,
) -> None:
    """Limit what is sent of an instrument in so many days, or what is held of it."""
    from sysproduction.control import order_controls

    with _desk(context, why) as desk:
        _done(order_controls.set_limit(desk, _limit(kind, instrument, strategy, days, contracts)), "the limit is set")


def remove_limit(
    context: typer.Context,
    kind: LimitKind,
    instrument: Instrument,
    why: Why,
    strategy: OfStrategy = None,
    days: Window = 1.0,
) -> None:
    """Take a limit away; the usual one of the configuration holds again."""
    from sysproduction.control import order_controls

    with _desk(context, why) as desk:
        _done(order_controls.remove_limit(desk, _limit(kind, instrument, strategy, days, 0)), "the limit is gone")


def show_overrides(context: typer.Context, as_json: Json = False) -> None:
    """Overrides in force."""
    from sysproduction.control import order_controls
    from sysproduction.ops import render

    with _desk(context) as desk:
        render.show(order_controls.override_rows(desk), as_json=as_json, empty="there is no override")


def set_override(
    context: typer.Context,
    value: Annotated[str, typer.Argument(help="A factor from 0 to 1, or close, reduce_only, no_trade.")],
    why: Why,
    strategy: OfStrategy = None,
    instrument: OfInstrument = None,
) -> None:
    """Scale what a strategy wants in an instrument, or forbid it in part or as a whole."""
    from sysproduction.control import order_controls

    with _desk(context, why) as desk:
        done = order_controls.set_override(desk, strategy, instrument, _override(value))
        _done(done, "the override is set")


def remove_override(
    context: typer.Context, why: Why, strategy: OfStrategy = None, instrument: OfInstrument = None
) -> None:
    """Take an override away."""
    from sysproduction.control import order_controls

    with _desk(context, why) as desk:
        _done(order_controls.remove_override(desk, strategy, instrument), "the override is gone")


def show_locks(context: typer.Context, as_json: Json = False) -> None:
    """Locks that stand."""
    from sysproduction.control import order_controls
    from sysproduction.ops import render

    with _desk(context) as desk:
        render.show(order_controls.lock_rows(desk), as_json=as_json, empty="nothing is locked")


def lock(context: typer.Context, instrument: Instrument, why: Why) -> None:
    """Send nothing of this instrument until it is unlocked."""
    from sysproduction.control import order_controls

    with _desk(context, why) as desk:
        _done(order_controls.lock(desk, instrument), f"{instrument} is locked")


def unlock(
    context: typer.Context,
    instrument: Instrument,
    why: Why,
    kind: Annotated[LockWord, typer.Option(help="Whose lock: an operator's, or one for a break.")] = LockWord.MANUAL,
) -> None:
    """Take a lock away; one for a break comes back as long as the break lasts."""
    from sysproduction.control import order_controls
    from sysproduction.stores.order_controls import LockKind

    with _desk(context, why) as desk:
        _done(order_controls.unlock(desk, instrument, LockKind(kind)), f"{instrument}: the {kind} lock is gone")


def show_kill(context: typer.Context, as_json: Json = False) -> None:
    """How the kill switch stands, and since whose word."""
    from sysproduction.control import order_controls
    from sysproduction.ops import render

    with _desk(context) as desk:
        render.show(render.rows_of([order_controls.kill_view(desk)]), as_json=as_json)


def halt(context: typer.Context, why: Why) -> None:
    """Send nothing at all from now on; cancels still pass."""
    _set_kill(context, "HALT", why)


def reduce(context: typer.Context, why: Why) -> None:
    """Send only what reduces a position from now on."""
    _set_kill(context, "REDUCE", why)


def release(
    context: typer.Context,
    why: Why,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: orders will be sent again.")] = False,
) -> None:
    """Send orders again."""
    if not yes:
        raise leave_refused(Refused("orders would be sent again: say --yes to confirm"))
    _set_kill(context, "NORMAL", why)


def show_audit(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, help="Of the last so many days.")] = 7,
    subject: Annotated[str | None, typer.Option(help="An instrument or an order.")] = None,
    as_json: Json = False,
) -> None:
    """Entries of all chains, oldest first."""
    from sysproduction.ops import render
    from sysproduction.stores import audit

    with session(context).outside() as ports:
        since = ports.clock.now() - timedelta(days=days)
        rows = render.rows_of(audit.read(ports.documents, since=since, subject=subject))
    render.show(rows, as_json=as_json, empty=f"no entry in the last {days} days")


def verify(context: typer.Context, as_json: Json = False) -> None:
    """Check every chain; exit code 1 if anything was changed or is missing."""
    from sysproduction.ops import render
    from sysproduction.stores import audit

    with session(context).outside() as ports:
        rows = render.rows_of(audit.verify(ports.documents))
    render.show(rows, as_json=as_json, empty="all chains are whole")
    if rows:
        raise typer.Exit(1)


@contextmanager
def _desk(context: typer.Context, why: str = "") -> "Iterator[ControlDesk]":
    from sysproduction.control.order_controls import ControlDesk

    with session(context).outside() as ports:
        run, operators = session(context).home.run, ports.config.settings.trading.operators
        yield ControlDesk(ports.documents, run, operator(), ports.clock.now(), why, operators)


def _set_kill(context: typer.Context, name: str, why: str) -> None:
    from sysproduction.control import order_controls
    from sysproduction.domain.gate_facts import KillState

    with _desk(context, why) as desk:
        _done(order_controls.set_kill(desk, KillState[name]), f"the kill switch is at {name}")


def _limit(
    kind: LimitKind, instrument: str, strategy: str | None, days: float, contracts: int
) -> TradeLimit | PositionLimit:
    if kind is LimitKind.TRADE:
        return TradeLimit(instrument, strategy, days, contracts)
    return PositionLimit(instrument, strategy, contracts)


def _override(value: str) -> Override:
    plain = value.lower().replace("-", "_")
    if plain in (OverrideKind.CLOSE, OverrideKind.REDUCE_ONLY, OverrideKind.NO_TRADE):
        return Override(OverrideKind(plain))
    try:
        return Override(factor=float(value))
    except ValueError:
        raise ConfigError(
            f"{value} is no override: write a factor from 0 to 1, close, reduce_only or no_trade"
        ) from None


def _done(refused: Refused | None, text: str) -> None:
    if refused is not None:
        raise leave_refused(refused)
    typer.echo(text)
