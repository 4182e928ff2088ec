"""Which calendar stands for the hours of a market whose broker does not tell them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MarketHours:
    """Names of calendars of the library `exchange_calendars`, by region and for single instruments. A market without
    one is open whenever it is quoted."""

    regions: Mapping[str, str] = field(default_factory=dict)
    instruments: Mapping[str, str] = field(default_factory=dict)

    def calendar(self, instrument: str, region: str) -> str | None:
        """The calendar of an instrument: its own, or its region's."""
        return self.instruments.get(instrument, self.regions.get(region))
