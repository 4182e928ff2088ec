"""How strategies reach the broker in a run: their requests become events on the bus, numbered in their order."""

from sysproduction.domain.events import (
    Action,
    OrderCancellationRequest,
    OrderModificationRequest,
    OrderSubmissionRequest,
    OrderType,
    Side,
    TimeInForce,
)
from sysproduction.engine.bus import EventBus
from sysproduction.engine.stage import Stage


class BusDesk:
    """The `Desk` of a run on bars; ids are counted from 1 over all strategies."""

    def __init__(self, bus: EventBus, stage: Stage) -> None:
        self._publish, self._stage = bus.publish, stage
        self._orders = self._groups = 0

    def new_order(self) -> int:
        """The id of an order that is about to be asked for."""
        self._orders += 1
        return self._orders

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
        """Ask for an order."""
        stage = self._stage
        now = stage.now().ts
        request = OrderSubmissionRequest(
            stage.next_sequence(),
            now,
            stage.created_ns,
            strategy,
            order_id,
            symbol,
            order_type,
            side,
            quantity,
            limit_price,
            stop_price,
            action,
            signal,
            time_in_force,
            expires_at_ns,
            group,
            parent,
        )
        self._publish(request)

    def modify(
        self, order_id: int, symbol: str, quantity: int | None, limit_price: float | None, stop_price: float | None
    ) -> None:
        """Ask for another quantity or price; None leaves it."""
        stage = self._stage
        stamps = (stage.now().ts, stage.created_ns)
        self._publish(
            OrderModificationRequest(
                stage.next_sequence(), *stamps, order_id, symbol, quantity, limit_price, stop_price
            )
        )

    def cancel(self, order_id: int, symbol: str) -> None:
        """Ask for the end of an order."""
        stage = self._stage
        stamps = (stage.now().ts, stage.created_ns)
        self._publish(OrderCancellationRequest(stage.next_sequence(), *stamps, order_id, symbol))

    def new_group(self) -> int:
        """A number for orders of which the first fill cancels the others."""
        self._groups += 1
        return self._groups
