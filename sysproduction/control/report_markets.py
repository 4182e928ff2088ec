"""Facts of markets for reports: volumes, and where each instrument stands with its roll."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import pandas as pd

from sysproduction.control.report_desk import ReportDesk
from sysproduction.domain.fills import Key
from sysproduction.domain.instruments import Listing
from sysproduction.domain.roll_rules import VOLUME_DAYS, average_volume
from sysproduction.domain.rolls import approximate_expiry, desired_roll_date
from sysproduction.reports.rolling import RollFacts
from sysproduction.stores.roll_states import RollStates

_SINCE: Final = timedelta(days=VOLUME_DAYS + 1)
_RECENT: Final = timedelta(days=30)
_ROLES: Final = {"priced": "PRICE", "forward": "FORWARD", "carry": "CARRY"}


def best_volumes(desk: ReportDesk) -> dict[str, tuple[str, float]]:
    """By instrument the contract that traded most in the last two weeks, and its contracts a business day; only those
    whose bars have volumes."""
    sampled = desk.contracts.sampled()
    keys = [(code, contract) for code, contracts in sampled.items() for contract in contracts]
    keys += [(code, contract) for code, roles in contracts_in_use(desk).items() for contract in roles.values()]
    found: dict[str, tuple[str, float]] = {}
    for (code, contract), volume in volumes_of(desk, keys).items():
        if volume is not None and (code not in found or volume > found[code][1]):
            found[code] = (contract, volume)
    return found


def volumes_of(desk: ReportDesk, keys: Sequence[Key]) -> dict[Key, float | None]:
    """Contracts a business day of each of these contracts over the last two weeks; None: its bars do not tell."""
    bars = desk.prices.bars_of(dict.fromkeys(keys), start=desk.now - _SINCE)
    return {key: average_volume(frame, now=desk.now) for key, frame in bars.items()}


def contracts_in_use(desk: ReportDesk) -> dict[str, dict[str, str]]:
    """By instrument the priced, forward and carry contract at the moment, where multiple prices begin before it."""
    found = {}
    for code in desk.prices.instruments():
        rows = desk.prices.multiple(code, start=desk.now - _RECENT).loc[: desk.now]
        if rows.empty:
            rows = desk.prices.multiple(code).loc[: desk.now]
        if len(rows):
            found[code] = {role: str(rows[f"{name}_CONTRACT"].iloc[-1]) for role, name in _ROLES.items()}
    return found


def roll_facts(desk: ReportDesk) -> tuple[list[RollFacts], list[str]]:
    """Of every instrument that has multiple prices; and of the others why not."""
    in_use = contracts_in_use(desk)
    listings = {listing.instrument.code: listing for listing in desk.instruments.all()}
    missing = [f"{code}: it has no multiple prices" for code in desk.contracts.sampled() if code not in in_use]
    missing += [f"{code}: it has no definition" for code in in_use if code not in listings]
    keys = [(code, contract) for code, roles in in_use.items() for contract in roles.values()]
    volumes, states = volumes_of(desk, keys), RollStates(desk.sources.documents).all()
    expiries = {(one.instrument, one.contract): one.expiry for one in desk.contracts.all()}
    facts = []
    for code, roles in in_use.items():
        if code not in listings:
            continue
        positions = {role: desk.held.contracts.get((code, contract), 0) for role, contract in roles.items()}
        held = {contract: q for (name, contract), q in desk.held.contracts.items() if name == code}
        facts.append(
            RollFacts(
                instrument=code,
                status=str(states[code].state) if code in states else "No_Roll",
                roll_date=desired_roll_date(roles["priced"], listings[code].roll_parameters),
                expiries={role: _expiry(listings[code], contract, expiries) for role, contract in roles.items()},
                contracts=roles,
                positions=positions,
                volumes={role: volumes.get((code, contract)) for role, contract in roles.items()},
                elsewhere=sum(abs(q) for contract, q in held.items() if contract not in roles.values()),
            )
        )
    return facts, missing


def last_prices(desk: ReportDesk) -> dict[str, pd.Timestamp | None]:
    """When each instrument that is sampled or has prices had its last one by the moment; None: never."""
    found: dict[str, pd.Timestamp | None] = {}
    for code in sorted({*desk.prices.instruments(), *desk.contracts.sampled()}):
        stamps = desk.prices.adjusted(code).loc[: desk.now].index
        found[code] = stamps[-1] if len(stamps) else None
    return found


def _expiry(listing: Listing, contract: str, known: Mapping[Key, date]) -> date:
    return known.get((listing.instrument.code, contract)) or approximate_expiry(contract, listing.roll_parameters)
