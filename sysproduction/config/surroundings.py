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
    """What a whole check is told: real time, and a function that lists a feed's codes (None: they cannot be read)."""

    now: datetime
    codes: Callable[[FeedSettings], Sequence[str] | None]


def check_surroundings(tree: Node, settings: Settings, around: Surroundings, problems: list[ConfigProblem]) -> None:
    """Add what is wrong with feed.instruments and clock.start."""
    start = settings.clock.start
    if start is not None and start > around.now + AHEAD:
        node, _ = find(tree, ("clock", "start"))
        reason = f"lies more than a year after today ({around.now:%Y-%m-%d}), where no feed has prices"
        problems.append(node.problem(reason))
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
