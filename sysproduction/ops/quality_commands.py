"""Commands for the quality of prices: review what was rejected, find what is missing, build, compare costs."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sysproduction.domain.errors import Refused
from sysproduction.ops.operator import operator
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import leave_refused, session

if TYPE_CHECKING:
    from sysproduction.stores.rejections import PriceRejected
    from sysproduction.wiring import Outside

Named = Annotated[list[str] | None, typer.Option(metavar="ITEM@STAMP", help="A rejected price; may be repeated.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]
Days = Annotated[int, typer.Option(min=1, help="How many days to look back.")]


def prices_review(
    context: typer.Context,
    accept: Named = None,
    reject: Named = None,
    why: Why = "an operator's word",
    as_json: Json = False,
) -> None:
    """Rejected prices that nobody has settled, with the prices around them; accept stores one, reject keeps it out."""
    from sysproduction.ops import render

    with session(context).outside() as ports:
        settled = _settle(ports, accept or [], reject or [], why)
        rows = settled if accept or reject else _open(ports)
    refusals = [row for row in rows if isinstance(row, Refused)]
    shown = render.rows_of(row for row in rows if not isinstance(row, Refused))
    if shown or not refusals:
        render.show(shown, as_json=as_json, empty="no rejected price waits for a word")
    for refusal in refusals:
        raise leave_refused(refusal)


def prices_quality(context: typer.Context, days: Days = 365, gap_days: Days = 2, as_json: Json = False) -> None:
    """Stale instruments, contracts without data, failures, gaps and duplicates."""
    from sysproduction.control.quality import METHOD, examine
    from sysproduction.ops import render
    from sysproduction.stores.contracts import Contracts
    from sysproduction.stores.prices import Prices
    from sysproduction.stores.process_states import ProcessStates

    with session(context).outside() as ports:
        now = ports.clock.now()
        runs = ProcessStates(ports.documents).method_runs(since=now - timedelta(days=7))
        found = examine(
            Contracts(ports.documents),
            Prices(ports.series),
            [run for run in runs if run.method == METHOD],
            now=now,
            stale_after_days=ports.config.settings.prices.stale_after_days,
            days=days,
            gap_days=gap_days,
        )
    render.show(render.rows_of(found), as_json=as_json, empty="nothing is wrong with the prices")


def prices_build(
    context: typer.Context,
    instrument: Annotated[str, typer.Argument(help="The instrument.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace multiple and adjusted prices that are stored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be built.")] = False,
    as_json: Json = False,
) -> None:
    """Build roll calendar, multiple and adjusted prices from stored contract bars by the roll parameters."""
    from sysproduction.markets.building import build_prices
    from sysproduction.ops import render
    from sysproduction.ops.roll_commands import desk_of

    with desk_of(context) as (desk, now):
        built = build_prices(desk, instrument, by=operator(), now=now, replace=yes, store=not dry_run)
    if isinstance(built, Refused):
        raise leave_refused(built)
    row: dict[str, Any] = {
        "instrument": instrument,
        "rows": len(built.multiple),
        "rolls": max(len(built.calendar) - 1, 0),
        "first": built.multiple.index[0].to_pydatetime(),
        "last": built.multiple.index[-1].to_pydatetime(),
        "stored": not dry_run,
        "left_out": list(built.left_out),
    }
    if as_json:
        render.show_json(row)
    else:
        render.show([row], as_json=False)


def instruments_spreads(
    context: typer.Context,
    instruments: Annotated[list[str] | None, typer.Argument(help="Instruments; all without it.")] = None,
    days: Days = 30,
    as_json: Json = False,
) -> None:
    """Half the usual spread, as sampled by update_sampled_spreads, beside the configured cost."""
    from sysproduction.markets.spreads import compare_spreads
    from sysproduction.ops import render
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.spreads import Spreads

    with session(context).outside() as ports:
        since = ports.clock.now() - timedelta(days=days)
        rows = compare_spreads(Instruments(ports.documents), Spreads(ports.series), since=since, only=instruments)
    render.show(render.rows_of(rows), as_json=as_json, empty="no instruments yet")


def _settle(ports: "Outside", accept: list[str], reject: list[str], why: str) -> list[Any]:
    from sysproduction.markets.reviewing import accept_price, named_rejection, refuse_price
    from sysproduction.stores.fx import FxRates
    from sysproduction.stores.prices import Prices
    from sysproduction.stores.rejections import Rejections

    rejections, by, now = Rejections(ports.documents), operator(), ports.clock.now()
    good = [named_rejection(rejections, name) for name in accept]
    bad = [named_rejection(rejections, name) for name in reject]
    prices, rates = Prices(ports.series), FxRates(ports.series)
    told = partial(accept_price, prices, rates, rejections, by=by, now=now, why=why, turn=ports.turn)
    accepted = [told(record) for record in good]
    return [*accepted, *(refuse_price(rejections, record, by=by, now=now, why=why) for record in bad)]


def _open(ports: "Outside") -> list[dict[str, Any]]:
    from sysproduction.stores.rejections import Rejections

    opened = Rejections(ports.documents).open()
    return [_described(ports, record) for item in sorted(opened) for record in opened[item]]


def _described(ports: "Outside", record: "PriceRejected") -> dict[str, Any]:
    from sysproduction.markets.reviewing import prices_around
    from sysproduction.ops.sparkline import sparkline
    from sysproduction.stores.fx import FxRates
    from sysproduction.stores.prices import Prices

    before, after = prices_around(Prices(ports.series), FxRates(ports.series), record)
    return {
        "name": record.key,
        "price": record.price,
        "last_good": record.last_good,
        "reason": f"{record.multiples:.1f} typical daily changes from {record.last_good:g}",
        "found_at": record.found_at,
        "plot": sparkline(before.dropna().tolist(), record.price, after.dropna().tolist()),
    }
