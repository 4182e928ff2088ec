"""The processes that a configuration may run, each a module whose `__all__` lists its methods in order."""

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import Signature, signature
from typing import Final

from sysproduction.domain.results import MethodResult

PROCESSES: Final[dict[str, str]] = {
    name: f"sysproduction.processes.{name}"
    for name in (
        "run_daily_fx_and_contract_updates",
        "run_daily_prices_updates",
        "run_daily_update_multiple_adjusted_prices",
    )
}
"""Module path by process name."""


def methods(process: str) -> dict[str, Callable[..., MethodResult]]:
    """The methods of a process by name, in order; each takes the World, then what `arguments` of the YAML may bind.

    Raises KeyError for a process that does not exist.
    """
    module = import_module(PROCESSES[process])
    return {name: getattr(module, name) for name in module.__all__}


def signatures() -> Mapping[str, Mapping[str, Signature]]:
    """What arguments may be bound to each method of each process, with their types."""
    return {
        process: {name: _without_world(method) for name, method in methods(process).items()} for process in PROCESSES
    }


def _without_world(method: Callable[..., MethodResult]) -> Signature:
    whole = signature(method)
    return whole.replace(parameters=list(whole.parameters.values())[1:])
