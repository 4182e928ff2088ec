"""How the simulated broker is configured: what trading costs, what it needs, and at what price it is done."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from math import isfinite
from typing import Any, ClassVar, Final, NamedTuple, get_type_hints

from sysproduction.domain.errors import ConfigError

PerSymbol = float | Mapping[str, float]


class FillAt(StrEnum):
    """Where a market order trades that is made at a bar's close: at the next bar's open, or at that close."""

    NEXT_OPEN = "next_open"
    CLOSE = "close"


class BrokerSettings:
    """Class attributes, to be overridden in a subclass. Those that are `PerSymbol` are one number for all symbols or a
    mapping from each. Money is in the account's currency."""

    cash: ClassVar[float] = 1_000_000.0
    commission_per_unit: ClassVar[PerSymbol] = 0.0
    commission_minimum: ClassVar[PerSymbol] = 0.0
    """The least that an order pays once it is filled in part."""
    commission_fraction: ClassVar[PerSymbol] = 0.0
    """Of the value that is traded."""
    slippage: ClassVar[PerSymbol] = 0.0
    tick_size: ClassVar[PerSymbol] = 0.0
    """0: orders may have any price."""
    multiplier: ClassVar[PerSymbol] = 1.0
    """What one point of price is worth for one unit."""
    margin: ClassVar[PerSymbol] = 0.0
    """What one unit needs of equity; 0: no order is refused for want of it."""
    volume_share: ClassVar[float | None] = None
    """The share of a bar's volume that may be traded in it; None: any quantity."""
    fill_at: ClassVar[FillAt | str] = FillAt.NEXT_OPEN
    negative_prices: ClassVar[bool] = False
    """Whether orders may have prices of 0 and below, as those for back-adjusted prices."""

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """All of them as they are, in words that JSON has."""
        values = {name: getattr(cls, name) for name in NAMES}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}

    @classmethod
    def terms(cls, symbols: Sequence[str]) -> dict[str, "Terms"]:
        """What holds for each symbol.

        Raises ConfigError for a setting that cannot be, or that lacks one of the symbols.
        """
        if not isfinite(cls.cash):
            raise ConfigError(f"broker setting cash is {cls.cash}: it must be a number")
        if cls.volume_share is not None and not 0 < cls.volume_share <= 1:
            raise ConfigError(f"broker setting volume_share is {cls.volume_share}: it must be above 0 and at most 1")
        if cls.fill_at not in list(FillAt):
            raise ConfigError(f"broker setting fill_at is {cls.fill_at!r}: it must be {' or '.join(FillAt)}")
        return {
            symbol: Terms(*(_amount(name, getattr(cls, name), symbol) for name in Terms._fields)) for symbol in symbols
        }


class Terms(NamedTuple):
    """The settings of one symbol."""

    commission_per_unit: float
    commission_minimum: float
    commission_fraction: float
    slippage: float
    tick_size: float
    multiplier: float
    margin: float


NAMES: Final = tuple(get_type_hints(BrokerSettings))


def known_setting(name: str) -> str:
    """The name, if there is such a setting; else ConfigError with the nearest."""
    if name in NAMES:
        return name
    near = get_close_matches(name, NAMES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(NAMES)}"
    raise ConfigError(f"broker setting {name} does not exist; {hint}")


def _amount(name: str, value: PerSymbol, symbol: str) -> float:
    if isinstance(value, Mapping):
        if symbol not in value:
            raise ConfigError(f"broker setting {name} has no value for {symbol}: {dict(value)}")
        value = value[symbol]
    positive = name == "multiplier"
    if not isfinite(value) or value < 0 or (positive and value == 0):
        least = "above 0" if positive else "at least 0"
        raise ConfigError(f"broker setting {name} of {symbol} is {value}: it must be {least}")
    return value
