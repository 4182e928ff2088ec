"""What the template process imports before it forks children, so that they begin at once."""

from typing import Final

PRELOAD: Final = (
    "pandas",
    "pymongo",
    "tenacity",
    "yaml",
    "arcticdb",  # imported only: a child that a fork leaves with an open one deadlocks
    "sysproduction.adapters.arctic",
    "sysproduction.adapters.clocks",
    "sysproduction.adapters.csv_feed",
    "sysproduction.adapters.embedded_mongo",
    "sysproduction.adapters.families",
    "sysproduction.adapters.heartbeats",
    "sysproduction.adapters.log_lines",
    "sysproduction.adapters.log_notifier",
    "sysproduction.adapters.mongo",
    "sysproduction.adapters.notifiers",
    "sysproduction.adapters.programs",
    "sysproduction.adapters.stack_dumps",
    "sysproduction.adapters.synthetic_feed",
    "sysproduction.adapters.wake_sockets",
    "sysproduction.config.loading",
    "sysproduction.control.processes",
    "sysproduction.ops.child",
    "sysproduction.ops.daemon_commands",
    "sysproduction.ops.market_commands",
    "sysproduction.ops.process_commands",
    "sysproduction.ops.settings_commands",
    "sysproduction.ops.simulation_commands",
    "sysproduction.orders.algos",
    "sysproduction.orders.gate",
    "sysproduction.processes.run_daily_prices_updates",
    "sysproduction.stores.incidents",
)
