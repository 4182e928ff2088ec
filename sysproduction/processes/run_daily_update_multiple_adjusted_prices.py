"""The night's update: contracts and bars that came after the evening's run, then multiple and adjusted prices."""

from sysproduction.processes.run_daily_prices_updates import (
    update_historical_prices,
    update_multiple_adjusted_prices,
    update_sampled_contracts,
)

__all__ = [  # noqa: RUF022 (the order in which they run)
    "update_sampled_contracts",
    "update_historical_prices",
    "update_multiple_adjusted_prices",
]
