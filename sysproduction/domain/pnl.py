"""Profit and loss of a day: what was held at its start at the change of price, and what was traded since at the price
now against the price paid; by instrument exactly, by strategy as the ledger can tell. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum

from sysproduction.domain.fills import Fill, Key, Positions
from sysproduction.domain.orders import ROLL_STRATEGY


@dataclass(frozen=True, slots=True)
class Mark:
    """What a contract is worth, per unit of quotation: `before` the day, and now (`price`, of the moment `at`)."""

    before: float | None = None
    price: float | None = None
    at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of an instrument: money of its currency for one point of price, and money of the base currency for one of its."""

    point_size: float
    rate: float


@dataclass(frozen=True, slots=True)
class Line:
    """Of one strategy in one instrument, in base currency; `costs` are not above 0."""

    strategy: str
    instrument: str
    holding: float
    trading: float
    costs: float

    @property
    def total(self) -> float:
        """All together."""
        return self.holding + self.trading + self.costs


@dataclass(frozen=True, slots=True)
class DayBook:
    """What a day's result is made from. `opening` is what was held when it began, `fills` what was executed since (the
    last revision of each), `priced` the contract in force of each instrument."""

    opening: Positions
    fills: Sequence[Fill]
    marks: Mapping[Key, Mark] = field(default_factory=dict)
    terms: Mapping[str, Terms] = field(default_factory=dict)
    priced: Mapping[str, str] = field(default_factory=dict)


def opening_positions(held: Positions, fills: Iterable[Fill]) -> Positions:
    """What was held before these fills (the last revision of each)."""
    strategies, contracts = Counter(held.strategies), Counter(held.contracts)
    for fill in fills:
        strategies[fill.strategy, fill.instrument] -= fill.quantity
        contracts[fill.instrument, fill.contract] -= fill.quantity
    return Positions(
        {key: quantity for key, quantity in sorted(strategies.items()) if quantity},
        {key: quantity for key, quantity in sorted(contracts.items()) if quantity},
    )


def day_lines(book: DayBook) -> tuple[list[Line], list[str]]:
    """A line for each strategy and instrument, and in words what had to be left out for want of a price or a rate.

    The ledger knows strategies and contracts, not which strategy is in which contract: what was held is shared by the
    strategies' positions at the average move of one contract, and a roll in the same proportion. What they do not
    account for is a line of the roll's own. Over the strategies of an instrument the lines add up to its exact result.
    """
    lines: list[Line] = []
    left_out: list[str] = []
    for code in sorted(_instruments(book)):
        if code not in book.terms:
            left_out.append(f"{code}: no point size or exchange rate")
            continue
        own, missing = _of_instrument(book, code)
        lines += own
        left_out += missing
    return lines, left_out


def _instruments(book: DayBook) -> set[str]:
    held = {code for code, _ in book.opening.contracts} | {code for _, code in book.opening.strategies}
    return held | {fill.instrument for fill in book.fills}


def _of_instrument(book: DayBook, code: str) -> tuple[list[Line], list[str]]:
    terms = book.terms[code]
    holding, missing = _held(book, code)
    shares = _shares(book, code)
    trading: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    for fill in book.fills:
        if fill.instrument != code:
            continue
        points = fill_points(fill, book.marks)
        if points is None:
            missing.append(f"{code} {fill.contract}: no price for what was traded")
        for strategy, share in (shares if fill.strategy == ROLL_STRATEGY else {fill.strategy: 1.0}).items():
            costs[strategy].append(-fill.commission * share)
            trading[strategy].append(share * (points or 0.0))
    value = terms.point_size * terms.rate
    lines = [
        Line(name, code, holding.get(name, 0.0) * value, fsum(trading[name]) * value, fsum(costs[name]) * terms.rate)
        for name in sorted({*holding, *trading})
    ]
    return lines, list(dict.fromkeys(missing))


def fill_points(fill: Fill, marks: Mapping[Key, Mark]) -> float | None:
    """What a fill has made since, in points times contracts; None without a price."""
    mark = marks.get((fill.instrument, fill.contract), Mark())
    return None if mark.price is None else fill.quantity * (mark.price - fill.price)


def _held(book: DayBook, code: str) -> tuple[dict[str, float], list[str]]:
    """Points times contracts by strategy, of what was held at the start."""
    legs = {contract: quantity for (name, contract), quantity in book.opening.contracts.items() if name == code}
    moves = {
        contract: _move(book.marks.get((code, contract), Mark())) for contract in {*legs, book.priced.get(code, "")}
    }
    missing = [f"{code} {contract}: no price before and now" for contract in sorted(legs) if moves[contract] is None]
    own = {name: quantity for (name, held), quantity in book.opening.strategies.items() if held == code}
    if missing or not (legs or own):
        return {}, missing
    whole = fsum(quantity * (moves[contract] or 0.0) for contract, quantity in legs.items())
    net = sum(legs.values())
    average = whole / net if net else moves[book.priced.get(code, "")]
    if average is None:
        return {}, [f"{code}: no price before and now of the contract in force"]
    shared = {name: quantity * average for name, quantity in own.items() if name != ROLL_STRATEGY}
    rest = whole - fsum(shared.values())
    if abs(rest) > 1e-9 * fsum(map(abs, [whole, *shared.values()])):
        shared[ROLL_STRATEGY] = rest
    return shared, []


def _shares(book: DayBook, code: str) -> dict[str, float]:
    """Which part of a roll is whose: 1 in all."""
    own = {name: quantity for (name, held), quantity in book.opening.strategies.items() if held == code}
    net = sum(own.values())
    return {name: quantity / net for name, quantity in own.items()} if net else {ROLL_STRATEGY: 1.0}


def _move(mark: Mark) -> float | None:
    return None if mark.before is None or mark.price is None else mark.price - mark.before
