"""What a strategy on bars may ask of the world, backtest and live alike."""

from typing import Protocol

from sysproduction.domain.events import Action, OrderType, Side, TimeInForce


class Desk(Protocol):
    """Takes a strategy's requests; what becomes of them comes back to it as events."""

    def new_order(self) -> int:
        """The id of an order that is about to be asked for."""
        ...

    def submit(
        self,
        order_id: int,
        strategy: str,
        symbol: str,
        side: Side,
        quantity: int,
        order_type: OrderType,
        limit_price: float | None,
        stop_price: float | None,
        action: Action,
        signal: str,
        time_in_force: TimeInForce,
        expires_at_ns: int | None,
        group: int | None,
        parent: int | None,
    ) -> None:
        """Ask for an order. Of those that share a `group` the first fill cancels the others; one with a
        `parent` stands only once that order is over with a fill."""
        ...

    def modify(
        self, order_id: int, symbol: str, quantity: int | None, limit_price: float | None, stop_price: float | None
    ) -> None:
        """Ask for another quantity or price; None leaves it."""
        ...

    def cancel(self, order_id: int, symbol: str) -> None:
        """Ask for the end of an order."""
        ...

    def new_group(self) -> int:
        """A number for orders of which the first fill cancels the others."""
        ...
