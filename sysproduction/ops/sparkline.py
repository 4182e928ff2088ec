"""A price's course in one line of text."""

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"


def sparkline(before: Sequence[float], odd: float, after: Sequence[float]) -> str:
    """The prices before and after as bars on their own scale, the odd one between them as an arrow that points to
    where it lies: ↑ above them all, ↓ below, → among them."""
    usual = [*before, *after]
    if not usual:
        return "→"
    low, high = min(usual), max(usual)
    arrow = "↑" if odd > high else "↓" if odd < low else "→"
    return _bars(before, low, high) + arrow + _bars(after, low, high)


def _bars(prices: Sequence[float], low: float, high: float) -> str:
    step = (high - low) / (len(_BARS) - 1)
    return "".join(_BARS[round((price - low) / step) if step > 0 else 0] for price in prices)
