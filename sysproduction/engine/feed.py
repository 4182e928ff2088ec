"""Where the bars of a run come from."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.stage import BarValues
from sysproduction.ports import BarSource


class Datafeed:
    """A feed. Override `histories` if all bars are known before the run, or `follow` if they come one by one."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.period = BarPeriod.MINUTE

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """What it is configured with, in words that JSON has, for the record of a run."""
        return {}

    def connect(self) -> None:
        """Reach the source."""

    def disconnect(self) -> None:
        """Let go of the source; also after a `connect` that failed."""

    def subscribe(self, symbols: Sequence[str], period: BarPeriod) -> None:
        """Ask for the bars of these symbols, played in this order where stamps are equal."""
        self.symbols += [symbol for symbol in symbols if symbol not in self.symbols]
        self.period = period

    def unsubscribe(self, symbols: Sequence[str]) -> None:
        """Ask for them no more."""
        self.symbols = [symbol for symbol in self.symbols if symbol not in symbols]

    def histories(self) -> list[BarColumns] | None:
        """The bars of each symbol, in the order of `symbols`; None: they come one by one."""
        return None

    def follow(self) -> Iterator[BarValues]:
        """The bars one by one, stamps in order."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither histories nor follow")


class SimulatedDatafeed(Datafeed):
    """Replays stored bars. Configured by class attributes: `source`, and the first and last stamp (ns since 1970, UTC,
    included; None: all there is)."""

    source: ClassVar[BarSource | None] = None
    start_ns: ClassVar[int | None] = None
    end_ns: ClassVar[int | None] = None

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """The source and the stamps."""
        return {"source": type(cls.source).__name__, "start_ns": cls.start_ns, "end_ns": cls.end_ns}

    def histories(self) -> list[BarColumns]:
        """The bars of each symbol."""
        if self.source is None:
            raise ConfigError(f"{type(self).__name__} has no source; give it one as class attribute")
        return self.source.bars(self.symbols, self.period, self.start_ns, self.end_ns)


class BarsInMemory:
    """A `BarSource` of bars that are at hand."""

    def __init__(self, histories: Sequence[BarColumns]) -> None:
        self._histories = {(bars.symbol, bars.period): bars for bars in histories}

    def bars(
        self, symbols: Sequence[str], period: BarPeriod, start_ns: int | None, end_ns: int | None
    ) -> list[BarColumns]:
        """Each symbol's bars between the stamps.

        Raises DataError for a symbol that there is not, or that has no bars there.
        """
        return [self._of(symbol, period).between(start_ns, end_ns) for symbol in symbols]

    def _of(self, symbol: str, period: BarPeriod) -> BarColumns:
        found = self._histories.get((symbol, period))
        if found is None:
            near = get_close_matches(symbol, [name for name, kept in self._histories if kept is period], 1)
            raise DataError(f"{symbol}: no bars of a {period}" + (f"; did you mean {near[0]}?" if near else ""))
        return found
