"""What every Broker does, on the simulated one and on a paper exchange in a process of its own."""

import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import pytest

from sysproduction.adapters.paper_exchange import PaperExchange
from sysproduction.adapters.simulated_broker import SimulatedBroker
from sysproduction.domain.broker import BrokerPosition, OrderTicket, ReportedStatus, Submitted
from sysproduction.domain.errors import OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules
from sysproduction.ports import Broker
from tests.ports.paper_program import SteadyMarket, switchboard

PROGRAM = Path(__file__).parent / "paper_program.py"
ROOT = PROGRAM.parent.parent.parent
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Make = Callable[[str | None], Broker]


def start(folder: Path, fault: str | None = None) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-m", "tests.ports.paper_program", str(folder), *([fault] if fault else [])]
    program = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


def end(program: "subprocess.Popen[str]") -> None:
    program.kill()
    program.wait()
    assert program.stdout is not None
    program.stdout.close()


@pytest.fixture(params=["simulated", "paper"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a broker that commits a fault at its first occasion."""
    ends: list[Callable[[], None]] = []

    def made(fault: str | None = None) -> Broker:
        if request.param == "simulated":
            exchange = Exchange(ExchangeRules())
            return SimulatedBroker(exchange, SteadyMarket(), lambda: datetime.now(UTC), faults=switchboard(fault))
        program = start(tmp_path, fault)
        client = PaperExchange(tmp_path / "socket")
        ends.extend([client.close, lambda: end(program)])
        return client

    yield made
    for one in ends:
        one()


def market(name: str, quantity: int = 1) -> OrderTicket:
    return OrderTicket(name, "CORN", (Leg("20990600", quantity),), BrokerOrderType.MARKET)


def resting(name: str) -> OrderTicket:
    return OrderTicket(name, "CORN", (Leg("20990600", 1),), BrokerOrderType.LIMIT, 90.0)


def test_an_order_becomes_executions_and_a_position(make: Make) -> None:
    """Submitted once, however often it is said."""
    broker = make(None)
    first = broker.submit(market("A", 2))
    assert isinstance(first, Submitted)
    assert broker.submit(market("A", 2)) == first
    (execution,) = broker.executions(LONG_AGO)
    assert (execution.client_order_id, execution.quantity, execution.price) == ("A", 2, 101.0)
    assert broker.positions() == [BrokerPosition("CORN", "20990600", 2)]
    report = broker.find("A")
    assert report is not None
    assert (report.status, report.filled, report.broker_id) == (ReportedStatus.FILLED, 2, first.broker_id)
    assert broker.account().value == 1e6 - 2 * 2.0 - 2 * 0.5 * 50


def test_a_resting_order_is_changed_and_cancelled(make: Make) -> None:
    """And is open in between."""
    broker = make(None)
    broker.submit(resting("A"))
    assert broker.modify("A", 91.0) is None
    assert [(one.client_order_id, one.limit_price) for one in broker.open_orders()] == [("A", 91.0)]
    assert broker.cancel("A") is None
    assert broker.open_orders() == []
    assert isinstance(broker.modify("A", 92.0), Refused)


def test_what_it_does_not_know_it_says_so(make: Make) -> None:
    """None for orders and contracts, a refusal for orders in them."""
    broker = make(None)
    assert broker.find("NEVER") is None
    assert broker.contract_details("GOLD", "20990600") is None
    assert isinstance(broker.cancel("NEVER"), Refused)
    ticket = OrderTicket("A", "GOLD", (Leg("20990600", 1),), BrokerOrderType.MARKET)
    assert isinstance(broker.submit(ticket), Refused)
    details = broker.contract_details("CORN", "20990600")
    assert details is not None
    assert details.point_size == 50.0
    quote = broker.quote("CORN", "20990600")
    assert quote is not None
    assert quote.bid == 100.0


@pytest.mark.parametrize(("fault", "placed"), [("lost_ack", True), ("lost_order", False)])
def test_a_lost_answer_is_an_unknown_outcome_that_the_broker_clears_up(make: Make, fault: str, placed: bool) -> None:
    """`find` tells whether the order is there."""
    broker = make(fault)
    with pytest.raises(OutcomeUnknown):
        broker.submit(resting("A"))
    assert (broker.find("A") is not None) == placed


def test_a_late_answer_keeps_the_broker_silent_for_a_while(make: Make) -> None:
    """It never says that it does not have the order."""
    broker = make("late_ack")
    with pytest.raises(OutcomeUnknown):
        broker.submit(resting("A"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            broker.find("A")
    assert broker.find("A") is not None


def test_a_refusal_by_the_exchange_stays(make: Make) -> None:
    """The same order again is not tried again."""
    broker = make("reject")
    refused = broker.submit(market("A"))
    assert isinstance(refused, Refused)
    assert broker.submit(market("A")) == refused


def test_a_disconnect_ends(make: Make) -> None:
    """Nothing was sent meanwhile."""
    broker = make("disconnect")
    with pytest.raises(Unavailable):
        broker.submit(resting("A"))
    assert broker.find("A") is None


def test_a_thin_quote_fills_an_order_in_parts(make: Make) -> None:
    """One contract first, the rest from the next quotes."""
    broker = make("partial")
    broker.submit(market("A", 3))
    while len(broker.open_orders()) > 0:
        pass
    quantities = [one.quantity for one in broker.executions(LONG_AGO)]
    assert quantities[0] == 1
    assert sum(quantities) == 3


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("duplicate", [("E000000001", 0, 1), ("E000000002", 0, 1)] * 2),
        ("out_of_order", [("E000000002", 0, 1), ("E000000001", 0, 1)]),
        ("late", [("E000000001", 0, 1)]),
        ("corrected", [("E000000001", 0, 1), ("E000000002", 0, 1), ("E000000002", 1, 1)]),
        ("busted", [("E000000001", 0, 1), ("E000000002", 0, 1), ("E000000002", 1, 0)]),
    ],
)
def test_executions_come_as_brokers_send_them(make: Make, fault: str, expected: list[tuple[str, int, int]]) -> None:
    """Twice, late, backwards, corrected or taken back; positions are those of the last revisions."""
    broker = make(fault)
    broker.submit(market("A"))
    broker.submit(market("B"))
    found = [(one.execution_id, one.revision, one.quantity) for one in broker.executions(LONG_AGO)]
    assert found == expected
    (held,) = broker.positions()
    assert held.quantity == (1 if fault == "busted" else 2)


def test_without_an_exchange_nothing_was_sent(tmp_path: Path) -> None:
    """Unavailable, for an order too."""
    with pytest.raises(Unavailable, match="is run_paper_exchange running"):
        PaperExchange(tmp_path / "socket").submit(market("A"))


def test_only_this_user_may_speak_to_the_exchange_and_only_one_may_hold_its_state(tmp_path: Path) -> None:
    """Mode 0600 of socket and file; a second exchange on the file does not start."""
    program = start(tmp_path)
    try:
        for name in ("socket", "state.sqlite"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        second = [sys.executable, "-m", "tests.ports.paper_program", str(tmp_path)]
        done = subprocess.run(second, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "another paper exchange runs" in done.stderr
    finally:
        end(program)


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Over five lives, every acknowledged order and every execution seen is there afterwards, and once."""
    acknowledged: dict[str, str] = {}
    seen: set[str] = set()
    for life in range(5):
        program = start(tmp_path)
        client = PaperExchange(tmp_path / "socket")
        killer = Timer(0.3, program.send_signal, [signal.SIGKILL])
        killer.start()
        try:
            for number in range(100_000):
                name = f"SP{life}.{number}"
                answer = client.submit(market(name) if number % 3 else resting(name))
                assert isinstance(answer, Submitted)
                acknowledged[name] = answer.broker_id
                if number % 10 == 9:
                    seen.update(one.execution_id for one in client.executions(LONG_AGO))
        except (OutcomeUnknown, Unavailable):
            pass
        killer.join()
        client.close()
        end(program)
    program = start(tmp_path)
    client = PaperExchange(tmp_path / "socket")
    try:
        assert len(acknowledged) > 50
        for name, broker_id in acknowledged.items():
            report = client.find(name)
            assert report is not None
            assert report.broker_id == broker_id
        executions = client.executions(LONG_AGO)
        ids = [one.execution_id for one in executions]
        assert len(set(ids)) == len(ids)
        assert seen <= set(ids)
        assert max(Counter(one.client_order_id for one in executions).values()) == 1
        (held,) = client.positions()
        assert held.quantity == sum(one.quantity for one in executions)
    finally:
        client.close()
        end(program)
