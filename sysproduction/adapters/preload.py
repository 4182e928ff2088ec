"""What the template process imports before it forks children, so that they begin at once."""

from collections.abc import Iterable
from importlib import import_module
from typing import Final

PRELOAD: Final = (
    "arcticdb",  # imported only: a child that a fork leaves with an open one deadlocks
    "encodings.utf_8_sig",
    "pandas",
    "pandas.io.formats.csvs",
    "pymongo",
    "pymongo.saslprep",
    "pymongo.synchronous.auth",
    "pymongo.synchronous.auth_aws",
    "pymongo.synchronous.auth_oidc",
    "tenacity",
    "yaml",
    "sysproduction.adapters.arctic",
    "sysproduction.adapters.clocks",
    "sysproduction.adapters.csv_feed",
    "sysproduction.adapters.disk_folders",
    "sysproduction.adapters.embedded_mongo",
    "sysproduction.adapters.families",
    "sysproduction.adapters.heartbeats",
    "sysproduction.adapters.log_lines",
    "sysproduction.adapters.log_notifier",
    "sysproduction.adapters.mongo:rehearse",
    "sysproduction.adapters.mongo_dumps",
    "sysproduction.adapters.notifiers",
    "sysproduction.adapters.programs",
    "sysproduction.adapters.signals",
    "sysproduction.adapters.stack_dumps",
    "sysproduction.adapters.synthetic_feed",
    "sysproduction.adapters.wake_sockets",
    "sysproduction.config.loading",
    "sysproduction.control.processes",
    "sysproduction.ops.child",
    "sysproduction.processes.run_backups",
    "sysproduction.processes.run_daily_fx_and_contract_updates",
    "sysproduction.processes.run_capital_update",
    "sysproduction.processes.run_daily_prices_updates",
    "sysproduction.processes.run_daily_update_multiple_adjusted_prices",
    "sysproduction.processes.run_stack_handler",
    "sysproduction.processes.run_strategy_order_generator",
    "sysproduction.stores.incidents",
    "sysproduction.stores.leases",
    "sysproduction.ops.main:rehearse",
)
"""Modules to import, and MODULE:FUNCTION to call; the last one is given the home. What needs numba is not among them:
it would weigh more than all the rest together, on machines that run no systems too."""


def preload_for(home: str) -> tuple[str, ...]:
    """PRELOAD with its last call made for this home."""
    *rest, last = PRELOAD
    return (*rest, f"{last}:{home}")


def prepare(names: Iterable[str]) -> None:
    """Import each MODULE, call each MODULE:FUNCTION and, with its text, each MODULE:FUNCTION:TEXT."""
    for name in names:
        module, *call = name.split(":", 2)
        imported = import_module(module)
        if call:
            getattr(imported, call[0])(*call[1:])
