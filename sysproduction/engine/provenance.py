"""What a run is called and what it was made of, so that it can be made again: classes, values, code, data, versions."""

import hashlib
import inspect
import itertools
import os
import platform
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from sysproduction import engine
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import Clock

_RUNS: Final = itertools.count()


def new_run_id(strategies: Sequence[type[Strategy]], clock: Clock) -> str:
    """The UTC time and the strategies' names, and what sets it apart from every other run that begins in that second:
    eight digits made of the time, the process, and how many runs it has begun."""
    now = clock.now()
    apart = hashlib.sha256(f"{now.isoformat()} {clock.monotonic()} {os.getpid()} {next(_RUNS)}".encode()).hexdigest()
    names = "+".join("".join(c if c.isalnum() else "_" for c in strategy.title()) for strategy in strategies)
    return f"{now:%Y%m%dT%H%M%SZ}_{names[:80]}_{apart[:8]}"


def configuration(
    strategies: Sequence[type[Strategy]],
    broker: type[SimulatedBroker],
    feed: type[Datafeed],
    histories: Sequence[BarColumns],
    period: BarPeriod,
) -> dict[str, Any]:
    """What a run is configured with, in words that JSON has."""
    return {
        "mode": "backtest",
        "bar_period": period.value,
        "strategies": {
            strategy.title(): {
                "class": _name(strategy),
                "code": code_hash(strategy),
                "symbols": list(strategy.symbols),
                "parameters": {name: _plain(spec.default) for name, spec in strategy.parameters.items()},
            }
            for strategy in strategies
        },
        "broker": {"class": _name(broker), "code": code_hash(broker), **broker.settings()},
        "feed": {"class": _name(feed), "code": code_hash(feed), **feed.settings()},
        "data": {bars.symbol: bars.content_hash for bars in histories},
        "versions": dict(versions()),
    }


def code_hash(made_of: type) -> str | None:
    """SHA-256 over the files that define the class and its bases, those of the engine aside; None if there are none, as
    for a class that was typed at a prompt."""
    files = {inspect.getsourcefile(base) for base in made_of.__mro__ if _is_users(base)}
    contents = [Path(file).read_bytes() for file in sorted(filter(None, files)) if Path(file).is_file()]
    return _digest(contents) if contents else None


@cache
def versions() -> Mapping[str, Any]:
    """Of what a result may depend on; that of the engine itself is by content, for between releases it changes too."""
    folder = Path(engine.__file__).parent
    return {
        "sysproduction": version("sysproduction"),
        "engine": _digest([file.read_bytes() for file in sorted(folder.rglob("*.py"))]),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _is_users(base: type) -> bool:
    return base.__module__ != "builtins" and not base.__module__.startswith(engine.__name__)


def _digest(contents: list[bytes]) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _name(made_of: type) -> str:
    """Where a class is to be found; of a configured one, the class that was configured."""
    found = next(base for base in made_of.__mro__ if not base.__name__.startswith("_Configured"))
    return f"{found.__module__}.{found.__qualname__}"


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value
