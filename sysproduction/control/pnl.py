"""Today's profit and loss as an operator sees it: from the ledger, stored prices and, if there is a broker, quotes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum
from typing import Any, Final

from sysproduction.domain.errors import DataError, Unavailable
from sysproduction.domain.fills import Fill, Key, Positions, latest
from sysproduction.domain.pnl import DayBook, Line, Mark, Terms, day_lines, fill_points, opening_positions
from sysproduction.ports import Broker
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices

Row = dict[str, Any]

_RECENT: Final = timedelta(days=30)
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class PnlDesk:
    """What the result is made from; `broker` None: marks come from stored prices alone."""

    ledger: FillLedger
    prices: Prices
    instruments: Instruments
    rates: FxRates
    broker: Broker | None
    base_currency: str
    now: datetime


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a day's result is made of, and the result; `left_out` says in words what has no price or rate."""

    book: DayBook
    lines: Sequence[Line]
    left_out: Sequence[str]


@dataclass(frozen=True, slots=True)
class PnlView:
    """Since `since` (midnight UTC), in `base_currency`: by strategy and instrument, by each alone, and the trades;
    `left_out` says in words what has no price or rate."""

    since: datetime
    base_currency: str
    total: float
    by_instrument: Sequence[Row]
    by_strategy: Sequence[Row]
    lines: Sequence[Row]
    trades: Sequence[Row]
    left_out: Sequence[str]


def view(desk: PnlDesk, strategy: str | None = None, instrument: str | None = None) -> PnlView:
    """Today's result, of one strategy or instrument or of all. Raises Unavailable if the ledger never stands still."""
    since = desk.now.replace(hour=0, minute=0, second=0, microsecond=0)
    made = day_result(desk, since)
    fills, lines = made.book.fills, made.lines
    wanted = [one for one in lines if strategy in (None, one.strategy) and instrument in (None, one.instrument)]
    traded = [one for one in fills if strategy in (None, one.strategy) and instrument in (None, one.instrument)]
    return PnlView(
        since=since,
        base_currency=desk.base_currency,
        total=round(fsum(line.total for line in wanted), 2),
        by_instrument=_summed(wanted, "instrument", lambda line: line.instrument),
        by_strategy=_summed(wanted, "strategy", lambda line: line.strategy),
        lines=[{"strategy": one.strategy, "instrument": one.instrument, **_amounts([one])} for one in wanted],
        trades=[_trade(fill, made.book) for fill in traded],
        left_out=made.left_out,
    )


def day_result(desk: PnlDesk, since: datetime) -> DayResult:
    """The result from `since` to the desk's moment, whether that is now or in the past. Raises as `view`."""
    held, fills = _read(desk, since)
    book = _book(desk, held, fills, since)
    lines, left_out = day_lines(book)
    return DayResult(book, lines, left_out)


def _read(desk: PnlDesk, since: datetime) -> tuple[Positions, list[Fill]]:
    """What is held at the desk's moment, and the fills since that are all in it."""
    for _ in range(_ATTEMPTS):
        held = desk.ledger.positions()
        fills = [one for one in latest(desk.ledger.executed_between(since, None)) if one.quantity]
        if desk.ledger.positions() == held:
            held = opening_positions(held, [fill for fill in fills if fill.at > desk.now])
            return held, sorted((f for f in fills if f.at <= desk.now), key=lambda fill: (fill.at, fill.sequence))
    raise Unavailable("fills come in while they are read: try again")


def _book(desk: PnlDesk, held: Positions, fills: Sequence[Fill], since: datetime) -> DayBook:
    opening = opening_positions(held, fills)
    codes = {code for code, _ in opening.contracts} | {code for _, code in opening.strategies}
    codes |= {fill.instrument for fill in fills}
    priced = {code: desk.prices.last_contracts(code, desk.now).get("PRICE", "") for code in sorted(codes)}
    keys = {*opening.contracts, *((fill.instrument, fill.contract) for fill in fills)}
    keys |= {(code, contract) for code, contract in priced.items() if contract}
    terms = {code: found for code in codes if (found := _terms(desk, code)) is not None}
    return DayBook(opening, fills, _marks(desk, keys, since), terms, priced)


def _terms(desk: PnlDesk, code: str) -> Terms | None:
    try:
        one = desk.instruments.get(code).instrument
        if one.currency == desk.base_currency:
            return Terms(one.point_size, 1.0)
        rates = desk.rates.rate(one.currency + desk.base_currency).dropna().loc[: desk.now]
        return Terms(one.point_size, float(rates.iloc[-1]))
    except (DataError, IndexError):
        return None


def _marks(desk: PnlDesk, keys: Iterable[Key], since: datetime) -> dict[Key, Mark]:
    broker, found = desk.broker, {}
    for key in sorted(keys):
        found[key] = _stored_mark(desk, key, since)
        if broker is None:
            continue
        try:
            quote = broker.quote(*key)
        except Unavailable:
            broker = None
            continue
        if quote is not None:
            found[key] = Mark(found[key].before, (quote.bid + quote.ask) / 2, quote.at, "quote")
    return found


def _stored_mark(desk: PnlDesk, key: Key, since: datetime) -> Mark:
    closes = desk.prices.bars(*key, start=since - _RECENT)["close"].dropna().loc[: desk.now]
    if closes.empty or closes.index[0] >= since:
        closes = desk.prices.bars(*key)["close"].dropna().loc[: desk.now]
    if closes.empty:
        return Mark()
    earlier = closes[closes.index < since]
    before = float(earlier.iloc[-1]) if len(earlier) else None
    return Mark(before, float(closes.iloc[-1]), closes.index[-1].to_pydatetime(), "stored price")


def _summed(lines: Sequence[Line], name: str, of: Callable[[Line], str]) -> list[Row]:
    return [{name: one, **_amounts([line for line in lines if of(line) == one])} for one in sorted(set(map(of, lines)))]


def _amounts(lines: Sequence[Line]) -> Row:
    parts = {part: fsum(getattr(line, part) for line in lines) for part in ("holding", "trading", "costs", "total")}
    return {part: round(amount, 2) for part, amount in parts.items()}


def _trade(fill: Fill, book: DayBook) -> Row:
    points, terms = fill_points(fill, book.marks), book.terms.get(fill.instrument)
    mark = book.marks.get((fill.instrument, fill.contract), Mark())
    made = None if points is None or terms is None else round(points * terms.point_size * terms.rate, 2)
    return {
        "at": fill.at,
        "strategy": fill.strategy,
        "instrument": fill.instrument,
        "contract": fill.contract,
        "quantity": fill.quantity,
        "price": fill.price,
        "marked_at": mark.price,
        "marked_by": mark.source,
        "result": made,
        "commission": fill.commission,
        "by": fill.by,
    }
