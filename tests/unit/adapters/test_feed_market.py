"""A feed as the market of a paper exchange."""

from datetime import UTC, datetime, timedelta

from sysproduction.adapters.feed_market import FeedMarket
from sysproduction.adapters.simulated_broker import SimulatedBroker
from sysproduction.adapters.synthetic_feed import SyntheticFeed
from sysproduction.domain.broker import OrderTicket, Submitted
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules

NOW = datetime(2024, 3, 5, 15, tzinfo=UTC)


def test_terms_are_those_of_the_listing_in_the_accounts_currency() -> None:
    """Point size, commission and expiries; a rate of 1 for the account's own currency, another for others."""
    feed = SyntheticFeed(seed=1)
    market = FeedMarket(feed, "USD", 0.1)
    for listing in feed.instruments():
        terms = market.terms(listing.instrument.code, NOW)
        assert terms is not None
        assert terms.point_size == listing.instrument.point_size
        assert terms.per_contract == listing.instrument.per_block
        assert (terms.rate == 1.0) == (listing.instrument.currency == "USD")
        assert terms.rate > 0
        assert market.terms(listing.instrument.code, NOW + timedelta(minutes=1)) is terms
    assert market.terms("NONE", NOW) is None
    assert market.quote("NONE", "20240600", NOW) is None


def test_an_order_trades_at_the_feeds_quote() -> None:
    """On the side that it takes, and the account pays for it."""
    feed = SyntheticFeed(seed=1)
    code, contract, quote = next(
        (one.instrument.code, chained.contract, quote)
        for one in feed.instruments()
        for chained in feed.chain(one.instrument.code, NOW)
        if (quote := feed.quote(one.instrument.code, chained.contract, NOW)) is not None
    )
    broker = SimulatedBroker(Exchange(ExchangeRules(cash=1e7)), FeedMarket(feed, "USD", 0.1), lambda: NOW)
    ticket = OrderTicket("A", code, (Leg(contract, 1),), BrokerOrderType.MARKET)
    assert isinstance(broker.submit(ticket), Submitted)
    (execution,) = broker.executions(NOW)
    assert execution.price == quote.ask
    assert broker.account().value < 1e7
    assert broker.account().margin_used > 0
