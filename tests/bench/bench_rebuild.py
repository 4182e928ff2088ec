"""Full rebuild of multiple and adjusted prices of all recorded instruments from contract prices: at most 3 CPU s.

Contract prices are in memory, as a store would give them. `recorded` rolls as the files do; `built` finds the rolls
itself, from the bars and the roll parameters.
"""

import time
from collections.abc import Callable
from statistics import median

import pandas as pd
from measuring import row, shared_data

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.domain.instruments import Listing
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_calendars import RollCalendar, back_out, build_calendar, multiple_from_calendar

RUNS = 3
INSTRUMENTS = 10
TARGET_CPU_SECONDS = 3.0


def recorded(feed: CsvFeed) -> Callable[[str], pd.DataFrame]:
    """The calendar that the file's multiple prices show, found beforehand."""
    codes = [listing.instrument.code for listing in listed(feed)]
    return {code: back_out(feed.multiple_prices(code)) for code in codes}.__getitem__


def built(feed: CsvFeed) -> Callable[[str], pd.DataFrame]:
    """The calendar that a new instrument would get."""
    parameters = {listing.instrument.code: listing.roll_parameters for listing in listed(feed)}

    def calendar(instrument: str) -> pd.DataFrame:
        found = build_calendar(feed.all_bars(instrument), parameters[instrument])
        assert isinstance(found, RollCalendar), found
        return found.rolls

    return calendar


def measure(feed: CsvFeed, name: str, calendar: Callable[[str], pd.DataFrame]) -> None:
    """Median CPU of some rebuilds of everything, whose rows are counted."""
    codes = [listing.instrument.code for listing in listed(feed)]
    taken, rows = [], 0
    for _ in range(RUNS):
        begun = time.process_time()
        rows = sum(len(stitch(multiple_from_calendar(calendar(code), feed.all_bars(code)))) for code in codes)
        taken.append(time.process_time() - begun)
    assert len(codes) == INSTRUMENTS, codes
    assert rows > 300_000, rows
    row(f"rebuild, rolls {name}, {rows} rows", median(taken), "CPU s", TARGET_CPU_SECONDS)


def listed(feed: CsvFeed) -> list[Listing]:
    """Every instrument, its bars parsed."""
    listings = list(feed.instruments())
    for listing in listings:
        feed.all_bars(listing.instrument.code)
    return listings


def main() -> None:
    """With recorded and with built calendars."""
    data = shared_data("rebuild")
    if data is None:
        return
    begun = time.process_time()
    feed = CsvFeed(data)
    listed(feed)
    parsed = time.process_time() - begun
    measure(feed, "recorded", recorded(feed))
    measure(feed, f"built (files parsed before: {parsed:.1f} CPU s)", built(feed))


if __name__ == "__main__":
    main()
