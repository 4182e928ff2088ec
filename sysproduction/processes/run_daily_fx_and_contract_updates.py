"""The morning's update: exchange rates and the list of sampled contracts."""

from sysproduction.processes.run_daily_prices_updates import update_fx_prices, update_sampled_contracts

__all__ = ["update_fx_prices", "update_sampled_contracts"]
