"""Facts of money for reports: the day's result, results by day, and what was traded at which prices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from sysproduction.control.pnl import PnlDesk, day_result
from sysproduction.control.report_desk import ReportDesk
from sysproduction.domain.errors import DataError
from sysproduction.domain.fills import Fill, average_prices, filled, spread_price
from sysproduction.domain.orders import BrokerOrder, ContractOrder, InstrumentOrder, Leg
from sysproduction.reports.daily_pnl import AccountChange, DayFacts
from sysproduction.reports.daily_results import daily_results
from sysproduction.reports.trades import Filled
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.order_stack import OrderStack

_ORDER_LASTS: Final = timedelta(days=10)
"""An order is sent, filled and completed within so much time."""

_AT_ONCE: Final = 1000
"""Orders that are in memory together."""


_BARS_BACK: Final = timedelta(days=60)
"""So long before the first fill a contract's last close may have been."""


@dataclass(frozen=True, slots=True)
class Results:
    """In base currency, days x instruments, on midnights (UTC); `missing` says what has no price or rate."""

    table: pd.DataFrame
    missing: tuple[str, ...] = ()


def day_facts(desk: ReportDesk) -> DayFacts:
    """The day that the moment is in."""
    sources = desk.sources
    pnl = PnlDesk(desk.ledger, desk.prices, desk.instruments, desk.rates, None, sources.base_currency, desk.now)
    made = day_result(pnl, desk.midnight)
    history = CapitalStore(sources.documents, sources.series).history().loc[: desk.now]
    before = history.loc[history.index < desk.midnight]
    results = results_by_day(desk)
    codes = sorted({line.instrument for line in made.lines})
    times = pd.DatetimeIndex(results.table.index).to_pydatetime()
    return DayFacts(
        since=desk.midnight,
        base_currency=sources.base_currency,
        lines=made.lines,
        asset_classes={code: desk.instruments.get(code).instrument.asset_class for code in codes},
        capital=float(before["capital"].iloc[-1]) if len(before) else None,
        account=_account(history, before),
        days=list(zip(times, results.table.sum(axis=1).astype(float), strict=True)),
        missing=tuple(made.left_out),
    )


def _account(history: pd.DataFrame, before: pd.DataFrame) -> AccountChange | None:
    """Profit of measures leaves deposits out."""
    if before.empty or len(history) == len(before):
        return None
    profit = float(history["profit"].iloc[-1] - before["profit"].iloc[-1])
    return AccountChange(profit, before.index[-1].to_pydatetime(), history.index[-1].to_pydatetime())


def results_by_day(desk: ReportDesk) -> Results:
    """From the day of the first fill to the moment; what has no price, point size or rate is left out and said."""
    if not desk.fills:
        return Results(pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")))
    first = desk.fills[0].at.replace(hour=0, minute=0, second=0, microsecond=0)
    days = pd.date_range(first, desk.midnight, freq="D")
    keys = dict.fromkeys((fill.instrument, fill.contract) for fill in desk.fills)
    closes = {
        key: _closes(frame, desk.now) for key, frame in desk.prices.bars_of(keys, start=first - _BARS_BACK).items()
    }
    closes = {key: series for key, series in closes.items() if len(series)}
    missing = [f"{code} {contract}: no price" for code, contract in keys if (code, contract) not in closes]
    sizes, rates = {}, {}
    for code in sorted({code for code, _ in keys}):
        try:
            instrument = desk.instruments.get(code).instrument
            rates[code] = _rates(desk, instrument.currency, days)
            sizes[code] = instrument.point_size
        except DataError as error:
            missing.append(f"{code}: {error}")
    counted = [fill for fill in desk.fills if fill.instrument in sizes and (fill.instrument, fill.contract) in closes]
    return Results(daily_results(counted, closes, sizes, pd.DataFrame(rates, index=days)), tuple(missing))


def _closes(bars: pd.DataFrame, until: datetime) -> "pd.Series[float]":
    """The last close of each day (UTC) up to a moment."""
    known = bars["close"].dropna().loc[:until]
    return known.groupby(pd.DatetimeIndex(known.index).normalize()).last()


def _rates(desk: ReportDesk, currency: str, days: pd.DatetimeIndex) -> "pd.Series[float]":
    """The last rate of each day; DataError if there is none."""
    base = desk.sources.base_currency
    if currency == base:
        return pd.Series(1.0, index=days)
    known = desk.rates.rate(currency + base).dropna().loc[: desk.now]
    if known.empty:
        raise DataError(f"no rate for {currency + base} up to {desk.now:%Y-%m-%d}")
    by_day = known.groupby(pd.DatetimeIndex(known.index).normalize()).last()
    return by_day.reindex(by_day.index.union(days)).ffill().bfill().reindex(days)


def filled_orders(desk: ReportDesk, since: datetime) -> list[Filled]:
    """Every broker order with fills since a moment, and every fill without an order, by time of the last fill."""
    fills = [fill for fill in desk.fills if fill.at >= since]
    families: dict[str, list[Fill]] = {}
    for fill in fills:
        families.setdefault(fill.client_order_id or fill.key, []).append(fill)
    names, found = list(families), []
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        known = _orders(desk, some, [fill.at for name in some for fill in families[name]])
        found += [_filled(desk, name, families[name], known.get(name)) for name in some]
    return sorted((one for one in found if one is not None), key=lambda one: (one.filled_at, one.order_id))


Family = tuple[BrokerOrder, ContractOrder | None, InstrumentOrder | None]


def _orders(desk: ReportDesk, names: Iterable[str], filled_at: Sequence[datetime]) -> dict[str, Family]:
    """Broker orders by their identifiers, with the orders above them, which were filled at these moments."""
    stack = OrderStack(desk.sources.documents)
    since, until = min(filled_at) - _ORDER_LASTS, max(filled_at) + _ORDER_LASTS
    sent = {order.client_order_id: order for order in stack.sent_since(since, until=until)}
    contracts = {order.order_id: order for order in stack.contracts_since(since, until=until)}
    ended = stack.ended_instruments(since, until=until)
    families = {order.order_id: order for order in [*ended, *stack.active_instruments()]}
    found: dict[str, Family] = {}
    for name in names:
        order = sent.get(name) or stack.get_broker(name)
        if order is not None:
            found[name] = (order, contracts.get(order.parent), families.get(order.instrument_order))
    return found


def _filled(desk: ReportDesk, name: str, fills: Sequence[Fill], family: Family | None) -> Filled | None:
    """None for an order whose executions cancel each other out."""
    first = fills[0]
    order, child, parent = family or (None, None, None)
    quantities = filled(fills)
    legs = order.legs if order else tuple(Leg(contract, quantity) for contract, quantity in quantities.items())
    price = spread_price(legs, average_prices(fills))
    units = quantities.get(legs[0].contract, 0) if legs else 0
    if price is None or not units:
        return None
    outright = len(legs) == 1
    measure = desk.markets.measures.get(first.instrument)
    reference = child.reference if child and outright and child.reference else None
    return Filled(
        order_id=order.client_order_id if order else name,
        instrument=first.instrument,
        strategy=first.strategy,
        contracts="_".join(leg.contract for leg in legs),
        units=units,
        price=price,
        generated_at=parent.generated_at if parent else None,
        submitted_at=order.submitted_at if order else first.at,
        filled_at=max(fill.at for fill in fills),
        reference=reference.price if reference and reference.contract == legs[0].contract else None,
        bid=order.bid if order else None,
        ask=order.ask if order else None,
        limit_price=order.limit_price if order else None,
        parent_limit_price=parent.limit_price if parent and outright else None,
        point_size_base=measure.point_size_base if measure else None,
        annual_vol=measure.annual_vol if measure else None,
    )
