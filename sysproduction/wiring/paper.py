"""The paper exchange of a home: run by this process, or read; each vendor is imported when it is needed."""

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from sysproduction.config.home import Home
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.paper import PaperRules
from sysproduction.ports import Clock, Feed

if TYPE_CHECKING:
    from sysproduction.adapters.paper_service import PaperService


def opened_exchange(home: Home, rules: PaperRules, feed: Feed, clock: Clock) -> "PaperService":
    """The exchange on the feed's market, with the state that it has kept; Unavailable if another process runs it."""
    from sysproduction.adapters.feed_market import FeedMarket
    from sysproduction.adapters.paper_service import PaperService, exchange_rules, switchboard

    home.create()
    return PaperService(
        home.paper_state,
        home.paper_socket,
        rules=exchange_rules(rules),
        market=FeedMarket(feed, rules.currency, rules.margin_rate),
        faults=switchboard(rules),
        now=clock.now,
        monotonic=clock.monotonic,
    )


def faults_struck(home: Home) -> tuple[Mapping[str, int], bool]:
    """How often each kind of planned fault has struck, and whether the exchange runs: asked if so, else read."""
    from sysproduction.adapters.paper_exchange import PaperExchange
    from sysproduction.adapters.paper_state import kept_faults

    try:
        with closing(PaperExchange(home.paper_socket)) as exchange:
            return exchange.faults(), True
    except Unavailable:
        return kept_faults(home.paper_state), False
