"""Commands for rolls: states, suggestions, the roll itself, roll parameters and calendars."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.operator import operator
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    import pandas as pd

    from sysproduction.control.rolls import ParameterEdit
    from sysproduction.markets.rolls import RollDesk

Instrument = Annotated[str, typer.Argument(help="The instrument.")]
Some = Annotated[list[str] | None, typer.Argument(help="Instruments; all that have prices without it.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it although it contradicts what is in force.")]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    rolls = typer.Typer(no_args_is_help=True, help="Rolls from one contract to the next.")
    for command in (status, suggest, auto, history, parameters, calendar):
        rolls.command()(command)
    rolls.command("set")(set_state)
    app.add_typer(rolls, name="roll")


def status(context: typer.Context, instruments: Some = None, as_json: Json = False) -> None:
    """Where each instrument stands: contracts, state and why, when it should roll, what may follow."""
    from sysproduction.control import rolls
    from sysproduction.ops import render

    with desk_of(context) as (desk, now):
        rows = render.rows_of(rolls.status(desk, rolls.rolling(desk, instruments), now))
    _show(rows, as_json, "no instrument has multiple prices yet: import or build some")


def suggest(context: typer.Context, instruments: Some = None, as_json: Json = False) -> None:
    """What the automatic rule would do, and why, whatever the rule of the instrument is."""
    from sysproduction.control import rolls
    from sysproduction.ops import render

    with desk_of(context) as (desk, now):
        rows = render.rows_of(rolls.advise(desk, rolls.rolling(desk, instruments), now))
    _show([{k: v for k, v in row.items() if k != "done"} for row in rows], as_json, "nothing to roll")


def auto(context: typer.Context, instruments: Some = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Do now what the automatic rule suggests: for the instruments named, or all whose rule is automatic."""
    from sysproduction.control import rolls
    from sysproduction.ops import render

    with desk_of(context) as (desk, now):
        chosen = rolls.rolling(desk, instruments)
        chosen = chosen if instruments else rolls.automatic(desk, chosen)
        rows = render.rows_of(rolls.act(desk, chosen, now, dry_run=dry_run))
    _show(rows, as_json, "no instrument has the rule automatic: set rolls.rule, or name instruments")


def set_state(
    context: typer.Context,
    instrument: Instrument,
    state: Annotated[
        str, typer.Argument(help="No_Roll, Passive, Force, Force_Outright, Close, No_Open, Roll_Adjusted.")
    ],
    why: Why = "an operator's word",
    infer: Annotated[bool, typer.Option("--infer", help="Roll_Adjusted: infer prices that no bar gives.")] = False,
    oldest_days: Annotated[int, typer.Option(min=0, help="Roll_Adjusted: how old the prices may be.")] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Roll_Adjusted: only show the rows it would give.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Change the roll state, as far as the present one allows; Roll_Adjusted rolls the prices at once."""
    from sysproduction.control import rolls
    from sysproduction.domain.roll_states import RollState
    from sysproduction.ops import render

    wanted = rolls.wanted_state(state)
    if wanted is None:
        raise ConfigError(f"{state} is no roll state: write one of {', '.join(RollState)}")
    if dry_run and wanted is not RollState.ROLL_ADJUSTED:
        raise ConfigError("--dry-run shows the rows of a roll: use it with Roll_Adjusted")
    oldest = timedelta(days=oldest_days)
    with desk_of(context) as (desk, now):
        if wanted is RollState.ROLL_ADJUSTED and dry_run:
            _show_prepared(desk, instrument, infer, oldest, as_json)
            return
        done = rolls.set_roll_state(
            desk, instrument, wanted, by=operator(), now=now, why=why, infer=infer, oldest=oldest
        )
    if isinstance(done, Refused):
        raise leave_refused(done)
    if as_json:
        render.show_json(rolls.history_rows([done])[0])
    else:
        typer.echo(f"{instrument}: {rolls.described(done)} (was {done.before})")


def history(
    context: typer.Context,
    instrument: Annotated[str | None, typer.Argument(help="Of one instrument only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Every change of state and every roll: who, when and why."""
    from sysproduction.control import rolls

    with desk_of(context) as (desk, _now):
        if instrument is not None:
            desk.instruments.get(instrument)
        rows = rolls.history_rows(desk.states.history(instrument, limit))
    _show(rows, as_json, "nothing rolled and no state changed yet")


def parameters(
    context: typer.Context,
    instrument: Instrument,
    hold_cycle: Annotated[str | None, typer.Option(help="Months that are held, as letters: HMUZ.")] = None,
    priced_cycle: Annotated[str | None, typer.Option(help="Months that have prices, as letters.")] = None,
    roll_offset_days: Annotated[int | None, typer.Option(help="Days from the expiry to the desired roll.")] = None,
    carry_offset: Annotated[
        int | None, typer.Option(help="-1: carry against the previous contract, 1: the next.")
    ] = None,
    expiry_offset: Annotated[int | None, typer.Option(help="Days from the first of the month to the expiry.")] = None,
    why: Why = "an operator's word",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show the roll parameters and the coming contracts, or change them; a changed one is no longer a feed's."""
    from sysproduction.control import rolls

    said = {
        "hold_cycle": hold_cycle,
        "priced_cycle": priced_cycle,
        "roll_offset_days": roll_offset_days,
        "carry_offset": carry_offset,
        "expiry_offset": expiry_offset,
    }
    changes: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    with desk_of(context) as (desk, now):
        edit = rolls.preview_parameters(desk, instrument, changes, now)
        refused = edit if isinstance(edit, Refused) else None
        if not isinstance(edit, Refused):
            if changes and not dry_run:
                refused = rolls.edit_parameters(desk, edit, by=operator(), now=now, why=why, sure=yes)
            _show_parameters(edit, desk.instruments.edit_of(instrument), as_json)
    if refused is not None:
        raise leave_refused(refused)


def calendar(
    context: typer.Context,
    instrument: Instrument,
    out: Annotated[Path | None, typer.Option(help="Write it to a .csv or .parquet file.")] = None,
    as_json: Json = False,
) -> None:
    """The rolls that stored multiple prices show: when each contract was left, and for which."""
    from sysproduction.control import rolls
    from sysproduction.ops.export import write_frame

    with desk_of(context) as (desk, _now):
        found = rolls.calendar_of(desk, instrument)
    if out is None:
        _show(_frame_rows(found), as_json, "")
        return
    write_frame(found, out)
    typer.echo(f"{out}: {len(found)} rows")


@contextmanager
def desk_of(context: typer.Context) -> "Iterator[tuple[RollDesk, datetime]]":
    """What rolling needs, once rolls that a crash cut off are finished; and the market's time."""
    from sysproduction.control.rolls import described
    from sysproduction.markets.rolls import RollDesk, recover_rolls
    from sysproduction.stores.contracts import Contracts
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.prices import Prices
    from sysproduction.stores.roll_states import RollStates

    with session(context).outside() as ports:
        documents, now = ports.documents, ports.clock.now()
        policies = ports.config.settings.rolls.policies()
        stores = Instruments(documents), Contracts(documents), Prices(ports.series), RollStates(documents)
        desk = RollDesk(*stores, policies, turn=ports.turn)
        for done in recover_rolls(desk, now):
            typer.echo(f"finished what was cut off: {done.instrument} {described(done)}", err=True)
        yield desk, now


def _show_prepared(desk: "RollDesk", instrument: str, infer: bool, oldest: timedelta, as_json: bool) -> None:
    from sysproduction.control.rolls import preview_roll

    prepared = preview_roll(desk, instrument, infer=infer, oldest=oldest)
    if isinstance(prepared, Refused):
        raise leave_refused(prepared)
    _show(_frame_rows(prepared), as_json, "")


def _show_parameters(edit: "ParameterEdit", by_hand: Any, as_json: bool) -> None:
    from sysproduction.ops import render

    [row] = render.rows_of([edit])
    if as_json:
        render.show_json(row | {"edited": render.rows_of([by_hand])[0] if by_hand else None})
        return
    changed = {name for name, value in row["before"].items() if row["after"][name] != value}
    source = f"set by {by_hand.by} on {by_hand.at:%Y-%m-%d}: {by_hand.reason}" if by_hand else "as the feed says"
    render.show([row["before"]], as_json=False, title=f"{edit.instrument}, {source}")
    render.show(list(edit.coming_before), as_json=False)
    if changed:
        render.show([row["after"]], as_json=False, title="would become" if not by_hand else "asked for")
        render.show(list(edit.coming_after), as_json=False)
    for contradiction in edit.contradictions:
        typer.echo(f"contradicts: {contradiction}")


def _show(rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    from sysproduction.ops import render

    shown = rows if as_json else [{name: _sentence(value) for name, value in row.items()} for row in rows]
    render.show(shown, as_json=as_json, empty=empty)


def _sentence(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _frame_rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    stamps = [stamp.to_pydatetime() for stamp in frame.index]
    found = frame.to_dict("records")
    return [{"stamp": stamp, **{str(k): v for k, v in row.items()}} for stamp, row in zip(stamps, found, strict=True)]
