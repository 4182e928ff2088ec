"""Strategies on bars as the command line names them, and the values that it gives them and the broker."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from sysproduction.domain.errors import ConfigError
from sysproduction.engine import examples
from sysproduction.engine.broker_settings import BrokerSettings, known_setting
from sysproduction.engine.parameters import ParamSpec
from sysproduction.engine.strategy import REGISTRY, Strategy


def find_strategy(name: str) -> type[Strategy]:
    """The strategy called NAME among the shipped ones, FILE.py or FILE.py:CLASS, or MODULE:CLASS.

    Raises ConfigError if there is none, or its file or module cannot be loaded.
    """
    place, _, wanted = name.partition(":")
    if place.endswith(".py"):
        return _of_module(_loaded(Path(place)), wanted, place)
    if wanted:
        with _Loading(place):
            module = importlib.import_module(place)
        return _of_module(module, wanted, place)
    shipped = {title: found for title, found in REGISTRY.items() if found.__module__ == examples.__name__}
    if name in shipped:
        return shipped[name]
    near = get_close_matches(name, shipped, 1)
    hint = f"did you mean {near[0]}?" if near else f"shipped are: {', '.join(shipped)}"
    raise ConfigError(f"unknown strategy {name}; {hint} Your own is written FILE.py:CLASS or MODULE:CLASS.")


def parsed(text: str, spec: ParamSpec, name: str) -> Any:
    """The value that the text says, of the kind that the parameter is of; raises ConfigError if it says none."""
    default = spec.default
    if isinstance(default, bool):
        words = {"true": True, "yes": True, "false": False, "no": False}
        if text.lower() not in words:
            raise ConfigError(f"parameter {name}: {text} is neither true nor false")
        return spec.checked(name, words[text.lower()])
    if isinstance(default, int | float) and not isinstance(default, Enum):
        return spec.checked(name, _number(text, type(default), f"parameter {name}"))
    return spec.checked(name, text)


def broker_settings(words: Sequence[str]) -> dict[str, Any]:
    """Settings of the simulated broker out of words like cash=100000; raises ConfigError for a word that says none."""
    found: dict[str, Any] = {}
    for name, text in pairs(words, "--broker").items():
        default = getattr(BrokerSettings, known_setting(name))
        if name == "fill_at":
            found[name] = text
        elif isinstance(default, bool):
            found[name] = text.lower() in ("true", "yes")
        else:
            found[name] = _number(text, float, f"broker setting {name}")
    return found


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """Words like name=value as a mapping; raises ConfigError for one that is none, or a name that comes twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"{option} {word}: write {option} NAME=VALUE")
        if name in found:
            raise ConfigError(f"{option} {name} is given twice")
        found[name] = value
    return found


def _number(text: str, kind: type, what: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        whole = " whole" if kind is int else ""
        raise ConfigError(f"{what}: {text} is not a{whole} number") from error


def _loaded(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    name = f"strategies_of_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that its classes can be sent to other processes and their source found
    with _Loading(str(path)):
        spec.loader.exec_module(module)
    return module


def _of_module(module: ModuleType, wanted: str, place: str) -> type[Strategy]:
    found: Mapping[str, type[Strategy]] = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }
    if not wanted and len(found) == 1:
        return next(iter(found.values()))
    if wanted in found:
        return found[wanted]
    names = ", ".join(found) or "none"
    raise ConfigError(f"{place}: {f'no strategy {wanted}' if wanted else 'say which strategy'}; it has: {names}")


class _Loading:
    """Turns whatever a user's file raises while it is loaded into a ConfigError that says where."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            where = trace
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            line = getattr(error, "lineno", None) or (where.tb_lineno if where is not None else 0)
            raise ConfigError(
                f"{self._place} cannot be loaded: {type(error).__name__}: {error} (line {line})"
            ) from error
