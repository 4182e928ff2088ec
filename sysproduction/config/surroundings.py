"""Whether settings fit what is around them: the day it is, and the instruments that the feed has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sysproduction.config.problems import ConfigProblem, closest
from sysproduction.config.settings import FeedSettings, Settings
from sysproduction.config.tree import Node, find

AHEAD: Final = timedelta(days=366)
"""How far after today market time may begin."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a whole check is told: real time, a function that lists a feed's codes (None: they cannot be read), and one
    that lists the trading calendars, which is only asked for those that an operator names."""

    now: datetime
    codes: Callable[[FeedSettings], Sequence[str] | None]
    calendars: Callable[[], Sequence[str]]


def check_surroundings(tree: Node, settings: Settings, around: Surroundings, problems: list[ConfigProblem]) -> None:
    """Add what is wrong with feed.instruments, clock.start and trading_hours."""
    start = settings.clock.start
    if start is not None and start > around.now + AHEAD:
        node, _ = find(tree, ("clock", "start"))
        reason = f"lies more than a year after today ({around.now:%Y-%m-%d}), where no feed has prices"
        problems.append(node.problem(reason))
    _check_calendars(tree, settings, around, problems)
    wanted = settings.feed.instruments
    known = around.codes(settings.feed) if wanted else None
    if wanted is None or known is None:
        return
    for place, code in enumerate(wanted):
        if code not in known:
            node, _ = find(tree, ("feed", "instruments", place))
            some = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
            reason = f"the {settings.feed.kind} feed has no instrument {code[:60]!r}, but {some}"
            problems.append(node.problem(reason, suggestion=closest(code, known)))


def _check_calendars(tree: Node, settings: Settings, around: Surroundings, problems: list[ConfigProblem]) -> None:
    hours = settings.trading_hours
    for section, named in (("regions", hours.regions), ("instruments", hours.instruments)):
        for name, calendar in named.items():
            node, _ = find(tree, ("trading_hours", section, name))
            if node.origin.layer == 0 or calendar in (known := around.calendars()):
                continue
            reason = f"there is no trading calendar {calendar[:60]!r} in exchange_calendars"
            problems.append(node.problem(reason, suggestion=closest(calendar, known)))
