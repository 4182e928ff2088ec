"""What strategies write orders in: any plain number or word will do, and anything else fails the run with an error."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import FillEvent, OrderType, Side
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import RunStatus
from tests.unit.engine.runs import Kept, TestClock, bars_of, feed_of, flat, played, strategy_of

ES = bars_of("ES", flat(10, 11, 12))
PLAIN: dict[str, Any] = {"side": Side.BUY, "quantity": 1}


def asking(method: str, **terms: Any) -> type[Strategy]:
    """A strategy that asks once."""

    def on_bar(strategy: Any, bar: Bar) -> None:
        if bar.index == 0:
            getattr(strategy, method)(**terms)

    return strategy_of(on_bar)


@pytest.mark.parametrize(
    "terms",
    [
        {"side": "BUY", "order_type": "MARKET", "time_in_force": "GTC", "action": "ENTRY"},
        {"quantity": np.int64(1), "group": np.int32(3)},
        {"order_type": OrderType.LIMIT, "limit_price": Decimal(11)},
        {"order_type": OrderType.STOP, "stop_price": np.float32(11)},
        {"time_in_force": "GTD", "expires_at_ns": np.int64(10**15)},
    ],
    ids=str,
)
def test_numbers_and_words_of_any_make_become_plain(terms: dict[str, Any]) -> None:
    """The order is filled, and every value of its events is of the kind that their fields have."""
    _, journal = played(asking("submit_order", **PLAIN | terms), ES)
    (fill,) = (event for event in journal.log() if isinstance(event, FillEvent))
    assert (fill.quantity_filled, fill.fill_price) == (1, 11.0)
    asked = journal.log()[0]._asdict()
    assert [type(asked[name]) for name in ("side", "quantity", "order_type")] == [Side, int, OrderType]
    assert {type(asked[name]) for name in ("limit_price", "stop_price")} <= {float, type(None)}
    assert {type(asked[name]) for name in ("expires_at_ns", "group")} <= {int, type(None)}


@pytest.mark.parametrize(
    ("method", "terms", "said"),
    [
        ("submit_order", {"quantity": 1.5}, r"quantity is 1\.5: it must be a whole number"),
        ("submit_order", {"quantity": 2.0}, r"quantity is 2\.0: it must be a whole number"),
        ("submit_order", {"quantity": None}, "quantity is None: it must be a whole number"),
        ("submit_order", {"side": "LONG"}, "'LONG' is no Side; there are: BUY, SELL"),
        ("submit_order", {"time_in_force": "FOK"}, "'FOK' is no TimeInForce; there are: GTC, DAY, GTD, IOC"),
        ("submit_order", {"limit_price": "11"}, "limit_price is '11': it must be a number"),
        ("submit_order", {"signal": None}, "signal is None: it must be a text"),
        ("submit_order", {"symbol": 7}, "symbol is 7: it must be a text"),
        ("submit_order", {"parent": "S1"}, "parent is 'S1': it must be a whole number"),
        ("modify_order", {"order_id": 1, "quantity": 1.5}, r"quantity is 1\.5: it must be a whole number"),
        ("cancel_order", {"order_id": "S1"}, "id is 'S1': it must be a whole number"),
    ],
)
def test_a_term_of_the_wrong_kind_fails_the_run(method: str, terms: dict[str, Any], said: str) -> None:
    """With the term and what it must be, and no event of such an order."""
    journal = Kept()
    terms = PLAIN | terms if method == "submit_order" else terms
    run = Orchestrator([asking(method, **terms)], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal)
    with pytest.raises(ConfigError, match=said):
        run.run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]
    assert journal.events == []


def test_a_run_whose_events_cannot_be_kept_has_failed() -> None:
    """A number that no record can have is found only when it is written: the run is not left running for that."""
    journal = Kept()
    strategy = asking("buy", quantity=2**70)
    run = Orchestrator([strategy], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal)
    with pytest.raises(OverflowError):
        run.run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]
    assert journal.closed
