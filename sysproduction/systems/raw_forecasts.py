"""Calling trading rules: each receives what its parameters name and the arguments of its configuration."""

import inspect
from typing import Any

import numpy as np

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.trading_systems import RuleSpec
from sysproduction.systems.catalogue import Rule
from sysproduction.systems.ingredients import INGREDIENTS, Pantry, Reach
from sysproduction.systems.prices import Rows
from sysproduction.systems.smoothing import Panel


def raw_forecast(spec: RuleSpec, rule: Rule, pantry: Pantry, *, zero_is_missing: bool = False) -> Panel:
    """What the rule says, NaN where the instrument has none of the prices that the rule asked for.

    Raises ConfigError if the rule refuses its arguments or gives anything but a panel of numbers.
    """
    wanted = [name for name in inspect.signature(rule).parameters if name in INGREDIENTS]
    given = {name: pantry.get(name) for name in wanted}
    try:
        said = rule(**given, **spec.arguments)
    except (TypeError, ValueError) as fault:
        raise ConfigError(f"rule {spec.name} ({spec.function}) with {dict(spec.arguments)}: {fault}") from fault
    _check(said, pantry, spec)
    kept = _reach(wanted, pantry).mask(len(pantry.prices.days))
    kept &= np.isfinite(said)
    if zero_is_missing:
        kept &= said != 0.0
    return np.where(kept, said, np.nan)


def _check(said: Any, pantry: Pantry, spec: RuleSpec) -> None:
    shape = pantry.prices.adjusted.shape
    if not isinstance(said, np.ndarray) or said.shape != shape or said.dtype != np.float64:
        raise ConfigError(
            f"rule {spec.name} ({spec.function}) must return a float64 array of {shape[0]} days x {shape[1]} "
            f"instruments, but returned {_kind(said)}"
        )


def _kind(said: Any) -> str:
    return f"{said.dtype} of {said.shape}" if isinstance(said, np.ndarray) else type(said).__name__


def _reach(names: list[str], pantry: Pantry) -> Rows:
    far = any(INGREDIENTS[name][1] is Reach.BOTH for name in names)
    return pantry.prices.rows if far else pantry.prices.adjusted_rows
