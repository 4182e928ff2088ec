"""The paper exchange: a market of its own process, which lives on whatever becomes of those that send it orders."""

from typing import Final

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.results import MethodResult
from sysproduction.ports import World

__all__ = ["serve_orders"]

_SECONDS: Final = 0.5
"""Of machine time: how long it answers before it looks whether it shall stop."""


def serve_orders(world: World) -> MethodResult:
    """Let orders meet the market, and answer to whoever asks, for half a second."""
    if world.exchange is None:
        raise ConfigError("run_paper_exchange has no exchange to run")
    world.exchange().serve(_SECONDS)
    return MethodResult(items=1)
