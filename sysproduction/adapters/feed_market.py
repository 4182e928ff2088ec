"""The market that a paper exchange trades on: a feed's quotes, and terms from its listings."""

from datetime import datetime, timedelta
from typing import Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.instruments import Instrument, Quote
from sysproduction.exchange.values import Terms
from sysproduction.ports import Feed

_RATE_AGE: Final = timedelta(days=10)


class FeedMarket:
    """Terms of a feed's instruments in an account's currency, looked up once a day, and its quotes."""

    def __init__(self, feed: Feed, currency: str, margin_rate: float) -> None:
        self._feed, self._currency, self._margin_rate = feed, currency, margin_rate
        self._instruments = {listing.instrument.code: listing.instrument for listing in feed.instruments()}
        self._terms: dict[str, tuple[datetime, Terms]] = {}

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        """None for an instrument that the feed does not list, or whose currency has no rate yet."""
        known = self._terms.get(instrument)
        if known is not None and known[0].date() == now.date():
            return known[1]
        listed = self._instruments.get(instrument)
        rate = None if listed is None else self._rate(listed.currency, now)
        if listed is None or rate is None:
            return None if known is None else known[1]
        made = self._made(listed, rate, now)
        self._terms[instrument] = (now, made)
        return made

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """See Market."""
        if instrument not in self._instruments:
            return None
        return self._feed.quote(instrument, contract, now)

    def _made(self, listed: Instrument, rate: float, now: datetime) -> Terms:
        chain = self._feed.chain(listed.code, now)
        return Terms(
            point_size=listed.point_size,
            rate=rate,
            per_contract=listed.per_block,
            percentage=listed.percentage,
            margin_rate=self._margin_rate,
            expiries=tuple((one.contract, one.expiry) for one in chain if one.expiry is not None),
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
