"""The coming hours as an operator reads them: which process opens when, what it waits for, what it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sysproduction.domain.processes import UNLIMITED, MethodSpec, ProcessSpec
from sysproduction.supervisor.preview import openings


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One line of `sysproduction schedule`; moments in UTC."""

    opens: datetime
    closes: datetime
    process: str
    timezone: str
    after: str | None
    methods: tuple[str, ...]


def coming(specs: Sequence[ProcessSpec], *, now: datetime, until: datetime) -> list[Scheduled]:
    """Windows that are open now or open before `until`, by opening moment."""
    return [
        Scheduled(
            opens=opening.window.opens,
            closes=opening.window.closes,
            process=opening.spec.name,
            timezone=opening.spec.timezone,
            after=opening.spec.previous_process,
            methods=tuple(_method(method) for method in opening.spec.methods),
        )
        for opening in openings(specs, now=now, until=until)
    ]


def _method(method: MethodSpec) -> str:
    if method.run_on_completion_only:
        return f"{method.name} (on completion)"
    if method.max_executions == 1:
        return f"{method.name} (once)"
    times = "" if method.max_executions == UNLIMITED else f", at most {method.max_executions} times"
    every = "all the time" if method.frequency == 0 else f"every {method.frequency:g} min"
    return f"{method.name} ({every}{times})"
