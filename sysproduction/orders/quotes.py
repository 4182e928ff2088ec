"""What the market of an order looks like: the quote of its legs, its tick, hours, value and margin."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import copysign, gcd

from sysproduction.domain.broker import Account, ContractDetails
from sysproduction.domain.errors import DataError, Unavailable
from sysproduction.domain.gate_facts import Funds
from sysproduction.domain.instruments import Instrument, Quote
from sysproduction.domain.orders import Leg
from sysproduction.orders.algos import Market
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.gate import MarketFacts
from sysproduction.orders.hours import Opening, opening


def legs_quote(legs: Sequence[Leg], quotes: Mapping[str, Quote | None]) -> Quote | None:
    """The quote of one unit of the legs, the first leg bought: a leg that is bought pays its ask. Sizes in units, the
    moment that of the oldest leg. None while a leg has none."""
    if not legs:
        return None
    factor = gcd(*(leg.quantity for leg in legs)) * int(copysign(1, legs[0].quantity))
    bid = ask = 0.0
    sizes: list[tuple[int, int]] = []
    stamps = []
    for leg in legs:
        quote = quotes.get(leg.contract)
        if quote is None:
            return None
        ratio = leg.quantity // factor
        bid += ratio * (quote.bid if ratio > 0 else quote.ask)
        ask += ratio * (quote.ask if ratio > 0 else quote.bid)
        there = (quote.bid_size, quote.ask_size) if ratio > 0 else (quote.ask_size, quote.bid_size)
        sizes.append((there[0] // abs(ratio), there[1] // abs(ratio)))
        stamps.append(quote.at)
    return Quote(min(stamps), bid, ask, min(size for size, _ in sizes), min(size for _, size in sizes))


class Markets:
    """What broker and stores say of instruments, asked once a turn and contract."""

    def __init__(self, desk: OrderDesk, now: datetime, base_currency: str) -> None:
        self._desk = desk
        self._now = now
        self._base = base_currency
        self._details: dict[tuple[str, str], ContractDetails | None] = {}
        self._quotes: dict[tuple[str, str], Quote | None] = {}
        self._instruments: dict[str, Instrument] = {}
        self._account: Account | None = None

    def market(self, instrument: str, legs: Sequence[Leg]) -> Market:
        """For an execution algorithm; `closes_in_seconds` of the leg that closes first."""
        details = [self._detail(instrument, leg.contract) for leg in legs]
        ticks = [detail.tick_size for detail in details if detail is not None and detail.tick_size]
        openings = [self._opening(instrument, detail) for detail in details if detail is not None]
        closing = [(one.closes_at - self._now).total_seconds() for one in openings if one.closes_at is not None]
        return Market(self.quote(instrument, legs), max(ticks, default=0.0), min(closing, default=None))

    def facts(self, instrument: str, legs: Sequence[Leg]) -> MarketFacts:
        """For the risk gate."""
        details = {leg.contract: self._detail(instrument, leg.contract) for leg in legs}
        known = {contract: detail for contract, detail in details.items() if detail is not None}
        first = self._quote(instrument, legs[0].contract)
        margins = [detail.margin for detail in known.values()]
        return MarketFacts(
            session_open=bool(known) and all(self._opening(instrument, one).is_open for one in known.values()),
            expiries={contract: detail.expiry for contract, detail in known.items()},
            quote=self.quote(instrument, legs),
            outright=None if first is None else (first.bid + first.ask) / 2,
            value_per_point=self._value_per_point(instrument, known),
            funds=self._funds(max((m for m in margins if m is not None), default=None)),
        )

    def quote(self, instrument: str, legs: Sequence[Leg]) -> Quote | None:
        """Of the legs as one."""
        return legs_quote(legs, {leg.contract: self._quote(instrument, leg.contract) for leg in legs})

    def _detail(self, instrument: str, contract: str) -> ContractDetails | None:
        key = (instrument, contract)
        if key not in self._details:
            self._details[key] = self._desk.broker.contract_details(instrument, contract)
        return self._details[key]

    def _quote(self, instrument: str, contract: str) -> Quote | None:
        key = (instrument, contract)
        if key not in self._quotes:
            self._quotes[key] = self._desk.broker.quote(instrument, contract)
        return self._quotes[key]

    def _opening(self, instrument: str, detail: ContractDetails) -> Opening:
        calendar = None
        if detail.sessions is None:
            region = self._instrument(instrument).region
            calendar = self._desk.hours.calendar(instrument, region)
        return opening(detail.sessions, calendar, self._now)

    def _instrument(self, code: str) -> Instrument:
        if code not in self._instruments:
            self._instruments[code] = self._desk.instruments.get(code).instrument
        return self._instruments[code]

    def _value_per_point(self, instrument: str, known: Mapping[str, ContractDetails]) -> float | None:
        if not known:
            return None
        currency = self._instrument(instrument).currency
        size = next(iter(known.values())).point_size
        if currency == self._base:
            return size
        try:
            return size * float(self._desk.rates.rate(currency + self._base).iloc[-1])
        except (DataError, IndexError):
            return None

    def _funds(self, margin: float | None) -> Funds | None:
        if self._account is None:
            try:
                self._account = self._desk.broker.account()
            except Unavailable:
                return None
        return Funds(self._account.value, self._account.margin_used, margin)
