"""How the machine stands: what is late, what restrains trading, and every process and method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sysproduction.reports.report import Draft, Report, Row

PROCESS_COLUMNS: Final = (
    *("process", "status", "state", "start", "end", "finished_in_last_day", "start_time", "stop_time"),
    *("previous_required", "previous_finished", "time_to_run", "time_to_stop", "pid"),
)
METHOD_COLUMNS: Final = ("process", "method", "last_start", "last_end", "running", "error")
LIMIT_COLUMNS: Final = ("instrument", "strategy", "period_days", "limit", "done", "remaining")
POSITION_COLUMNS: Final = ("instrument", "strategy", "limit", "position", "remaining")


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Rows by the columns of their tables; `late` are methods (PROCESS.METHOD) that did not succeed in the last window
    that has closed, with why; `kill` is the kill switch's word (None: it cannot be read)."""

    processes: Sequence[Row] = ()
    methods: Sequence[Row] = ()
    late: Mapping[str, str] = field(default_factory=dict)
    prices: Sequence[Row] = ()
    """instrument, last_price_at, stale."""
    optimal: Sequence[Row] = ()
    """strategy, number, decided_at, instruments, stale."""
    trade_limits: Sequence[Row] = ()
    position_limits: Sequence[Row] = ()
    overrides: Sequence[Row] = ()
    """strategy, instrument, override, why."""
    locks: Sequence[Row] = ()
    """instrument, kind, since, why."""
    alerts: Sequence[Row] = ()
    """severity, title, since, count."""
    kill: str | None = "normal"
    missing: Sequence[str] = ()


def status_report(facts: StatusFacts, at: datetime) -> Report:
    """Findings name whatever is late, used up, locked or alarmed."""
    draft = Draft("status_report", "Status", at)
    draft.missing += facts.missing
    _find_late(draft, facts)
    _find_restrained(draft, facts)
    if not draft.findings:
        draft.fine("nothing is late, used up, locked or alarmed")
    draft.table("processes", "Processes", PROCESS_COLUMNS, facts.processes, "Times of day in the process's own zone.")
    draft.table("methods", "Methods", METHOD_COLUMNS, facts.methods)
    draft.table("prices", "Last prices", ("instrument", "last_price_at", "stale"), facts.prices)
    columns = ("strategy", "number", "decided_at", "instruments", "stale")
    draft.table("optimal", "Last optimal positions", columns, facts.optimal)
    draft.table("trade_limits", "Limits on trades", LIMIT_COLUMNS, facts.trade_limits, "The window ends now.")
    draft.table("position_limits", "Limits on positions", POSITION_COLUMNS, facts.position_limits)
    draft.table("overrides", "Overrides", ("strategy", "instrument", "override", "why"), facts.overrides)
    draft.table("locks", "Locks", ("instrument", "kind", "since", "why"), facts.locks)
    draft.table("alerts", "Open alerts", ("severity", "title", "since", "count"), facts.alerts)
    return draft.done()


def _find_late(draft: Draft, facts: StatusFacts) -> None:
    for name, why in sorted(facts.late.items()):
        draft.warn(f"{name} is late: {why}")
    for row in facts.processes:
        if row["state"] in ("dead", "failed", "crashed"):
            draft.warn(f"{row['process']} is {row['state']}")
        if row["status"] != "GO":
            draft.note(f"{row['process']} is set to {row['status']}")
    stale = [row for row in facts.prices if row["stale"]]
    for row in stale:
        draft.warn(f"{row['instrument']}: prices are stale, the last one is of {row['last_price_at'] or 'no day'}")
    for row in facts.optimal:
        if row["stale"]:
            draft.warn(f"{row['strategy']}: optimal positions of {row['stale']} instruments are from stale prices")


def _find_restrained(draft: Draft, facts: StatusFacts) -> None:
    if facts.kill is None:
        draft.warn("the kill switch cannot be read, so nothing is sent")
    elif facts.kill != "normal":
        draft.warn(f"the kill switch is set to {facts.kill}")
    for row in facts.alerts:
        draft.warn(f"open alert ({row['severity']}): {row['title']}")
    for row in facts.locks:
        draft.warn(f"{row['instrument']} is locked ({row['kind']}): {row['why']}")
    for rows, what in ((facts.trade_limits, "trades"), (facts.position_limits, "positions")):
        for row in rows:
            remaining = row["remaining"]
            if isinstance(remaining, int) and remaining <= 0:
                of = f" of {row['strategy']}" if row["strategy"] else ""
                draft.warn(f"{row['instrument']}: the limit on {what}{of} ({row['limit']}) is used up")
    for row in facts.overrides:
        subject = "/".join(str(row[name] or "all") for name in ("strategy", "instrument"))
        draft.note(f"override {row['override']} of {subject}: {row['why']}")
