"""What a trading rule may ask for by the names of its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.systems.prices import Prices
from sysproduction.systems.smoothing import Panel, differences, forward_filled, zero_filled
from sysproduction.systems.volatility import ROOT_OF_YEAR


class Reach(Enum):
    """How far an ingredient is known: where back-adjusted prices are, or contract prices too."""

    ADJUSTED = auto()
    BOTH = auto()


@dataclass
class Pantry:
    """Panels for the rules of one system, each made when a rule first asks for it. `asset_classes` is one name an
    instrument. A part of a pantry takes what compares instruments from the `whole`."""

    prices: Prices
    vol: Panel
    asset_classes: tuple[str, ...]
    whole: "Pantry | None" = None
    columns: slice = field(default_factory=lambda: slice(None))
    _made: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """The ingredient of that name."""
        if name not in self._made:
            if self.whole is not None and name in ACROSS_INSTRUMENTS:
                self._made[name] = self.whole.get(name)[:, self.columns]
            else:
                self._made[name] = INGREDIENTS[name][0](self)
        return self._made[name]

    def part(self, columns: slice) -> "Pantry":
        """The pantry of some instruments."""
        return Pantry(self.prices.part(columns), self.vol[:, columns], self.asset_classes[columns], self, columns)


def _days(pantry: Pantry) -> pd.DatetimeIndex:
    return pantry.prices.days


def _price(pantry: Pantry) -> Panel:
    return pantry.prices.adjusted


def _current_price(pantry: Pantry) -> Panel:
    return pantry.prices.current


def _vol(pantry: Pantry) -> Panel:
    return pantry.vol


def raw_carry(prices: Prices, vol: Panel) -> Panel:
    """Annual carry in points over annual volatility in points."""
    return np.asarray(prices.annual_roll / (ROOT_OF_YEAR * vol))


def _raw_carry(pantry: Pantry) -> Panel:
    return raw_carry(pantry.prices, pantry.vol)


def _percentage_returns(pantry: Pantry) -> Panel:
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100.0 * differences(pantry.prices.adjusted) / np.abs(forward_filled(pantry.prices.current))


def normalised_price(pantry: Pantry) -> Panel:
    """Sum of daily price changes, each over the volatility known the day before; it begins at 0."""
    changes = differences(forward_filled(pantry.prices.adjusted))
    before = np.full_like(changes, np.nan)
    before[1:] = pantry.vol[:-1]
    known = np.isfinite(pantry.prices.adjusted)
    return np.where(known, np.cumsum(zero_filled(changes / before), axis=0), np.nan)


def class_price(pantry: Pantry) -> Panel:
    """The same of the asset class: the sum of the mean normalised changes of the instruments that have one that day."""
    changes = differences(forward_filled(pantry.get("normalised_price")))
    out = np.full_like(changes, np.nan)
    classes: NDArray[Any] = np.array(pantry.asset_classes)
    for name in dict.fromkeys(pantry.asset_classes):
        members = classes == name
        known = ~np.isnan(changes[:, members])
        total = np.nansum(changes[:, members], axis=1) / np.maximum(known.sum(axis=1), 1)
        out[:, members] = np.cumsum(total)[:, None]
    return out


Ingredient = tuple[Callable[[Pantry], Any], Reach]

INGREDIENTS: Final[Mapping[str, Ingredient]] = {
    "price": (_price, Reach.ADJUSTED),
    "vol": (_vol, Reach.ADJUSTED),
    "days": (_days, Reach.ADJUSTED),
    "current_price": (_current_price, Reach.BOTH),
    "raw_carry": (_raw_carry, Reach.BOTH),
    "percentage_returns": (_percentage_returns, Reach.ADJUSTED),
    "normalised_price": (normalised_price, Reach.ADJUSTED),
    "class_price": (class_price, Reach.ADJUSTED),
}
"""By parameter name: `price` back-adjusted daily prices, `vol` their daily volatility in points, `days` the calendar,
`current_price` of the contract in use, `raw_carry` annual carry over annual risk, `percentage_returns`,
`normalised_price` and `class_price` (of the instrument and of its asset class). Panels are days x instruments."""

ACROSS_INSTRUMENTS: Final = frozenset({"class_price"})
"""Ingredients that are made of several instruments together."""
