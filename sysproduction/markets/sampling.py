"""Keep instrument definitions and the list of sampled contracts up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from sysproduction.domain.contracts import ContractListing, first_day
from sysproduction.domain.instruments import Listing
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.domain.rolls import RollParameters, approximate_expiry, contracts_at, next_held
from sysproduction.markets.items import choose, update_each
from sysproduction.ports import Feed
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices

LOOK_BACK: Final = timedelta(days=183)
"""Contracts that deliver earlier than this are left alone."""

SEEN_LATELY: Final = timedelta(days=7)
"""How old a stored `last_seen` may become before it alone is worth a write."""

GRACE: Final = timedelta(days=7)
"""How much longer than an approximate expiry says a contract may live: prices of its last days are not to be lost."""


def update_sampled_contracts(
    feed: Feed,
    instruments: Instruments,
    contracts: Contracts,
    prices: Prices,
    *,
    now: datetime,
    only: Sequence[str] | None = None,
) -> MethodResult:
    """Store the feed's instrument definitions, and which of the contracts on its chains are sampled.

    Sampled are those from half a year back to one held contract past the furthest one in use (price, forward,
    carry) that have not expired (an approximate expiry is given a week's grace); contracts that left the chain are
    sampled no longer. A price or forward contract stays sampled past its expiry and is reported: it should have
    been rolled. An empty chain is reported and changes nothing. Rows written count definitions and contracts that
    are new or say something else than before.
    """
    listings = {listing.instrument.code: listing for listing in feed.instruments()}
    chosen, problems = choose(sorted(listings), only)

    def update(code: str) -> MethodResult:
        changed = instruments.put(listings[code])
        chain = feed.chain(code, now)
        if not chain:
            reason = "the feed lists no contract; sampling is left as it was"
            return MethodResult(int(changed), 1, (Problem(code, ProblemKind.MISSING, reason),))
        listing = instruments.get(code)
        stored = prices.last_contracts(code, now)
        lost = bool(stored) and not {stored["PRICE"], stored["FORWARD"]} & {entry.contract for entry in chain}
        in_use = _recorded(feed, listing, now) if lost or not stored else stored
        known = contracts.of(code)
        records = _records(listing, chain, known, in_use=in_use, now=now)
        before = {record.contract: record for record in known}
        for record in records:
            if not _says_the_same(record, before.get(record.contract)):
                contracts.put(record)
        news = len({replace(record, last_seen=now) for record in records} - {replace(k, last_seen=now) for k in known})
        problems = _roll_problems(records, in_use, now.date())
        return MethodResult(news + changed, 1, (*problems, *(_lost(code, stored) if lost else ())))

    result = update_each(chosen, update)
    return MethodResult(result.rows_written, result.items, (*problems, *result.problems))


def _says_the_same(record: ContractRecord, before: ContractRecord | None) -> bool:
    if before is None or record.last_seen - before.last_seen >= SEEN_LATELY:
        return False
    return replace(record, last_seen=before.last_seen) == before


def _recorded(feed: Feed, listing: Listing, now: datetime) -> dict[str, str]:
    """Price, forward and carry contract by role: as the feed recorded, else by the calendar."""
    recorded = feed.rolls(listing.instrument.code, after=None, until=now)
    if recorded:
        return {"PRICE": recorded[-1].price, "FORWARD": recorded[-1].forward, "CARRY": recorded[-1].carry}
    price, forward, carry = contracts_at(now.date(), listing.roll_parameters)
    return {"PRICE": price, "FORWARD": forward, "CARRY": carry}


def _lost(code: str, stored: Mapping[str, str]) -> tuple[Problem, ...]:
    reason = (
        f"its stored prices end with {stored['PRICE']}, which the feed lists no longer; today's contracts are sampled, "
        "but the time between is missing: import it"
    )
    return (Problem(code, ProblemKind.MISSING, reason),)


def _records(
    listing: Listing,
    chain: Sequence[ContractListing],
    known: Sequence[ContractRecord],
    *,
    in_use: Mapping[str, str],
    now: datetime,
) -> list[ContractRecord]:
    code, parameters = listing.instrument.code, listing.roll_parameters
    before = {record.contract: record for record in known}
    furthest = next_held(max(in_use.values()), parameters)
    earliest = (now - LOOK_BACK).date()
    listed = [entry for entry in chain if earliest <= first_day(entry.contract) and entry.contract <= furthest]
    keep = {in_use["PRICE"], in_use["FORWARD"]}
    on_chain = [_record(code, entry, before.get(entry.contract), parameters, keep=keep, now=now) for entry in listed]
    names = {entry.contract for entry in listed}
    return on_chain + [replace(k, sampling=False) for k in known if k.contract not in names and k.sampling]


def _record(
    code: str,
    entry: ContractListing,
    before: ContractRecord | None,
    parameters: RollParameters,
    *,
    keep: set[str],
    now: datetime,
) -> ContractRecord:
    expiry = entry.expiry or approximate_expiry(entry.contract, parameters)
    return ContractRecord(
        instrument=code,
        contract=entry.contract,
        sampling=not _has_expired(expiry, entry.expiry is None, now.date()) or entry.contract in keep,
        expiry=expiry,
        approximate=entry.expiry is None,
        first_seen=before.first_seen if before else now,
        last_seen=now,
    )


def _roll_problems(records: Sequence[ContractRecord], in_use: Mapping[str, str], today: date) -> tuple[Problem, ...]:
    roles = {in_use["FORWARD"]: "forward", in_use["PRICE"]: "price"}
    return tuple(
        Problem(
            record.key, ProblemKind.STALE, f"the {roles[record.contract]} contract expired on {record.expiry}: roll"
        )
        for record in records
        if record.contract in roles and _has_expired(record.expiry, record.approximate, today)
    )


def _has_expired(expiry: date, approximate: bool, today: date) -> bool:
    return expiry + (GRACE if approximate else timedelta(0)) < today
