"""The account and its margin as an operator sees them, split between strategies as capital is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sysproduction.capital.allocation import split_with
from sysproduction.capital.updating import CapitalDesk, measured
from sysproduction.domain.broker import Account
from sysproduction.domain.capital import Measure
from sysproduction.domain.errors import Unavailable

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MarginView:
    """In base currency at `at`. `source` is "account", or "last measure" of capital where the broker is away."""

    base_currency: str
    source: str
    at: datetime
    account_value: float
    margin_used: float
    free: float
    share_used: float
    strategies: Sequence[Row]


def view(
    desk: CapitalDesk, account: Callable[[], Account], weights: Mapping[str, float | None], now: datetime
) -> MarginView:
    """What the account is worth and what of it is margin. Raises Unavailable if the broker is away and capital has
    never been measured; DataError as capital's measure does."""
    try:
        measure, source = measured(desk, account(), now), "account"
    except Unavailable:
        last = desk.store.total().last
        if last is None:
            raise
        measure, source = Measure(last.account_value, last.margin, last.measured_at), "last measure"
    return MarginView(
        base_currency=desk.policy.base_currency,
        source=source,
        at=measure.at,
        account_value=measure.value,
        margin_used=measure.margin,
        free=measure.value - measure.margin,
        share_used=measure.margin / measure.value,
        strategies=_split(desk, measure, weights),
    )


def _split(desk: CapitalDesk, measure: Measure, weights: Mapping[str, float | None]) -> list[Row]:
    """Each strategy's part of the value, and of the margin in the same proportion."""
    amounts = split_with(desk.policy.allocation, measure.value, weights) if weights else {}
    whole = sum(amounts.values())
    return [
        {
            "strategy": name,
            "share": amount / whole if whole else 0.0,
            "account_value": amount,
            "margin_used": measure.margin * amount / whole if whole else 0.0,
        }
        for name, amount in sorted(amounts.items())
    ]
