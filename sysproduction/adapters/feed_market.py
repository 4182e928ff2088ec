"""The market that a paper exchange trades on: a feed's quotes, and terms from its listings."""

from datetime import datetime, timedelta
from typing import Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.instruments import Listing, Quote
from sysproduction.domain.rolls import approximate_expiry
from sysproduction.exchange.values import Terms
from sysproduction.ports import Feed

_RATE_AGE: Final = timedelta(days=10)


class FeedMarket:
    """Terms of a feed's instruments in an account's currency, looked up once a day, and its quotes."""

    def __init__(self, feed: Feed, currency: str, margin_rate: float) -> None:
        self._feed, self._currency, self._margin_rate = feed, currency, margin_rate
        self._listings = {listing.instrument.code: listing for listing in feed.instruments()}
        self._terms: dict[str, tuple[datetime, Terms]] = {}

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        """None for an instrument that the feed does not list, or whose currency has no rate yet."""
        known = self._terms.get(instrument)
        if known is not None and known[0].date() == now.date():
            return known[1]
        listed = self._listings.get(instrument)
        rate = None if listed is None else self._rate(listed.instrument.currency, now)
        if listed is None or rate is None:
            return None if known is None else known[1]
        made = self._made(listed, rate, now)
        self._terms[instrument] = (now, made)
        return made

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """See Market."""
        if instrument not in self._listings:
            return None
        return self._feed.quote(instrument, contract, now)

    def _made(self, listing: Listing, rate: float, now: datetime) -> Terms:
        what = listing.instrument
        chain = self._feed.chain(what.code, now)
        sessions = self._feed.sessions(what.code, now)
        return Terms(
            point_size=what.point_size,
            rate=rate,
            per_contract=what.per_block,
            percentage=what.percentage,
            tick_size=what.tick_size,
            margin_rate=self._margin_rate,
            sessions=None if sessions is None else tuple(sessions),
            expiries={
                one.contract: one.expiry or approximate_expiry(one.contract, listing.roll_parameters) for one in chain
            },
        )

    def _rate(self, currency: str, now: datetime) -> float | None:
        if currency == self._currency:
            return 1.0
        for pair, upside_down in ((f"{currency}{self._currency}", False), (f"{self._currency}{currency}", True)):
            if pair not in self._feed.currency_pairs():
                continue
            try:
                rates = self._feed.fx(pair, after=now - _RATE_AGE, until=now)["rate"].dropna()
            except DataError:
                continue
            if not rates.empty and rates.iloc[-1] > 0:
                return 1.0 / float(rates.iloc[-1]) if upside_down else float(rates.iloc[-1])
        return None
