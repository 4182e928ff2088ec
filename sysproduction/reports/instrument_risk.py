"""What one contract of each instrument may lose, and what is held of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sysproduction.reports.markets import Markets, Measure
from sysproduction.reports.report import Draft, Report, Row, ranked
from sysproduction.systems.volatility import ROOT_OF_YEAR

COLUMNS: Final = (
    *("instrument", "daily_price_stdev", "annual_price_stdev", "price", "daily_perc_stdev", "annual_perc_stdev"),
    *("point_size_base", "contract_exposure", "daily_risk_per_contract", "annual_risk_per_contract"),
    *("position", "exposure_held_perc_capital", "annual_risk_perc_capital"),
)
SORTS: Final = (
    ("volatility", "By volatility", "annual_perc_stdev"),
    ("contract", "By risk of a contract", "annual_risk_per_contract"),
    ("held", "By risk held", "annual_risk_perc_capital"),
)


def instrument_risk_report(
    markets: Markets, positions: Mapping[str, int], capital: float | None, at: datetime
) -> Report:
    """Deviations in points and percent; money in base currency; `positions` by instrument."""
    draft = Draft("instrument_risk_report", "Risk of instruments", at)
    draft.missing += markets.silent
    if capital is None:
        draft.missing.append("capital was never measured, so there are no percents of it")
    rows = [_row(one, positions.get(code, 0), capital) for code, one in markets.measures.items()]
    if rows:
        riskiest = ranked(rows, "annual_risk_per_contract")[0]
        draft.note(f"{len(rows)} instruments are measured; a contract of {riskiest['instrument']} risks most")
    for name, title, column in SORTS:
        draft.table(name, title, COLUMNS, ranked(rows, column))
    draft.bars("Annual risk of a contract", "base currency", ranked(rows, SORTS[1][2]), "instrument", SORTS[1][2])
    return draft.done()


def _row(one: Measure, position: int, capital: float | None) -> Row:
    exposure, risk = one.exposure, one.annual_risk
    values = (
        *(one.instrument.code, one.daily_vol, one.annual_vol, one.price, one.daily_percent, one.annual_percent),
        *(one.point_size_base, exposure, None if risk is None else risk / ROOT_OF_YEAR, risk, position),
        None if exposure is None or not capital else 100.0 * position * exposure / capital,
        None if risk is None or not capital else 100.0 * abs(position) * risk / capital,
    )
    return dict(zip(COLUMNS, values, strict=True))
