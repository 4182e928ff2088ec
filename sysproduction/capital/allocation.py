"""How capital is split between strategies. A configuration may name another function of the same shape:
`split(total, weights, **arguments)` gives each strategy of `weights` its amount."""

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import cast

from sysproduction.domain.capital import AllocationPolicy
from sysproduction.domain.errors import ConfigError

Split = Callable[..., Mapping[str, float]]


def by_weight(total: float, weights: Mapping[str, float | None]) -> dict[str, float]:
    """In proportion to the weights; equal parts where no strategy has one. ConfigError if only some have."""
    without = sorted(name for name, weight in weights.items() if weight is None)
    if without and len(without) < len(weights):
        raise ConfigError(f"strategies.{without[0]}.weight: give every strategy a weight, or none")
    sizes = {name: 1.0 if weight is None else weight for name, weight in weights.items()}
    whole = math.fsum(sizes.values())
    return {name: total * size / whole for name, size in sizes.items()}


def function_at(path: str) -> Split:
    """The function of this dotted path; ConfigError if there is none."""
    module_name, _, name = path.rpartition(".")
    where = f"capital.allocation.function: {path}"
    if not module_name:
        raise ConfigError(
            f"{where}: write the module and the function, such as sysproduction.capital.allocation.by_weight"
        )
    try:
        module = import_module(module_name)
    except ImportError as reason:
        raise ConfigError(f"{where}: {reason}") from reason
    found = getattr(module, name, None)
    if not callable(found):
        near = get_close_matches(name, dir(module), n=1)
        hint = f"; did you mean {module_name}.{near[0]}?" if near else ""
        raise ConfigError(f"{where}: {module_name} has no function {name}{hint}")
    return cast(Split, found)


def split_with(policy: AllocationPolicy, total: float, weights: Mapping[str, float | None]) -> dict[str, float]:
    """What the configured function gives each strategy; ConfigError if it gives it to others, or takes other
    arguments."""
    path, function = policy.function, function_at(policy.function)
    try:
        amounts = dict(function(total, dict(weights), **policy.arguments))
    except TypeError as reason:
        raise ConfigError(f"capital.allocation: {path} cannot be called as configured: {reason}") from reason
    if amounts.keys() != weights.keys():
        odd = sorted(amounts.keys() ^ weights.keys())
        raise ConfigError(
            f"capital.allocation: {path} must give an amount to each strategy and no other: {', '.join(odd)}"
        )
    return amounts
