"""Which trading rules there are: those shipped here, those of installed packages, and any function by dotted path."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from sysproduction.domain.errors import ConfigError
from sysproduction.systems.rules.carry import carry
from sysproduction.systems.rules.relative import mean_reversion, relative_mean_reversion, relative_momentum
from sysproduction.systems.rules.skewness import skew
from sysproduction.systems.rules.trend import accel, breakout, ewmac, normalised_momentum
from sysproduction.systems.smoothing import Panel

Rule = Callable[..., Panel]

ENTRY_POINTS: Final = "sysproduction.rules"
"""The group under which a package offers rules by name."""

SHIPPED: Final[Mapping[str, Rule]] = {
    rule.__name__: rule
    for rule in (
        ewmac,
        carry,
        breakout,
        accel,
        relative_momentum,
        normalised_momentum,
        skew,
        mean_reversion,
        relative_mean_reversion,
    )
}


def find_rule(name: str) -> Rule:
    """The function of that name: shipped, an entry point's, or `package.module.function`; raises ConfigError."""
    if name in SHIPPED:
        return SHIPPED[name]
    offered = _offered()
    if name not in offered and "." not in name:
        raise ConfigError(
            f"unknown rule {name}: known are {', '.join([*SHIPPED, *offered])}, or write package.module.function"
        )
    found = _load(offered.get(name, name), name)
    if not callable(found):
        raise ConfigError(f"rule {name} is not a function")
    return found


def is_separable(name: str) -> bool:
    """Whether a rule's forecast of an instrument depends on that column of its ingredients alone, as with shipped ones.
    Others are given all instruments at once."""
    return name in SHIPPED


def rule_names() -> list[str]:
    """Every name that needs no dotted path."""
    return [*SHIPPED, *_offered()]


def signature(rule: Rule, given: Mapping[str, object]) -> inspect.Signature:
    """What the configuration must supply: the rule's parameters without those that it is `given` by name."""
    said = inspect.signature(rule)
    return said.replace(parameters=[p for name, p in said.parameters.items() if name not in given])


@cache
def _offered() -> dict[str, str]:
    return {point.name: point.value.replace(":", ".") for point in entry_points(group=ENTRY_POINTS)}


def _load(path: str, name: str) -> object:
    module, _, function = path.rpartition(".")
    try:
        return getattr(import_module(module), function)
    except ModuleNotFoundError as fault:
        raise ConfigError(f"rule {name}: there is no module {fault.name}; is its package installed?") from fault
    except AttributeError as fault:
        raise ConfigError(f"rule {name}: the module {module} has no {function}") from fault
