"""What may be stored of the prices that a feed offers: sifted, filtered for spikes, merged with the stored ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from sysproduction.domain.merging import Merged, Sifted, merge, sift
from sysproduction.domain.results import Problem, ProblemKind
from sysproduction.domain.spikes import Spike, find_spikes, typical_change, typical_change_robust
from sysproduction.stores.rejections import PriceRejected, Rejections

OVERLAP: Final = timedelta(days=7)
"""How far before its last stored row a series is asked for again: rows may come late, spikes be confirmed."""

SPELT_OUT: Final = 3


@dataclass(frozen=True, slots=True)
class Checked:
    """What an offer came to: the merge to write, the spikes to record, and what to report of the rest."""

    merged: Merged
    spikes: Sequence[Spike]
    problems: tuple[Problem, ...]


def ask_after(stored: pd.DataFrame | None) -> datetime | None:
    """The moment after which to ask a feed for a series of which this much is stored."""
    if stored is None or stored.empty:
        return None
    moment: datetime = stored.index[-1].to_pydatetime() - OVERLAP
    return moment


def check_offer(
    item: str,
    stored: pd.DataFrame,
    offered: pd.DataFrame,
    *,
    column: str,
    now: datetime,
    threshold: float,
    elsewhere: float | None = None,
) -> Checked:
    """Check rows (increasing, unique) against the stored ones; `elsewhere` is a related series' typical change."""
    sifted = sift(offered, column, now)
    fresh = sifted.good.loc[~sifted.good.index.isin(stored.index)]
    typical = _typical(stored[column], fresh[column], elsewhere)
    spikes = find_spikes(stored[column], fresh[column], typical=typical, threshold=threshold)
    believed = fresh.loc[~fresh.index.isin([spike.stamp for spike in spikes])] if spikes else fresh
    return Checked(merge(stored, believed), spikes, _sifting_problems(item, sifted))


def without_refused(offered: pd.DataFrame, refused: Sequence[PriceRejected]) -> pd.DataFrame:
    """The rows but those that an operator called wrong."""
    return offered.loc[~offered.index.isin([record.stamp for record in refused])] if refused else offered


def settle(
    rejections: Rejections,
    opened: Mapping[str, Sequence[PriceRejected]],
    checked: Checked,
    rejected: Sequence[PriceRejected],
    *,
    now: datetime,
) -> tuple[Problem, ...]:
    """Record rejected prices, and that earlier ones (`opened`, by item) were accepted; report the new rejections."""
    for records in opened.values():
        rejections.accept([r for r in records if pd.Timestamp(r.stamp) in checked.merged.added.index], now)
    new = [record for record in rejected if rejections.record(record)]
    return (Problem(new[0].item, ProblemKind.SPIKE, _describe(new)),) if new else ()


def _typical(stored: pd.Series, fresh: pd.Series, elsewhere: float | None) -> float | None:
    known = [change for change in (typical_change(stored), elsewhere) if change is not None]
    return max(known) if known else typical_change_robust(fresh)


def _sifting_problems(item: str, sifted: Sifted) -> tuple[Problem, ...]:
    problems = []
    if sifted.future:
        problems.append(Problem(item, ProblemKind.CORRUPT, f"{sifted.future} rows stamped in the future were dropped"))
    if sifted.corrupt:
        problems.append(
            Problem(item, ProblemKind.CORRUPT, f"{sifted.corrupt} rows without a finite price were dropped")
        )
    return tuple(problems)


def _describe(rejected: Sequence[PriceRejected]) -> str:
    some = "; ".join(
        f"{r.price:g} at {r.stamp.isoformat()} is {r.multiples:.1f} typical daily changes from {r.last_good:g}"
        for r in rejected[:SPELT_OUT]
    )
    more = f"; and {len(rejected) - SPELT_OUT} more" if len(rejected) > SPELT_OUT else ""
    return f"rejected {some}{more}"
