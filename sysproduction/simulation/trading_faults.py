"""The catalogue of faults of a simulated trading day, each with a name by which it is counted."""

from enum import StrEnum
from typing import Final


class TradingFault(StrEnum):
    """What goes wrong.

    A *write* is any durable write of any program, a *call* one that changes something at the broker. What is
    *interleaved* lets another program do several of its steps in between. `ack` is the broker's answer to a submission.
    """

    CRASH_BEFORE_WRITE = "crash_before_write"
    CRASH_AFTER_WRITE = "crash_after_write"
    CRASH_BEFORE_CALL = "crash_before_call"
    CRASH_AFTER_CALL = "crash_after_call"
    CRASH_BETWEEN_STEPS = "crash_between_steps"
    INTERLEAVED_WRITE = "interleaved_write"
    INTERLEAVED_CALL = "interleaved_call"
    INTERLEAVED_ANSWER = "interleaved_answer"
    TWO_STACK_HANDLERS = "two_stack_handlers"
    HANGING_PROGRAM = "hanging_program"
    STORE_REFUSES_WRITE = "store_refuses_write"
    STORE_LOSES_ANSWER = "store_loses_answer"
    STORE_OUTAGE = "store_outage"
    WRITE_CONFLICT = "write_conflict"
    REJECT = "reject"
    LATE_REJECT = "late_reject"
    LOST_ACK = "lost_ack"
    LATE_ACK = "late_ack"
    LOST_ORDER = "lost_order"
    LATE_ORDER = "late_order"
    PARTIAL = "partial"
    PARTIAL_THEN_DISCONNECT = "partial_then_disconnect"
    CANCEL_LOST = "cancel_lost"
    CANCEL_ANSWER_LOST = "cancel_answer_lost"
    FILL_AFTER_CANCEL = "fill_after_cancel"
    MODIFY_LOST = "modify_lost"
    MODIFY_ANSWER_LOST = "modify_answer_lost"
    DUPLICATE_EXECUTIONS = "duplicate_executions"
    OUT_OF_ORDER_EXECUTIONS = "out_of_order_executions"
    LATE_EXECUTION = "late_execution"
    CORRECTED_PRICE = "corrected_price"
    REDUCED_EXECUTION = "reduced_execution"
    BUSTED_EXECUTION = "busted_execution"
    DISCONNECT = "disconnect"
    NIGHTLY_RESTART = "nightly_restart"
    EXCHANGE_CANCELS = "exchange_cancels"
    FOREIGN_ORDER = "foreign_order"
    FOREIGN_TRADE = "foreign_trade"
    STALE_PRICE = "stale_price"
    NO_PRICE = "no_price"
    CROSSED_PRICE = "crossed_price"
    PRICE_JUMP = "price_jump"
    THIN_MARKET = "thin_market"
    MARKET_CLOSED = "market_closed"
    MARGIN_SHORT = "margin_short"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    HALT = "halt"
    HALT_BEFORE_INTENT = "halt_before_intent"
    REDUCE = "reduce"
    SWITCH_UNREADABLE = "switch_unreadable"
    MANUAL_LOCK = "manual_lock"
    TRADE_LIMIT = "trade_limit"
    POSITION_LIMIT = "position_limit"
    OVERRIDE = "override"
    ROLL_STATE = "roll_state"


class Point(StrEnum):
    """Where a fault that waits for its occasion strikes."""

    WRITE = "write"
    WRITTEN = "written"
    CALL = "call"
    CALLED = "called"
    SUBMIT = "submit"
    CANCEL = "cancel"
    MODIFY = "modify"
    EXECUTIONS = "executions"


_F = TradingFault

OCCASIONS: Final = {
    Point.WRITE: (
        _F.CRASH_BEFORE_WRITE,
        _F.INTERLEAVED_WRITE,
        _F.STORE_REFUSES_WRITE,
        _F.WRITE_CONFLICT,
        _F.HALT_BEFORE_INTENT,
    ),
    Point.WRITTEN: (_F.CRASH_AFTER_WRITE, _F.STORE_LOSES_ANSWER),
    Point.CALL: (_F.CRASH_BEFORE_CALL, _F.INTERLEAVED_CALL),
    Point.CALLED: (_F.CRASH_AFTER_CALL, _F.INTERLEAVED_ANSWER),
    Point.SUBMIT: (
        _F.REJECT,
        _F.LATE_REJECT,
        _F.LOST_ACK,
        _F.LATE_ACK,
        _F.LOST_ORDER,
        _F.LATE_ORDER,
        _F.PARTIAL,
        _F.PARTIAL_THEN_DISCONNECT,
    ),
    Point.CANCEL: (_F.CANCEL_LOST, _F.CANCEL_ANSWER_LOST, _F.FILL_AFTER_CANCEL),
    Point.MODIFY: (_F.MODIFY_LOST, _F.MODIFY_ANSWER_LOST),
    Point.EXECUTIONS: (
        _F.DUPLICATE_EXECUTIONS,
        _F.OUT_OF_ORDER_EXECUTIONS,
        _F.LATE_EXECUTION,
        _F.CORRECTED_PRICE,
        _F.REDUCED_EXECUTION,
        _F.BUSTED_EXECUTION,
    ),
}
"""Faults that are armed, and strike at one of the next occasions; all others strike at once."""

POINT_OF: Final = {fault: point for point, faults in OCCASIONS.items() for fault in faults}
