"""A live table of the supervisor's processes, drawn over itself in the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sysproduction.ops.render import table
from sysproduction.ports import Clock
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.supervise import Supervisor


@contextmanager
def live_table(supervisor: Supervisor, clock: Clock, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Gives a function that redraws the table; where none is to be shown it does nothing."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=not console.is_terminal) as live:
        yield lambda: live.update(table(_rows(supervisor), f"{clock.now():%a %Y-%m-%d %H:%M} UTC"), refresh=True)


def _rows(supervisor: Supervisor) -> list[dict[str, str]]:
    running = set(supervisor.running)
    rows = []
    for spec in supervisor.specs:
        decision = supervisor.decisions.get(spec.name)
        reason = "starts" if decision is None or isinstance(decision, Start) else decision.reason
        rows.append({"process": spec.name, "state": "running" if spec.name in running else "", "next": reason})
    return rows
