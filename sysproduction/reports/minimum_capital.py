"""How much capital it takes to trade each instrument in whole contracts, alone and in a strategy's portfolio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sysproduction.reports.markets import Markets
from sysproduction.reports.report import Draft, Report, Row, ranked

CONTRACTS: Final = 4
"""An average position of fewer is too coarse to be adjusted (Carver, Advanced Futures Trading Strategies, 2023,
strategy 1)."""

COLUMNS: Final = (
    *("instrument", "price", "point_size_base", "annual_perc_stdev", "risk_target", "weight", "IDM"),
    *("min_capital_one_contract", "min_capital_contracts", "min_capital_in_portfolio", "enough"),
)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A strategy: annual risk target in percent, weights by instrument, diversification multiplier, and its capital
    (None: none is allocated)."""

    strategy: str
    risk_target: float
    weights: Mapping[str, float] = field(default_factory=dict)
    multiplier: float = 1.0
    capital: float | None = None


def minimum_capital_report(
    markets: Markets, portfolios: Sequence[Portfolio], missing: Sequence[str], at: datetime
) -> Report:
    """Value of a contract x volatility / target is the capital of one contract; x CONTRACTS that of a position that can
    be adjusted; over weight x multiplier that of the whole strategy."""
    draft = Draft("minimum_capital_report", "Minimum capital", at)
    draft.missing += [*markets.silent, *missing]
    if not portfolios and not missing:
        draft.missing.append("no strategy is configured")
    for portfolio in portfolios:
        rows = [row for code in sorted(portfolio.weights) if (row := _row(markets, portfolio, code, draft)) is not None]
        short = [str(row["instrument"]) for row in rows if row["enough"] is False]
        if short:
            draft.warn(f"{portfolio.strategy} has too little capital for {', '.join(short)}")
        elif rows:
            draft.fine(f"{portfolio.strategy} has enough capital for {len(rows)} instruments")
        words = f"{CONTRACTS} contracts; in base currency; risk target and deviation in percent a year."
        largest = ranked(rows, "min_capital_in_portfolio")
        draft.table(portfolio.strategy, f"Strategy {portfolio.strategy}", COLUMNS, largest, words)
        draft.bars(f"Minimum capital of {portfolio.strategy}", "base currency", largest, "instrument", COLUMNS[-2])
    return draft.done()


def _row(markets: Markets, portfolio: Portfolio, code: str, draft: Draft) -> Row | None:
    one = markets.measures.get(code)
    if one is None or one.annual_risk is None:
        draft.missing.append(f"{code} of {portfolio.strategy}: {markets.missing.get(code, 'no prices or rate')}")
        return None
    weight = portfolio.weights[code]
    single = 100.0 * one.annual_risk / portfolio.risk_target
    whole = single * CONTRACTS
    share = weight * portfolio.multiplier
    inside = whole / share if share > 0.0 else None
    enough = None if inside is None or portfolio.capital is None else portfolio.capital >= inside
    values = (code, one.price, one.point_size_base, one.annual_percent, portfolio.risk_target, weight)
    return dict(zip(COLUMNS, (*values, portfolio.multiplier, single, whole, inside, enough), strict=True))
