"""The broker: the only door to the market."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sysproduction.domain.broker import (
    Account,
    BrokerPosition,
    ContractDetails,
    Execution,
    OpenOrder,
    OrderReport,
    OrderTicket,
    Submitted,
)
from sysproduction.domain.errors import Refused
from sysproduction.domain.instruments import Quote


class Broker(Protocol):
    """Orders, executions and the account at one broker. Executions, not an order's status, are the truth of fills.

    Every method raises Unavailable if the broker cannot be reached; of all that change something, that word means that
    nothing was sent, and OutcomeUnknown that it may have been.
    """

    def submit(self, ticket: OrderTicket) -> Submitted | Refused:
        """Place an order. The same client order id again gives the same answer and never a second order."""
        ...

    def cancel(self, client_order_id: str) -> Refused | None:
        """Ask for an order's end; None: asked, or already cancelled. `find` tells when it is over."""
        ...

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        """Ask for another limit; the order keeps what was filled."""
        ...

    def find(self, client_order_id: str) -> OrderReport | None:
        """How one of our orders stands; None is the broker's evidence that it has never had it."""
        ...

    def open_orders(self) -> Sequence[OpenOrder]:
        """All orders that stand, whoever placed them, by broker id."""
        ...

    def executions(self, since: datetime) -> Sequence[Execution]:
        """All revisions of what was executed, or revised, at or after `since`; in any order, maybe repeated."""
        ...

    def positions(self) -> Sequence[BrokerPosition]:
        """What is held, by instrument and contract."""
        ...

    def account(self) -> Account:
        """What the account is worth now, open positions marked to the market."""
        ...

    def contract_details(self, instrument: str, contract: str) -> ContractDetails | None:
        """What it says of a contract; None: it does not know it."""
        ...

    def quote(self, instrument: str, contract: str) -> Quote | None:
        """Best bid and ask with sizes; None when there is no recent price."""
        ...


class Served(Protocol):
    """An exchange that answers to programs of this machine from within this process."""

    def serve(self, seconds: float) -> int:
        """Let orders meet the market, then answer for `seconds`; how many requests came. Raises Unavailable once its
        state cannot be stored."""
        ...
