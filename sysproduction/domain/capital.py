"""Trading capital: how the value of the account becomes the money that strategies may risk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sysproduction.domain.errors import DataError

TICK: Final = timedelta(milliseconds=1)
"""The least time between two entries: stored moments are kept to the millisecond."""

BY_WEIGHT: Final = "sysproduction.capital.allocation.by_weight"


class Compounding(StrEnum):
    """What profits and losses do to capital.

    FULL: both change it. HALF: losses take from it, profits only make them good again, up to the maximum, which stays.
    FIXED: neither does. It never falls below 0.
    """

    FULL = "full"
    HALF = "half"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """The dotted path of the function that splits capital between strategies, and what it is given besides."""

    function: str = BY_WEIGHT
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CapitalPolicy:
    """`jump_max`: a change of the account's value by more than this fraction waits for an operator's word."""

    base_currency: str = "USD"
    compounding: Compounding = Compounding.FULL
    jump_max: float = 0.1
    allocation: AllocationPolicy = AllocationPolicy()


@dataclass(frozen=True, slots=True)
class Measure:
    """What the account was worth at a moment, and the margin it had to post, in base currency."""

    value: float
    margin: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Capital:
    """The `number`-th entry of the history of capital, in base currency.

    `account_value` is what the next measure is compared with. `maximum` is the high-water mark of FULL, the bound of
    HALF, the capital of FIXED. `profit` is the sum of all profits and losses; deposits and withdrawals are neither.
    `measured_at` is the moment of the last measure that is in it.
    """

    number: int
    at: datetime
    account_value: float
    capital: float
    maximum: float
    profit: float
    margin: float
    measured_at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one strategy gets of the capital and bears of the margin, in base currency."""

    capital: float
    margin: float


@dataclass(frozen=True, slots=True)
class Allocation:
    """The `number`-th split of capital between strategies; `total` is the number of the Capital that was split."""

    number: int
    at: datetime
    total: int
    shares: Mapping[str, Share]


def checked(measure: Measure) -> Measure:
    """The measure itself; DataError if the account is worth nothing, or if what it is worth is no number."""
    if not math.isfinite(measure.value) or measure.value <= 0:
        raise DataError(f"the account is worth {measure.value:g}: capital needs a value above 0; look at the broker")
    if not math.isfinite(measure.margin) or measure.margin < 0:
        raise DataError(f"the margin in use is {measure.margin:g}: expected a number from 0; look at the broker")
    return measure


def seeded(
    measure: Measure, *, by: str, why: str, now: datetime, capital: float | None = None, maximum: float | None = None
) -> Capital:
    """The first entry: capital is what the account is worth, unless it is given; the maximum is at least that."""
    value = checked(measure).value
    risked = _amount(value if capital is None else capital, "capital")
    highest = _amount(risked if maximum is None else maximum, "maximum")
    return Capital(1, now, value, risked, max(risked, highest), 0.0, measure.margin, measure.at, by, why)


def jump(last: Capital, measure: Measure) -> float:
    """By which fraction of its last value the account has changed."""
    if last.account_value <= 0:
        return 0.0 if measure.value == last.account_value else math.inf
    return abs(measure.value - last.account_value) / last.account_value


def compounded(
    last: Capital, measure: Measure, compounding: Compounding, *, by: str, why: str, now: datetime
) -> Capital:
    """The entry after `last`: profit or loss since then does to capital what the rule says."""
    change = checked(measure).value - last.account_value
    capital, maximum = _compound(last, change, compounding)
    return replace(
        last,
        number=last.number + 1,
        at=after(last.at, now),
        account_value=measure.value,
        capital=capital,
        maximum=maximum,
        profit=last.profit + change,
        margin=measure.margin,
        measured_at=measure.at,
        by=by,
        why=why,
    )


def _compound(last: Capital, change: float, compounding: Compounding) -> tuple[float, float]:
    if compounding is Compounding.FIXED:
        return last.capital, last.capital
    moved = max(last.capital + change, 0.0)
    if compounding is Compounding.HALF:
        return min(moved, last.maximum), last.maximum
    return moved, max(last.maximum, moved)


def adjusted(
    last: Capital,
    *,
    by: str,
    why: str,
    now: datetime,
    deposit: float = 0.0,
    capital: float | None = None,
    maximum: float | None = None,
) -> Capital:
    """The entry after `last` as an operator wants it: a deposit (negative: a withdrawal) is neither profit nor loss;
    capital and its maximum may be set. DataError for amounts that cannot be."""
    if not math.isfinite(deposit) or last.account_value + deposit <= 0:
        raise DataError(
            f"a withdrawal of {-deposit:g} leaves nothing of an account value of {last.account_value:g}: "
            "give an amount that is smaller"
        )
    risked = last.capital if capital is None else _amount(capital, "capital")
    highest = last.maximum if maximum is None else _amount(maximum, "maximum")
    if maximum is not None and highest < risked:
        raise DataError(f"a maximum of {highest:g} is less than the capital of {risked:g}")
    return replace(
        last,
        number=last.number + 1,
        at=after(last.at, now),
        account_value=last.account_value + deposit,
        capital=risked,
        maximum=max(highest, risked),
        by=by,
        why=why,
    )


def _amount(value: float, what: str) -> float:
    if not math.isfinite(value) or value <= 0:
        raise DataError(f"{what} {value:g}: expected an amount above 0")
    return float(value)


def after(last: datetime, now: datetime) -> datetime:
    """The moment of an entry that follows one at `last`: now, whatever clocks do."""
    return max(now, last + TICK)


def shares(capital: Capital, amounts: Mapping[str, float]) -> dict[str, Share]:
    """Each strategy's capital, and its part of the margin in the same proportion.

    DataError if an amount is no number from 0, or if together they are more than there is.
    """
    odd = [name for name, amount in amounts.items() if not math.isfinite(amount) or amount < 0]
    if odd:
        raise DataError(f"the allocation gives {odd[0]} {amounts[odd[0]]:g}: expected an amount from 0")
    total = math.fsum(amounts.values())
    if total > capital.capital * (1 + 1e-9):
        raise DataError(f"the allocation gives {total:g} in all, but capital is {capital.capital:g}")
    return {
        name: Share(float(amount), capital.margin * amount / total if total else 0.0)
        for name, amount in sorted(amounts.items())
    }
