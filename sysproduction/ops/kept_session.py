"""A session that keeps its ports open from one command to the next."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sysproduction.ops.session import Session

if TYPE_CHECKING:
    from sysproduction.wiring import Outside


@dataclass(frozen=True, slots=True)
class KeptSession(Session):
    """For a shell, and for whoever looks again and again; opens anew after the configuration has changed."""

    _open: "list[Outside]" = field(default_factory=list, init=False)
    _closing: ExitStack = field(default_factory=ExitStack, init=False)

    @contextmanager
    def outside(self) -> "Iterator[Outside]":
        """The ports of this home, which stay open."""
        from sysproduction import wiring

        config = self.config()
        if self._open and self._open[-1].config is not config:
            self.close()
        if not self._open:
            self._open.append(self._closing.enter_context(wiring.outside(self.home, config)))
        yield self._open[-1]

    def close(self) -> None:
        """Let go of them."""
        self._open.clear()
        self._closing.close()
