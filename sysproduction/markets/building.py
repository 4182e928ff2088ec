"""Build the prices of a new instrument from the stored bars of its contracts and its roll parameters."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.multiple_prices import rolls_of
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_calendars import build_calendar, multiple_from_calendar
from sysproduction.domain.roll_states import RollState
from sysproduction.markets.rolls import RollDesk
from sysproduction.stores.roll_states import RollChange, next_number


@dataclass(frozen=True, slots=True)
class Built:
    """A roll calendar and the series that it gives; `left_out` says why they do not begin earlier."""

    calendar: pd.DataFrame
    multiple: pd.DataFrame
    adjusted: pd.Series
    left_out: tuple[str, ...]


def build_prices(
    desk: RollDesk, instrument: str, *, by: str, now: datetime, replace: bool, store: bool = True
) -> Built | Refused:
    """Calendar, multiple and adjusted prices from every stored bar of the instrument; stored, unless told otherwise.

    Refused, with nothing written, where there are multiple prices already and `replace` is not said, or where bars
    and roll parameters give nothing. DataError for an unknown instrument, or bars that cannot be stitched.
    """
    parameters = desk.instruments.get(instrument).roll_parameters
    stored = desk.prices.multiple(instrument)
    if store and len(stored) and not replace:
        return Refused(f"{instrument} has {len(stored)} rows of multiple prices already: say --yes to replace them")
    bars = {contract: desk.prices.bars(instrument, contract) for contract in desk.prices.contracts(instrument)}
    if not bars:
        raise DataError(f"{instrument} has no bars: import some or run update_historical_prices")
    calendar = build_calendar(bars, parameters)
    if isinstance(calendar, Refused):
        return Refused(f"{instrument}: {calendar.reason}")
    multiple = multiple_from_calendar(calendar.rolls, bars)
    built = Built(calendar.rolls, multiple, stitch(multiple).dropna(), calendar.left_out)
    if store:
        with desk.turn(instrument):
            _store(desk, instrument, built, by=by, now=now)
    return built


def _store(desk: RollDesk, instrument: str, built: Built, *, by: str, now: datetime) -> None:
    """A crash between the writes is made good by building again, or by the next update."""
    standing = desk.states.get(instrument)
    desk.prices.replace_stitched(instrument, built.multiple, built.adjusted)
    rolls = rolls_of(built.multiple)
    reason = f"built {len(built.multiple)} rows from contract prices, with {len(built.calendar) - 1} rolls"
    previous = rolls[-2].price if len(rolls) > 1 else None
    changed = RollChange(
        instrument,
        next_number(standing),
        now,
        by,
        standing.state,
        RollState.NO_ROLL,
        (reason,),
        roll=rolls[-1],
        previous=previous,
    )
    desk.states.change(standing, changed)
