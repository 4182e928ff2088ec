"""Exchange rates: EURUSD is the price of one EUR in USD; inversion, and crosses through the dollar."""

from collections.abc import Callable
from typing import Final

import pandas as pd

from sysproduction.domain.errors import DataError

HUB: Final = "USD"
"""The currency that crosses are derived through."""


def split_pair(pair: str) -> tuple[str, str]:
    """Base and quote currency; DataError unless the pair is two different three-letter codes."""
    base, quote = pair[:3], pair[3:]
    if len(pair) == 6 and pair.isalpha() and pair.isupper() and base != quote:
        return base, quote
    raise DataError(f"currency pair {pair!r}: expected two different currency codes, such as EURUSD")


def cross(base: pd.Series, quote: pd.Series) -> pd.Series:
    """Price of the base currency in the quote currency from both their prices in a third one.

    On the union of the stamps, each rate carried forward, from the first stamp at which both are known.
    """
    left, right = base.align(quote, join="outer")
    return (left.ffill() / right.ffill()).dropna().rename("rate")


def derive(pair: str, stored: Callable[[str], pd.Series | None]) -> pd.Series:
    """Rates of `pair` from what `stored` gives: itself, else its inverse, else a cross through USD.

    Raises DataError, naming the pair that is missing.
    """
    base, quote = split_pair(pair)
    direct = _direct(pair, stored)
    if direct is not None:
        return direct
    legs = {leg: _direct(leg, stored) for leg in (base + HUB, quote + HUB) if HUB not in (base, quote)}
    missing = [leg for leg, rates in legs.items() if rates is None]
    if missing or not legs:
        raise DataError(f"no rates for {pair}: {' and '.join(missing or [pair])} neither way round in the store")
    first, second = legs.values()
    assert first is not None
    assert second is not None
    return cross(first, second)


def _direct(pair: str, stored: Callable[[str], pd.Series | None]) -> pd.Series | None:
    rates = stored(pair)
    if rates is not None:
        return rates.rename("rate")
    inverse = stored(pair[3:] + pair[:3])
    return None if inverse is None else (1.0 / inverse).rename("rate")
