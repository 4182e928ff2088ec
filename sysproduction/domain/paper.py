"""What a paper exchange goes by."""

from dataclasses import dataclass
from datetime import time

from sysproduction.domain.broker_faults import PlannedFault


@dataclass(frozen=True, slots=True)
class PaperRules:
    """The account begins with `value` of `currency`. `margin_rate` is a fraction of a position's value; an order or a
    cancel travels for `latency_seconds` of market time; every day at `restart_at` (UTC; None: never) the exchange is
    away for five minutes. It commits `faults` at occasions that `seed` draws."""

    value: float
    currency: str
    margin_rate: float
    latency_seconds: float = 0.0
    restart_at: time | None = None
    seed: int = 0
    faults: tuple[PlannedFault, ...] = ()
