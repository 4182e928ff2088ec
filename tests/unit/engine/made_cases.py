"""Runs on bars as chance makes them: bars, what a broker is like, and what strategies want when they are called."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from sysproduction.domain.events import BarPeriod, OrderType, Side, TimeInForce

HOUR = BarPeriod.HOUR.nanoseconds
SYMBOLS = ("ES", "NQ", "CL")


@dataclass(frozen=True)
class Bar:
    """One bar of one symbol; `wakes` are the strategies that want something there, of those that have the symbol."""

    ts: int
    symbol: str
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    wakes: tuple[str, ...]

    def values(self) -> tuple[float | None, ...]:
        return self.open, self.high, self.low, self.close, self.volume


@dataclass(frozen=True)
class Submit:
    """Ask for an order."""

    symbol: str
    side: Side
    quantity: int
    order_type: OrderType
    limit: float | None = None
    stop: float | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires: int | None = None
    group: int | None = None
    parent: int | None = None


@dataclass(frozen=True)
class Modify:
    """Ask for a change."""

    order: int
    quantity: int | None
    limit: float | None
    stop: float | None


@dataclass(frozen=True)
class Cancel:
    """Ask for an end."""

    order: int


Request = Submit | Modify | Cancel
Amount = float | Mapping[str, float]


@dataclass(frozen=True)
class Settings:
    """Of the broker; an amount is one number for all symbols or one for each."""

    cash: float = 1000.0
    commission_per_unit: Amount = 0.0
    commission_minimum: Amount = 0.0
    commission_fraction: Amount = 0.0
    slippage: Amount = 0.0
    tick_size: Amount = 0.0
    multiplier: Amount = 1.0
    margin: Amount = 0.0
    volume_share: float | None = None
    fill_at: str = "next_open"
    negative_prices: bool = False

    def of(self, name: str, symbol: str) -> float:
        """What an amount is for a symbol."""
        amount = getattr(self, name)
        return float(amount[symbol] if isinstance(amount, Mapping) else amount)


Wants = dict[tuple[str, str], tuple[tuple[Request, ...], ...]]


@dataclass(frozen=True)
class Case:
    """Which strategy has which symbols, bars in their order, what the broker is like, and what each strategy wants each
    time that something of a kind happens to it. `window` is how many bars the engine lists at once."""

    strategies: dict[str, tuple[str, ...]]
    bars: tuple[Bar, ...]
    broker: Settings
    wants: Wants
    window: int

    def symbols(self) -> tuple[str, ...]:
        """In the run's order."""
        return tuple(dict.fromkeys(symbol for symbols in self.strategies.values() for symbol in symbols))

    def answers(self) -> "Answers":
        """The strategies' wants, from the first on."""
        return Answers(self.wants)


class Answers:
    """Gives what a strategy wants at its next call of each kind, one by one as it is asked for. The number of an order
    that is 0 or less is counted back from the order that was asked for last."""

    def __init__(self, wants: Wants) -> None:
        self._wants = {which: iter(lists) for which, lists in wants.items()}
        self._orders = 0

    def __call__(self, name: str, what: str) -> Iterator[Request]:
        for request in next(self._wants[name, what], ()):
            if isinstance(request, Submit):
                parent = self._known(request.parent)
                self._orders += 1
                yield replace(request, parent=parent)
            else:
                yield replace(request, order=self._known(request.order))

    def _known(self, number: int | None) -> Any:
        return number if number is None or number > 0 else max(self._orders + number, 1)


def mostly(usual: Iterable[Any], *unusual: Any) -> st.SearchStrategy[Any]:
    """What can be, and once in a while, one time in ten or so, something else."""
    usual, often = [*usual], 9 * len(unusual)
    return st.sampled_from([*usual * (often // len(usual) or 1), *unusual])


PRICES = mostly(map(float, range(4, 10)), 5.25, -1.0, 0.0, float("inf"))
IDS = mostly(range(-4, 1), *range(1, 13, 3))


@st.composite
def submissions(draw: st.DrawFn, own: tuple[str, ...], others: tuple[str, ...]) -> Submit:
    """Mostly orders that can be, some that cannot; some in symbols of which the strategy gets no bars."""
    kind = draw(st.sampled_from(OrderType))
    fits = draw(mostly([True], False))
    has_limit = (kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)) == fits
    has_stop = (kind in (OrderType.STOP, OrderType.STOP_LIMIT)) == fits
    lasts = draw(st.sampled_from([TimeInForce.GTC, *TimeInForce]))
    return Submit(
        draw(mostly(own, "ZZ", *others)),
        draw(st.sampled_from(Side)),
        draw(mostly(range(1, 6), 0, -1)),
        kind,
        draw(PRICES) if has_limit else None,
        draw(PRICES) if has_stop else None,
        lasts,
        draw(st.integers(0, 50)) * HOUR if (lasts is TimeInForce.GTD) == fits else None,
        draw(st.sampled_from([None, None, 1, 2])),
        draw(st.none() | IDS),
    )


def requests(own: tuple[str, ...], others: tuple[str, ...]) -> st.SearchStrategy[Request]:
    """Orders, changes and ends."""
    prices = st.none() | PRICES
    return st.one_of(
        submissions(own, others),
        submissions(own, others),
        submissions(own, others),
        st.builds(Modify, IDS, st.none() | st.integers(0, 6), prices, prices),
        st.builds(Cancel, IDS),
    )


@st.composite
def bars_of(draw: st.DrawFn, symbol: str, strategies: Sequence[str]) -> list[Bar]:
    """Three to a dozen bars in some of forty hours, prices on a small grid; without volume, or with little of it."""
    hours = sorted(draw(st.sets(st.integers(0, 39), min_size=3, max_size=12)))
    has_volume = draw(st.booleans())
    sleepy = draw(st.booleans())
    made = []
    for hour in hours:
        low, high = sorted((draw(st.integers(4, 9)), draw(st.integers(4, 9))))
        within = st.integers(low, high)
        volume = float(draw(st.integers(0, 12))) if has_volume else None
        wakes = tuple(name for name in strategies if not sleepy or draw(st.booleans()))
        made.append(
            Bar(hour * HOUR, symbol, float(draw(within)), float(high), float(low), float(draw(within)), volume, wakes)
        )
    return made


@st.composite
def brokers(draw: st.DrawFn, symbols: tuple[str, ...]) -> Settings:
    """Of each setting nothing, or something; of all symbols or of each."""

    def amount(*values: float) -> Amount:
        one = st.sampled_from(values)
        return draw(st.one_of(one, st.fixed_dictionaries(dict.fromkeys(symbols, one))))

    return Settings(
        cash=draw(st.sampled_from([1000.0, 30.0])),
        commission_per_unit=amount(0.0, 0.5),
        commission_minimum=amount(0.0, 1.25),
        commission_fraction=amount(0.0, 0.01),
        slippage=amount(0.0, 0.25),
        tick_size=amount(0.0, 0.0, 0.5),
        multiplier=amount(1.0, 10.0),
        margin=amount(0.0, 0.0, 10.0),
        volume_share=draw(st.sampled_from([None, 0.5, 1.0])),
        fill_at=draw(st.sampled_from(["next_open", "close"])),
        negative_prices=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One to three symbols, one or two strategies that have some of them each."""
    symbols = SYMBOLS[: draw(st.integers(1, 3))]
    some_of = st.lists(st.sampled_from(symbols), min_size=1, unique=True).map(tuple)
    strategies = {name: draw(some_of) for name in ("first", "second")[: draw(st.integers(1, 2))]}
    order = {s: number for number, s in enumerate(dict.fromkeys(s for own in strategies.values() for s in own))}
    bars: list[Bar] = []
    for symbol in order:
        bars += draw(bars_of(symbol, [name for name, own in strategies.items() if symbol in own]))
    wants: Wants = {}
    for name, own in strategies.items():
        for what, least, longest in (("bar", 4, 14), ("fill", 0, 6), ("order", 0, 6)):
            several = st.lists(requests(own, tuple(order)), max_size=3).map(tuple)
            wants[name, what] = draw(st.lists(several, min_size=least, max_size=longest).map(tuple))
    return Case(
        strategies,
        tuple(sorted(bars, key=lambda bar: (bar.ts, order[bar.symbol]))),
        draw(brokers(tuple(order))),
        wants,
        draw(st.sampled_from([3, 65_536])),
    )
