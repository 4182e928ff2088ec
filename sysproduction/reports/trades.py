"""What was traded, how long it took, and what it cost against the prices that decision and submission saw."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum
from typing import Final

from sysproduction.reports.report import Draft, Report, Row

PARTS: Final = ("delay", "bid_ask", "execution", "versus_limit", "versus_parent_limit", "total_trading")
OVERVIEW: Final = ("order_id", "instrument", "strategy", "contract_date", "fill", "filled_price", "filled_at")
DELAYS: Final = ("order_id", "instrument", "strategy", "submit_minus_generated", "filled_minus_submit")
RAW: Final = ("order_id", "instrument", "strategy", "fill", *PARTS)
SUMMARY: Final = ("of", "trades", *PARTS)
VOL_SCALE: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Filled:
    """One broker order with what was filled of it. `units` are contracts, of a spread units of it, signed by the first
    leg; prices are of one unit (domain.fills.spread_price). `bid` and `ask` stood when it was submitted, `reference`
    is the price that the decision saw, in the same contracts; None: not known. `point_size_base` is base currency for
    a point of one contract, `annual_vol` the annual deviation of its price in points."""

    order_id: str
    instrument: str
    strategy: str
    contracts: str
    units: int
    price: float
    generated_at: datetime | None
    submitted_at: datetime
    filled_at: datetime
    reference: float | None = None
    bid: float | None = None
    ask: float | None = None
    limit_price: float | None = None
    parent_limit_price: float | None = None
    point_size_base: float | None = None
    annual_vol: float | None = None


def slippage(order: Filled) -> dict[str, float | None]:
    """What a unit cost in points, by part; positive is a cost. `delay`: from the reference to the middle at submission;
    `bid_ask`: from there to the side that one pays; `execution`: from there to the fill; `total_trading` is the sum of
    the last two."""
    sign = 1.0 if order.units > 0 else -1.0
    middle = side = None
    if order.bid is not None and order.ask is not None:
        middle = (order.bid + order.ask) / 2
        side = order.ask if sign > 0 else order.bid
    return {
        "delay": _lost(sign, order.reference, middle),
        "bid_ask": _lost(sign, middle, side),
        "execution": _lost(sign, side, order.price),
        "versus_limit": _lost(sign, order.limit_price, order.price),
        "versus_parent_limit": _lost(sign, order.parent_limit_price, order.price),
        "total_trading": _lost(sign, middle, order.price),
    }


def _lost(sign: float, before: float | None, after: float | None) -> float | None:
    """How much worse a buyer's (seller's) price got."""
    return None if before is None or after is None else sign * (after - before)


def trade_report(orders: Sequence[Filled], since: datetime, at: datetime, missing: Sequence[str] = ()) -> Report:
    """Of orders with fills since a moment, by time of the fill."""
    draft = Draft("trade_report", "Trades", at)
    draft.missing += missing
    if not orders:
        draft.fine(f"nothing was traded since {since:%Y-%m-%d %H:%M}")
        return draft.done()
    traded = sum(abs(order.units) for order in orders)
    draft.note(f"{len(orders)} orders with fills since {since:%Y-%m-%d %H:%M}, {traded} contracts or spreads")
    raw = [_costs(order, lambda _: 1.0) for order in orders]
    vol = [_costs(order, _per_vol) for order in orders]
    cash = [_costs(order, _per_unit) for order in orders]
    unknown = sum(row["total_trading"] is None for row in raw)
    if unknown:
        draft.missing.append(
            f"no quote is stored for {unknown} of {len(orders)} orders, so their slippage is not known"
        )
    paid = fsum(row["total_trading"] for row in cash if isinstance(row["total_trading"], float))
    if unknown < len(orders):
        draft.note(f"trading cost {paid:,.2f} in base currency against the middle price, commissions apart")
    draft.table("overview", "Overview", OVERVIEW, [_overview(order) for order in orders])
    draft.table("delays", "Delays", DELAYS, [_delays(order) for order in orders], "Seconds.")
    draft.table("raw", "Slippage in points", RAW, raw, "Positive is a cost.")
    words = "Slippage in points over the annual deviation of the price, x 10,000."
    draft.table("vol", "Slippage against volatility", RAW, vol, words)
    draft.table("cash", "Slippage in base currency", RAW, cash, "Of all contracts of the order.")
    for key in ("instrument", "strategy"):
        sums = _summary(cash, key)
        draft.table(f"by_{key}", f"Slippage in base currency by {key}", SUMMARY, sums)
        draft.bars(f"Slippage by {key}", "base currency", sums, "of", "total_trading")
    return draft.done()


def _overview(order: Filled) -> Row:
    values = (order.order_id, order.instrument, order.strategy, order.contracts, order.units, order.price)
    return dict(zip(OVERVIEW, (*values, order.filled_at), strict=True))


def _delays(order: Filled) -> Row:
    waited = None if order.generated_at is None else (order.submitted_at - order.generated_at).total_seconds()
    filled = (order.filled_at - order.submitted_at).total_seconds()
    return dict(zip(DELAYS, (order.order_id, order.instrument, order.strategy, waited, filled), strict=True))


def _costs(order: Filled, factor: Callable[[Filled], float | None]) -> Row:
    scale = factor(order)
    parts = {part: None if cost is None or scale is None else cost * scale for part, cost in slippage(order).items()}
    return {
        "order_id": order.order_id,
        "instrument": order.instrument,
        "strategy": order.strategy,
        "fill": order.units,
        **parts,
    }


def _per_vol(order: Filled) -> float | None:
    return VOL_SCALE / order.annual_vol if order.annual_vol else None


def _per_unit(order: Filled) -> float | None:
    return None if order.point_size_base is None else abs(order.units) * order.point_size_base


def _summary(rows: Iterable[Row], key: str) -> list[Row]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row[key]), []).append(row)
    found: list[Row] = []
    for name, members in sorted(groups.items()):
        sums: Mapping[str, float | None] = {part: _sum(members, part) for part in PARTS}
        found.append({"of": name, "trades": len(members), **sums})
    return found


def _sum(rows: Iterable[Row], part: str) -> float | None:
    known = [row[part] for row in rows]
    numbers = [value for value in known if isinstance(value, float)]
    return fsum(numbers) if numbers else None
