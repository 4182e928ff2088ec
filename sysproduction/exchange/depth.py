"""What a quote still offers, and at what price several legs can be traded at once."""

from collections.abc import Sequence
from math import fsum

from sysproduction.domain.instruments import Quote


class Depth:
    """The present quote of one contract and what of its sizes is not taken yet; the same quote again offers nothing
    new."""

    __slots__ = ("ask_left", "bid_left", "quote")

    def __init__(self, quote: Quote, bid_left: int, ask_left: int) -> None:
        self.quote, self.bid_left, self.ask_left = quote, bid_left, ask_left

    @classmethod
    def of(cls, quote: Quote) -> "Depth":
        """Nothing of it is taken."""
        return cls(quote, quote.bid_size, quote.ask_size)

    def price(self, ratio: int) -> float:
        """What one pays (positive ratio) or gets."""
        return self.quote.ask if ratio > 0 else self.quote.bid

    def left(self, ratio: int) -> int:
        """Units of `ratio` contracts that can still be traded."""
        return max(self.ask_left if ratio > 0 else self.bid_left, 0) // abs(ratio)

    def take(self, quantity: int) -> None:
        """Contracts traded, signed."""
        if quantity > 0:
            self.ask_left -= quantity
        else:
            self.bid_left += quantity


def units_left(ratios: Sequence[int], depths: Sequence[Depth]) -> int:
    """How often all legs can be traded together."""
    return min(depth.left(ratio) for ratio, depth in zip(ratios, depths, strict=True))


def crossing_price(ratios: Sequence[int], depths: Sequence[Depth]) -> float:
    """Price of one unit, first leg counted as positive, for whoever takes what is offered."""
    sign = 1 if ratios[0] > 0 else -1
    return fsum(sign * ratio * depth.price(ratio) for ratio, depth in zip(ratios, depths, strict=True))
