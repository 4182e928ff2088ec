"""What will run when: the coming openings of every process, with what each waits for; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sysproduction.domain.processes import ProcessSpec
from sysproduction.supervisor.windows import Window, coming_windows, current_window


@dataclass(frozen=True, slots=True)
class Opening:
    """One window of one process; `open_now` marks one that has opened already."""

    spec: ProcessSpec
    window: Window
    open_now: bool


def openings(specs: Sequence[ProcessSpec], *, now: datetime, until: datetime) -> list[Opening]:
    """Windows that are open at `now` or open before `until`, by opening moment."""
    found = [opening for spec in specs for opening in _of(spec, now, until)]
    return sorted(found, key=lambda opening: (opening.window.opens, opening.spec.name))


def _of(spec: ProcessSpec, now: datetime, until: datetime) -> Iterator[Opening]:
    window = current_window(spec, now)
    if window is not None:
        yield Opening(spec, window, open_now=True)
    for coming in takewhile(lambda coming: coming.opens < until, coming_windows(spec, now)):
        yield Opening(spec, coming, open_now=False)
