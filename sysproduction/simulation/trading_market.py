"""The market of a simulated trading day: quotes that walk as a seed has it, sessions, and what disturbs them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

import pandas as pd

from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.broker import Session
from sysproduction.domain.instruments import Instrument, Listing, Quote
from sysproduction.domain.merging import merge
from sysproduction.domain.multiple_prices import COLUMNS
from sysproduction.domain.panama import stitch
from sysproduction.domain.rolls import RollParameters
from sysproduction.exchange.values import Terms
from sysproduction.ports import Documents, Series
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import DAILY, Prices, empty_bars

PRICED: Final = "20240600"
FORWARD: Final = "20240900"
CONTRACTS: Final = (PRICED, FORWARD)
TICK: Final = 0.25
BUCKET_SECONDS: Final = 20.0
BEGIN: Final = datetime(2024, 5, 13, 7, tzinfo=UTC)
_SPREAD: Final = 2.0
_POINT: Final = 50.0
_JUMP: Final = 0.06
_STEPS: Final = (-TICK, 0.0, 0.0, TICK)


@dataclass(frozen=True, slots=True)
class Product:
    """What is traded: a code, a price to begin with, a currency, and after how long there is a pause of an hour."""

    code: str
    price: float
    currency: str
    pause: timedelta


PRODUCTS: Final = (
    Product("CORN", 400.0, "USD", timedelta(hours=2)),
    Product("DAX", 1_800.0, "EUR", timedelta(hours=30)),
    Product("GOLD", 900.0, "USD", timedelta(hours=3)),
)
CODES: Final = tuple(product.code for product in PRODUCTS)


@dataclass
class SimulatedMarket:
    """Terms and quotes by the exchange's time, which never goes back."""

    random: Random
    begin: datetime
    until: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When a disturbance of an instrument ends, by its name and the instrument."""

    def __post_init__(self) -> None:
        self._walks: dict[str, list[tuple[float, int]]] = {}
        self._quotes: dict[str, tuple[int, dict[str, Quote]]] = {}
        self._jumps = dict.fromkeys(CODES, 0.0)
        self._terms = {product.code: self._usual(product) for product in PRODUCTS}
        for product in PRODUCTS:
            self._walks[product.code] = [(product.price, 5)]

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        """As the port of the simulated broker has it."""
        terms = self._terms.get(instrument)
        if terms is None or not self.until:
            return terms
        if self._is("closed", instrument, now):
            return replace(terms, sessions=tuple(s for s in terms.sessions or () if s.opens > now))
        return replace(terms, margin_rate=20.0) if self._is("margin", instrument, now) else terms

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """As the port of the simulated broker has it."""
        number = int((now - self.begin).total_seconds() // BUCKET_SECONDS)
        if self.until:
            if self._is("unquoted", instrument, now):
                return None
            if self._is("stale", instrument, now):
                number = self._quotes[instrument][0] if instrument in self._quotes else 0
        cached = self._quotes.get(instrument)
        if cached is None or cached[0] != number:
            cached = self._quotes[instrument] = (number, self._made(instrument, number))
        quote = cached[1][contract]
        return self._disturbed(quote, instrument, now) if self.until else quote

    def disturb(self, name: str, instrument: str, until: datetime) -> None:
        """`closed`, `margin`, `unquoted`, `stale`, `crossed` or `thin` until then."""
        self.until[name, instrument] = until

    def jump(self, instrument: str, direction: int) -> None:
        """The price is some per cent higher, or lower, from the next quote on."""
        last = self._walks[instrument][-1][0]
        self._jumps[instrument] += round(direction * _JUMP * last / TICK) * TICK

    def calm(self) -> None:
        """Nothing disturbs it any more."""
        self.until.clear()

    def _is(self, name: str, instrument: str, now: datetime) -> bool:
        until = self.until.get((name, instrument))
        return until is not None and now < until

    def _disturbed(self, quote: Quote, instrument: str, now: datetime) -> Quote:
        if self._is("thin", instrument, now):
            quote = replace(quote, bid_size=1, ask_size=1)
        if self._is("crossed", instrument, now):
            quote = replace(quote, bid=quote.ask + TICK)
        return quote

    def _made(self, instrument: str, number: int) -> dict[str, Quote]:
        walk, random = self._walks[instrument], self.random.random
        while len(walk) <= number:
            drawn = random()
            jump, self._jumps[instrument] = self._jumps[instrument], 0.0
            walk.append((walk[-1][0] + _STEPS[int(drawn * 4)] + jump, 1 + int(drawn * 1_000) % 7))
        price, size = walk[number]
        at = self.begin + timedelta(seconds=number * BUCKET_SECONDS)
        return {
            PRICED: Quote(at, price - TICK, price + TICK, size, 8 - size),
            FORWARD: Quote(at, price + _SPREAD - TICK, price + _SPREAD + TICK, 8 - size, size),
        }

    def _usual(self, product: Product) -> Terms:
        opens, pause = self.begin - timedelta(hours=1), self.begin + product.pause
        sessions = (Session(opens, pause), Session(pause + timedelta(hours=1), self.begin + timedelta(hours=60)))
        expiries = {contract: date(2024, month, 20) for contract, month in zip(CONTRACTS, (6, 9), strict=True)}
        rate = 1.0 if product.currency == "USD" else 1.1
        return Terms(_POINT, rate, per_contract=2.0, tick_size=TICK, sessions=sessions, expiries=expiries)


def put_instruments(documents: Documents) -> None:
    """Store what is traded."""
    for product in PRODUCTS:
        instrument = Instrument(product.code, product.code.title(), _POINT, product.currency, "Any", "Any")
        Instruments(documents).put(Listing(instrument, RollParameters("HMUZ", "HMUZ", -5, 1, 14)))


def put_prices(series: Series) -> None:
    """Store the prices of some days before."""
    prices = Prices(series)
    index = pd.DatetimeIndex([BEGIN - timedelta(days=day) for day in (4, 3, 1)])
    for product in PRODUCTS:
        multiple = _multiple(product, index)
        prices.replace_stitched(product.code, multiple, stitch(multiple).dropna())
        for contract, column in ((PRICED, "PRICE"), (FORWARD, "FORWARD")):
            bars = pd.DataFrame({"close": multiple[column]}).reindex(columns=list(BAR_COLUMNS)).assign(**{DAILY: True})
            prices.add_bars(product.code, contract, merge(empty_bars(), bars))
    FxRates(series).replace("EURUSD", pd.DataFrame({"rate": [1.1, 1.1, 1.1]}, index=index))


def _multiple(product: Product, index: pd.DatetimeIndex) -> pd.DataFrame:
    forward = product.price + _SPREAD
    row = {"PRICE": product.price, "CARRY": forward, "FORWARD": forward}
    names = {"PRICE_CONTRACT": PRICED, "CARRY_CONTRACT": FORWARD, "FORWARD_CONTRACT": FORWARD}
    return pd.DataFrame({**row, **names}, index=index)[list(COLUMNS)]
