"""The processes that a configuration may run, each a module whose `__all__` lists its methods in order."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from inspect import Signature, signature
from typing import Final

from sysproduction.config.each_strategy import EACH
from sysproduction.domain.results import MethodResult

PROCESSES: Final[dict[str, str]] = {
    name: f"sysproduction.processes.{name}"
    for name in (
        "run_paper_exchange",
        "run_stack_handler",
        "run_backups",
        "run_capital_update",
        "run_cleaners",
        "run_daily_fx_and_contract_updates",
        "run_daily_prices_updates",
        "run_daily_update_multiple_adjusted_prices",
        "run_reports",
        "run_strategy_order_generator",
        "run_systems",
    )
}
"""Module path by process name."""


def methods(process: str, strategies: Iterable[str] = ()) -> dict[str, Callable[..., MethodResult]]:
    """The methods of a process by name, in order; each takes the World, then what `arguments` of the YAML may bind.

    A module whose one method is `each_strategy` has a method for each of `strategies`, by its name. Raises KeyError
    for a process that does not exist.
    """
    named = _named(process)
    each = named.get(EACH)
    return named if each is None else {strategy: partial(each, strategy=strategy) for strategy in strategies}


def signatures() -> Mapping[str, Mapping[str, Signature]]:
    """What arguments may be bound to each method of each process, with their types; `each_strategy` stands for the
    methods of all strategies."""
    return {
        process: {name: _without_given(method) for name, method in _named(process).items()} for process in PROCESSES
    }


def _named(process: str) -> dict[str, Callable[..., MethodResult]]:
    module = import_module(PROCESSES[process])
    return {name: getattr(module, name) for name in module.__all__}


def _without_given(method: Callable[..., MethodResult]) -> Signature:
    """Without the World and the strategy, which are not the YAML's to give."""
    whole = signature(method)
    parameters = [p for p in list(whole.parameters.values())[1:] if p.name != "strategy"]
    return whole.replace(parameters=parameters)
