"""One method, many items: what goes wrong with one is reported and the rest goes on."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.stores.instruments import unknown_instrument


def update_each(items: Iterable[str], update: Callable[[str], MethodResult]) -> MethodResult:
    """Sum of the updates, one a item; a DataError becomes that item's Problem, Unavailable ends the method."""
    rows, count, problems = 0, 0, list[Problem]()
    for item in items:
        count += 1
        try:
            result = update(item)
        except DataError as error:
            problems.append(Problem(item, ProblemKind.FAILED, str(error)))
            continue
        rows += result.rows_written
        problems.extend(result.problems)
    return MethodResult(rows, count, tuple(problems))


def choose(known: Sequence[str], only: Sequence[str] | None) -> tuple[list[str], list[Problem]]:
    """All known items, or those asked for; a Problem for each that is not known."""
    if only is None:
        return list(known), []
    only = [only] if isinstance(only, str) else only
    unknown = [item for item in only if item not in known]
    reasons = [str(unknown_instrument(item, list(known))) for item in unknown]
    problems = [Problem(item, ProblemKind.UNKNOWN, reason) for item, reason in zip(unknown, reasons, strict=True)]
    return [item for item in known if item in only], problems


def staleness(item: str, last: datetime | None, now: datetime, stale_after_days: int) -> tuple[Problem, ...]:
    """A Problem if there is no row at all (`last` is None), or none within so many business days before `now`."""
    if last is None:
        return (Problem(item, ProblemKind.MISSING, "no price at all; check that the feed serves it"),)
    days = int(np.busday_count(last.date(), now.date()))
    if days <= stale_after_days:
        return ()
    return (Problem(item, ProblemKind.STALE, f"last price is of {last.isoformat()}, {days} business days ago"),)


def last_stamp(index: pd.Index) -> datetime | None:
    """The latest stamp of a series' index; None if it is empty."""
    moment: datetime | None = index[-1].to_pydatetime() if len(index) else None
    return moment
