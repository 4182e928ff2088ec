"""Parameters of a strategy: what each may be, and what it is in a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any

from sysproduction.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter: its value where nobody says another, its bounds (both included), the step between values that a
    sweep tries, and the only values that it may have. An enum's member as default implies its members as choices."""

    default: Any
    min: Any = None
    max: Any = None
    step: Any = None
    choices: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if self.choices is None and isinstance(self.default, Enum):
            object.__setattr__(self, "choices", tuple(type(self.default)))

    def checked(self, name: str, value: Any) -> Any:
        """The value, a whole number as float where the default is one; an enum's member may be given by its name.

        Raises ConfigError for a value of another kind, outside the bounds, or not among the choices.
        """
        value = self._as_default(name, value)
        if self.choices is not None and value not in self.choices:
            known = ", ".join(str(choice) for choice in self.choices)
            raise ConfigError(f"parameter {name}: {value} is not one of {known}")
        if (self.min is not None and value < self.min) or (self.max is not None and value > self.max):
            low = "any number" if self.min is None else self.min
            high = "any number" if self.max is None else self.max
            raise ConfigError(f"parameter {name}: {value} is outside {low} to {high}")
        return value

    def _as_default(self, name: str, value: Any) -> Any:
        kind = type(self.default)
        if isinstance(self.default, Enum) and isinstance(value, str) and value in kind.__members__:
            return kind[value]
        if kind is float and type(value) is int:
            return float(value)
        if (self.default is not None and not isinstance(value, kind)) or (kind is int and isinstance(value, bool)):
            raise ConfigError(f"parameter {name}: {value!r} is not of type {kind.__name__}, as its default is")
        return value


def with_values(specs: Mapping[str, ParamSpec], values: Mapping[str, Any]) -> dict[str, ParamSpec]:
    """The specs with other defaults.

    Raises ConfigError for a name that there is not, or a value that may not be.
    """
    for name in values:
        if name not in specs:
            near = get_close_matches(name, specs, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(specs) or 'none'}"
            raise ConfigError(f"parameter {name} does not exist{hint}")
    return {
        name: replace(spec, default=spec.checked(name, values[name])) if name in values else spec
        for name, spec in specs.items()
    }
