"""The account: cash, what is held, margin, and the daily settlement of gains and losses."""

from collections.abc import Callable, Mapping
from datetime import date
from math import fsum

from sysproduction.exchange.values import Holding, Terms

Key = tuple[str, str]
"""Instrument and contract."""


class Accounting:
    """Cash in the account's currency and holdings by instrument and contract."""

    def __init__(self, cash: float, terms: Callable[[str], Terms | None]) -> None:
        self.cash = cash
        self.holdings: dict[Key, Holding] = {}
        self._terms = terms

    def trade(self, key: Key, quantity: int, price: float, commission: float) -> None:
        """Book an execution; commission in the instrument's currency."""
        holding = self.holdings.setdefault(key, Holding(mark=price))
        holding.quantity += quantity
        holding.cost += quantity * price
        self.cash -= commission * self._sure(key).rate
        if holding.quantity == 0:
            self._settle(key, holding, 0.0)
            del self.holdings[key]

    def mark(self, key: Key, price: float, day: date) -> None:
        """The price that a holding is worth now; the first one of a day settles the days before at their last."""
        holding = self.holdings.get(key)
        if holding is None:
            return
        if holding.marked_on is not None and holding.marked_on < day:
            self._settle(key, holding, holding.mark)
        holding.mark, holding.marked_on = price, day

    def value(self) -> float:
        """Cash and what is not settled yet."""
        return self.cash + fsum(
            (held.quantity * held.mark - held.cost) * self._money(key) for key, held in self.holdings.items()
        )

    def margin(self, changes: Mapping[Key, tuple[int, float]] | None = None) -> float:
        """What has to be posted, were these further quantities at these prices held too."""
        extra = changes or {}
        return fsum(self._margin_of(key, extra.get(key)) for key in sorted({*self.holdings, *extra}))

    def _margin_of(self, key: Key, change: tuple[int, float] | None) -> float:
        held = self.holdings.get(key, Holding())
        quantity, price = change or (0, held.mark)
        return abs(held.quantity + quantity) * abs(price) * self._sure(key).margin_per_point

    def _settle(self, key: Key, holding: Holding, price: float) -> None:
        self.cash += (holding.quantity * price - holding.cost) * self._money(key)
        holding.cost = holding.quantity * price

    def _money(self, key: Key) -> float:
        terms = self._sure(key)
        return terms.point_size * terms.rate

    def _sure(self, key: Key) -> Terms:
        terms = self._terms(key[0])
        assert terms is not None, f"{key[0]}: traded without terms"
        return terms
