"""The end of the day: nothing is left working at the broker, and every order that nothing can come of any more ends."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from sysproduction.domain.alerts import Severity
from sysproduction.domain.errors import Conflict
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.orders.cancelling import ask_again, ask_cancel
from sysproduction.orders.completion import handle_completed_orders
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.evidence import process_fills_stack

SECONDS_MAX: Final = 60.0
_PAUSE: Final = 0.2


def safe_stack_removal(
    desk: OrderDesk, *, now: Callable[[], datetime], monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> MethodResult:
    """Cancel every live broker order, wait at most a minute of machine time until all have ended, record their fills,
    and end every order that nothing is live of. One whose end is not known stays, is told, and is asked after by the
    next start: time ends nothing."""
    deadline = monotonic() + SECONDS_MAX
    while True:
        process_fills_stack(desk, now())
        live = desk.stores.stack.active_brokers()
        if not live or monotonic() >= deadline:
            break
        for order in live:
            with suppress(Conflict):
                if order.status is BrokerStatus.WORKING:
                    ask_cancel(desk, order, "the end of the day", now())
                elif order.status is BrokerStatus.CANCELLING:
                    ask_again(desk, order, now())
        sleep(_PAUSE)
    ended = handle_completed_orders(desk, now(), final=True)
    left = [
        Problem(order.client_order_id, ProblemKind.UNKNOWN, f"{order.instrument}: still {order.status} at the broker")
        for order in live
    ]
    if left:
        text = "; ".join(problem.reason for problem in left)
        desk.tell("removal", f"{len(left)} broker orders have no known end", text, Severity.CRITICAL)
    return MethodResult(ended.rows_written, ended.items, tuple(left))
