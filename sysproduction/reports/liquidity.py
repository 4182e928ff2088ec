"""How much of each instrument is traded, in contracts and in risk."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sysproduction.reports.markets import Markets
from sysproduction.reports.report import Draft, Report, Row, ranked

CONTRACTS_MIN: Final = 100.0
RISK_MIN: Final = 1.5
"""Below either, contracts a day or millions of annual risk a day, an instrument is thin (Carver, Advanced Futures
Trading Strategies, 2023, strategy 3)."""

COLUMNS: Final = ("instrument", "contract", "contracts_per_day", "risk_per_day_m")


def liquidity_report(markets: Markets, volumes: Mapping[str, tuple[str, float]], at: datetime) -> Report:
    """`volumes` has the most traded contract of each instrument, and its contracts a business day; risk is that number
    of annual standard deviations of a contract, in millions of base currency."""
    draft = Draft("liquidity_report", "Liquidity", at)
    draft.missing += markets.silent
    rows: list[Row] = []
    silent = []
    for code, one in markets.measures.items():
        if code not in volumes:
            silent.append(code)
            continue
        contract, traded = volumes[code]
        risk = None if one.annual_risk is None else traded * one.annual_risk / 1e6
        rows.append(dict(zip(COLUMNS, (code, contract, traded, risk), strict=True)))
        if traded < CONTRACTS_MIN:
            draft.warn(f"{code} is thin: {traded:.1f} contracts a day, less than {CONTRACTS_MIN:g}")
        elif risk is not None and risk < RISK_MIN:
            draft.warn(f"{code} is thin: {risk:.2f} million of annual risk a day, less than {RISK_MIN:g}")
    if silent:
        draft.missing.append(f"bars of {', '.join(silent)} have no volumes")
    if rows and not draft.findings:
        draft.fine(f"none of {len(rows)} instruments is thin")
    words = "Mean of business days of the last two weeks; risk is annual, in millions of base currency."
    draft.table("contracts", "By contracts a day", COLUMNS, ranked(rows, "contracts_per_day", down=False), words)
    draft.table("risk", "By risk a day", COLUMNS, ranked(rows, "risk_per_day_m", down=False))
    risky = ranked(rows, "risk_per_day_m")
    draft.bars("Annual risk traded a day", "millions of base currency", risky, "instrument", "risk_per_day_m")
    return draft.done()
