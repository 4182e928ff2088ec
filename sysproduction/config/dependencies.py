"""Whether every process can ever be allowed to start: who waits for whom, and when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sysproduction.config.checks import latest
from sysproduction.config.problems import ConfigProblem, closest
from sysproduction.config.process_models import ProcessModel
from sysproduction.config.processes import Draft, written_at
from sysproduction.config.words import DAYS

_MONTHS = [date(2024, month, 15) for month in range(1, 13)]


def check_dependencies(drafts: Sequence[Draft], problems: list[ConfigProblem], warnings: list[ConfigProblem]) -> None:
    """Add what is wrong with previous_process: unknown names, cycles, windows and days that never fit."""
    by_name = {draft.name: draft for draft in drafts if draft.enabled}
    waits = {name: before for name, draft in by_name.items() if (before := _previous(draft)) is not None}
    for name, before in waits.items():
        if before in by_name:
            _check_windows(by_name[name], by_name[before], problems)
            _check_days(by_name[name], by_name[before], problems, warnings)
        else:
            problems.append(_absent(by_name[name], before, drafts))
    problems.extend(_cycle_problem(cycle, by_name) for cycle in cycles(waits))


def cycles(waits: Mapping[str, str]) -> list[list[str]]:
    """The rings in a map of who waits for whom, each once, from the member that is named first in the map."""
    found: list[list[str]] = []
    for start in waits:
        ring = [start]
        while (following := waits.get(ring[-1])) is not None and following not in ring:
            ring.append(following)
        if following == start and all(set(ring) != set(other) for other in found):
            found.append(ring)
    return found


def _previous(draft: Draft) -> str | None:
    value = written_at(draft, "previous_process").value
    return value if isinstance(value, str) else None


def _absent(draft: Draft, before: str, drafts: Sequence[Draft]) -> ConfigProblem:
    """The previous process is switched off, or there is none of this name."""
    node = written_at(draft, "previous_process")
    by_name = {other.name: other for other in drafts}
    if before in by_name and by_name[before].waits_for_strategies:
        reason = f"{before} runs once there are strategies, so {draft.name}, which waits for it, could never run"
        return node.problem(f"{reason}: add strategies, or change previous_process")
    if before in by_name:
        reason = f"{before} is disabled, so {draft.name}, which waits for it, could never run: change one of them"
        return latest([node, written_at(by_name[before], "enabled")]).problem(reason)
    return node.problem(f"there is no process {before[:60]!r}", suggestion=closest(before, by_name))


def _cycle_problem(ring: list[str], by_name: Mapping[str, Draft]) -> ConfigProblem:
    nodes = [written_at(by_name[name], "previous_process") for name in ring]
    first = nodes.index(latest(nodes))
    order = [*ring[first:], *ring[:first]]
    if len(ring) == 1:
        return nodes[0].problem("a process cannot wait for itself: remove previous_process")
    return nodes[first].problem(f"these wait for each other in a circle: {' -> '.join([*order, order[0]])}")


def _check_windows(draft: Draft, before: Draft, problems: list[ConfigProblem]) -> None:
    if draft.model is None or before.model is None or draft is before:
        return
    ours, theirs = draft.model, before.model
    if all(_opens(theirs, day) >= _closes(ours, day) for day in _MONTHS):
        mine = [written_at(draft, key) for key in ("previous_process", "stop_time", "start_time", "timezone")]
        other = [written_at(before, key) for key in ("start_time", "timezone")]
        reason = (
            f"{draft.name} could never run: it waits for {before.name}, which opens at {theirs.start_time:%H:%M} "
            f"{theirs.timezone}, after its own window has closed ({ours.stop_time:%H:%M} {ours.timezone})"
        )
        problems.append(latest([*mine, *other]).problem(reason))


def _check_days(draft: Draft, before: Draft, problems: list[ConfigProblem], warnings: list[ConfigProblem]) -> None:
    if draft.model is None or before.model is None:
        return
    alone = sorted(draft.model.days - before.model.days)
    if not alone:
        return
    node = latest([written_at(draft, "days"), written_at(before, "days"), written_at(draft, "previous_process")])
    names = ", ".join(DAYS[day] for day in alone)
    if len(alone) == len(draft.model.days):
        problems.append(node.problem(f"{draft.name} waits for {before.name}, which runs on none of its days ({names})"))
    else:
        warnings.append(
            node.problem(f"{draft.name} will not run on {names}: {before.name}, its previous_process, does not")
        )


def _opens(model: ProcessModel, day: date) -> datetime:
    return datetime.combine(day, model.start_time, ZoneInfo(model.timezone)).astimezone(UTC)


def _closes(model: ProcessModel, day: date) -> datetime:
    last = day if model.stop_time > model.start_time else day + timedelta(days=1)
    return datetime.combine(last, model.stop_time, ZoneInfo(model.timezone)).astimezone(UTC)
