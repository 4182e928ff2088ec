"""Capital as an operator sees and steers it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sysproduction.capital.updating import JUMP, CapitalDesk
from sysproduction.domain.capital import (
    Allocation,
    Capital,
    Compounding,
    Measure,
    adjusted,
    compounded,
    jump,
    seeded,
)
from sysproduction.domain.errors import Refused
from sysproduction.ports import Notifier
from sysproduction.stores.capital import CapitalStanding

NOT_YET = "capital has never been measured: `sysproduction capital init`, or let run_capital_update run"


@dataclass(frozen=True, slots=True)
class CapitalView:
    """What `capital show` shows; amounts in `base_currency`. `pending` waits for a word, `jump` is by how much it
    differs from the last measure."""

    base_currency: str
    compounding: Compounding
    last: Capital | None
    pending: Measure | None
    jump: float | None
    allocation: Allocation | None


def view(desk: CapitalDesk) -> CapitalView:
    """Where capital stands."""
    standing = desk.store.total()
    waits = standing.last is not None and standing.pending is not None
    return CapitalView(
        desk.policy.base_currency,
        desk.policy.compounding,
        standing.last,
        standing.pending,
        jump(standing.last, standing.pending) if waits and standing.last and standing.pending else None,
        desk.store.allocation().last,
    )


def history(desk: CapitalDesk, rows: int) -> list[dict[str, Any]]:
    """The last entries, newest first."""
    desk.store.recover()
    frame = desk.store.history().tail(rows).iloc[::-1]
    rows_of = zip(frame.index, frame.to_dict("records"), strict=True)
    return [{"at": at.to_pydatetime(), **{str(name): value for name, value in row.items()}} for at, row in rows_of]


def init(
    desk: CapitalDesk,
    measure: Measure,
    *,
    by: str,
    now: datetime,
    why: str,
    capital: float | None = None,
    maximum: float | None = None,
) -> Capital | Refused:
    """The first entry: the account's value, or a capital of the operator's choice. Refused if there is one already;
    DataError for a value that cannot be."""
    standing = _present(desk)
    if standing.last is not None:
        return Refused(
            f"capital is {standing.last.capital:,.2f} already (entry {standing.last.number}): "
            "`sysproduction capital adjust` changes it"
        )
    entry = seeded(measure, by=by, why=why, now=now, capital=capital, maximum=maximum)
    desk.store.record(standing, entry)
    return entry


def adjust(
    desk: CapitalDesk,
    notifier: Notifier,
    *,
    by: str,
    now: datetime,
    why: str,
    deposit: float = 0.0,
    capital: float | None = None,
    maximum: float | None = None,
) -> Capital | Refused:
    """A deposit (negative: a withdrawal) that is neither profit nor loss, and a capital or maximum of the operator's
    choice. A change that waited for a word is forgotten: the next update judges it anew."""
    standing = _present(desk)
    if standing.last is None:
        return Refused(NOT_YET)
    entry = adjusted(standing.last, by=by, why=why, now=now, deposit=deposit, capital=capital, maximum=maximum)
    desk.store.record(standing, entry)
    notifier.recover(JUMP, f"{by} adjusted capital: {why}")
    return entry


def confirm(desk: CapitalDesk, notifier: Notifier, *, by: str, now: datetime, why: str) -> Capital | Refused:
    """Take the change that waits for a profit or loss after all. Refused if none waits."""
    standing = _present(desk)
    if standing.last is None:
        return Refused(NOT_YET)
    if standing.pending is None:
        notifier.recover(JUMP, "nothing waits any more")
        return Refused("no change of the account's value waits for a word")
    entry = compounded(standing.last, standing.pending, desk.policy.compounding, by=by, why=why, now=now)
    desk.store.record(standing, entry)
    notifier.recover(JUMP, f"{by} confirmed it: {why}")
    return entry


def _present(desk: CapitalDesk) -> CapitalStanding:
    desk.store.recover()
    return desk.store.total()
