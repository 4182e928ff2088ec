"""What positions may lose: expected annual risk by instrument, strategy and asset class, and how markets correlate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.fills import Key
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.reports.markets import Markets
from sysproduction.reports.report import Draft, Report, Row, ranked
from sysproduction.systems.volatility import DAYS_A_YEAR

OBSERVATIONS_MIN: Final = 60
"""With fewer days in common two markets count as unrelated."""

POSITION_COLUMNS: Final = (
    *("instrument", "asset_class", "position", "annual_perc_stdev", "exposure", "exposure_perc", "annual_risk"),
    "annual_risk_perc",
)


@dataclass(frozen=True, slots=True)
class Held:
    """`positions` by strategy and instrument. `capital`, `margin` and `account_value` are in base currency, as they
    were measured last (None: never)."""

    positions: Mapping[Key, int]
    capital: float | None
    margin: float | None = None
    account_value: float | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Annual risk in percent of capital by strategy and instrument, signed; correlations of the instruments."""

    risk: Mapping[Key, float]
    correlations: pd.DataFrame

    def of(self, keys: Sequence[Key]) -> float:
        """Expected annual risk of some of the positions together."""
        weights = self._weights(keys)
        return sqrt(max(float(weights @ self.correlations.to_numpy() @ weights), 0.0))

    def beta(self, codes: Sequence[str]) -> float:
        """Percent of capital that all positions make while the mean of these instruments, each over its annual
        volatility, rises by 1: covariance with that mean over its variance."""
        matrix = self.correlations.to_numpy()
        index = np.array([1.0 / len(codes) if code in codes else 0.0 for code in self.correlations.columns])
        return float(self._weights(list(self.risk)) @ matrix @ index) / float(index @ matrix @ index)

    def _weights(self, keys: Sequence[Key]) -> NDArray[np.float64]:
        sums = dict.fromkeys(self.correlations.columns, 0.0)
        for key in keys:
            sums[key[1]] += self.risk[key]
        return np.array(list(sums.values()))


def risk_report(markets: Markets, held: Held, at: datetime) -> Report:
    """Volatilities as in reports.markets, correlations of the last 256 days' changes."""
    draft = Draft("risk_report", "Risk", at)
    positions = {key: n for key, n in sorted(held.positions.items()) if n and key[0] != ROLL_STRATEGY}
    _margin(draft, held)
    if not positions:
        draft.fine("nothing is held")
        return draft.done()
    if not held.capital:
        draft.missing.append("capital was never measured, so there are no percents: run_capital_update measures it")
        return draft.done()
    book, rows = _book(draft, markets, positions, held.capital)
    if not rows:
        return draft.done()
    total = book.of(list(book.risk))
    draft.note(f"all positions together: {total:.2f} % of capital a year")
    largest = ranked(rows, "annual_risk_perc")[0]
    draft.note(f"the largest is {largest['instrument']}: {largest['annual_risk_perc']:.2f} % of capital a year")
    _tables(draft, book, rows, markets)
    return draft.done()


def _margin(draft: Draft, held: Held) -> None:
    if held.margin is not None and held.account_value:
        draft.note(f"margin in use: {100 * held.margin / held.account_value:.1f} % of the account's value")


def _book(draft: Draft, markets: Markets, positions: Mapping[Key, int], capital: float) -> tuple[Book, list[Row]]:
    """Risk of what can be measured, and a row for each instrument."""
    risk: dict[Key, float] = {}
    whole: dict[str, int] = {}
    for (strategy, code), quantity in positions.items():
        measure = markets.measures.get(code)
        if measure is None or measure.annual_risk is None:
            why = markets.missing.get(code, "no exchange rate" if measure else "no prices")
            draft.missing.append(f"risk of {quantity:+d} {code}: {why}")
            continue
        risk[strategy, code] = 100.0 * quantity * measure.annual_risk / capital
        whole[code] = whole.get(code, 0) + quantity
    rows: list[Row] = []
    for code, quantity in sorted(whole.items()):
        one = markets.measures[code]
        exposure, annual = quantity * (one.exposure or 0.0), quantity * (one.annual_risk or 0.0)
        values = (code, one.instrument.asset_class, quantity, one.annual_percent, exposure, 100 * exposure / capital)
        rows.append(dict(zip(POSITION_COLUMNS, (*values, abs(annual), abs(100 * annual / capital)), strict=True)))
    return Book(risk, correlations(markets, sorted(whole))), rows


def correlations(markets: Markets, codes: Sequence[str]) -> pd.DataFrame:
    """Of daily changes on the days that two have in common, of the last 256; 0 where these are too few."""
    changes = pd.DataFrame({code: markets.changes(code).iloc[-DAYS_A_YEAR:] for code in codes})
    found = changes.iloc[-DAYS_A_YEAR:].corr(min_periods=OBSERVATIONS_MIN).fillna(0.0)
    values = found.to_numpy(copy=True)
    np.fill_diagonal(values, 1.0)
    return pd.DataFrame(values, index=list(codes), columns=list(codes))


def _tables(draft: Draft, book: Book, rows: Sequence[Row], markets: Markets) -> None:
    classes: dict[str, list[Key]] = {}
    strategies: dict[str, list[Key]] = {}
    for key in book.risk:
        classes.setdefault(markets.measures[key[1]].instrument.asset_class, []).append(key)
        strategies.setdefault(key[0], []).append(key)
    net = sum(book.risk.values())
    sums: list[Row] = [
        {"of": "all positions", "annual_risk_perc": book.of(list(book.risk))},
        {"of": "sum of absolute risks", "annual_risk_perc": sum(abs(risk) for risk in book.risk.values())},
        {"of": "net sum of risks", "annual_risk_perc": net},
    ]
    draft.table("totals", "Totals", ("of", "annual_risk_perc"), sums, "Percent of capital a year.")
    for name, title, groups in (
        ("strategies", "By strategy", strategies),
        ("asset_classes", "By asset class", classes),
    ):
        told: list[Row] = [{"of": group, "annual_risk_perc": book.of(keys)} for group, keys in groups.items()]
        draft.table(name, title, ("of", "annual_risk_perc"), ranked(told, "annual_risk_perc"))
    betas: list[Row] = [
        {"asset_class": name, "beta": book.beta(sorted({code for _, code in keys}))} for name, keys in classes.items()
    ]
    words = "Percent of capital that all positions make while the class rises by one annual standard deviation."
    draft.table("betas", "Betas to asset classes", ("asset_class", "beta"), ranked(betas, "beta"), words)
    largest = ranked(rows, "annual_risk_perc")
    draft.table("instruments", "By instrument", POSITION_COLUMNS, largest)
    draft.bars("Annual risk", "% of capital", largest, "instrument", "annual_risk_perc")
    codes = list(book.correlations.columns)
    values = book.correlations.to_numpy().tolist()
    matrix: list[Row] = [
        {"instrument": code, **dict(zip(codes, row, strict=True))} for code, row in zip(codes, values, strict=True)
    ]
    draft.table("correlations", "Correlations", ("instrument", *codes), matrix)
