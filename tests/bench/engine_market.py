"""The market that engines are measured on: seeded one-minute bars on a tick of 1/64, so that all sums are exact, each
opening where the one before closed, so that a fill at this close and one at the next open have one price."""

import numpy as np
import numpy.typing as npt

MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000
FAST, SLOW, QUANTITY, COMMISSION = 20, 100, 100, 0.005


def columns(symbol: int, length: int) -> dict[str, npt.NDArray[np.float64]]:
    """Open, high, low, close and volume of a symbol by its number."""
    chance = np.random.default_rng(symbol)
    close = 200 + chance.integers(-4, 5, length).cumsum() / 64
    close = np.maximum(close, 10.0)
    open_ = np.concatenate([[200.0], close[:-1]])
    high = np.maximum(open_, close) + chance.integers(0, 4, length) / 64
    low = np.minimum(open_, close) - chance.integers(0, 4, length) / 64
    volume = chance.integers(1_000, 100_000, length).astype(float)
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume}


def stamps(length: int) -> npt.NDArray[np.int64]:
    """Nanoseconds since 1970, a minute apart."""
    return START_NS + np.arange(length) * MINUTE_NS
