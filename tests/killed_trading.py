"""A home that trades on its paper exchange under a real supervisor, of which everything is killed again and again."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sysproduction.adapters import database_account
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.adapters.paper_exchange import PaperExchange
from sysproduction.domain.broker import Execution
from sysproduction.domain.errors import AlreadyExists, DataError, Unavailable
from sysproduction.domain.fills import Fill, Positions, applied, latest
from sysproduction.domain.orders import InstrumentOrder, OrderType, Outcome
from sysproduction.ports import Documents
from sysproduction.stores import audit
from sysproduction.stores.fills import COLLECTION as FILLS
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_controls import Locks
from sysproduction.stores.order_stack import OrderStack
from tests.chaos import Arena
from tests.commands import COMMAND, SHIPPED, command, environment

HANDLER, EXCHANGE, SUPERVISOR, DATABASE = "run_stack_handler", "run_paper_exchange", "supervisor", "database"
TARGETS = (HANDLER, EXCHANGE, SUPERVISOR, DATABASE)
CODES = ("BUND", "WHEAT")
BEGIN = datetime(2023, 2, 28, 16, 30, tzinfo=UTC)
WAITING_MAX = 30
"""Orders at a time: a recorded quote is a hundred contracts deep."""

FILL_EVERY = 10
"""After so many kills something has to be traded."""

EVER = datetime(2000, 1, 1, tzinfo=UTC)
PATIENCE = 90.0
PAUSE_MAX = 0.4
"""Seconds between two kills at most, where everything lives."""

_IDLE = [name for name in SHIPPED if name not in (HANDLER, EXCHANGE)]
SETTINGS = f"""\
feed: {{kind: csv, folder: FOLDER}}
clock: {{start: 2023-02-28T16:30}}
paper: {{value: 100000000}}
risk:
  orders_per_minute: 100000
  instrument_orders_per_minute: 100000
  repeats_max: 100000
  trades_per_day_max: 100000
process_configuration:
  default:
    restart: {{backoff_seconds: 0.01, backoff_seconds_max: 0.01, crashes_max: 10000}}
{"".join(f"  {name}: {{enabled: false}}{chr(10)}" for name in _IDLE)}\
"""


@dataclass
class Trading:
    """The home, the orders that were decided in it, and what was killed."""

    home: Path
    random: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    decided: dict[str, InstrumentOrder] = field(default_factory=dict)
    _supervisor: "subprocess.Popen[bytes] | None" = None
    _waiting: InstrumentOrder | None = None
    _dead: dict[str, int] = field(default_factory=dict)
    _filled: int = 0

    def __post_init__(self) -> None:
        self.arena = Arena(self.home)

    @contextmanager
    def up(self) -> Iterator[None]:
        """`sysproduction up`, until `sysproduction down`."""
        self._launch()
        try:
            yield
            self.until(lambda: command(self.home, "down").code == 0, "it cannot be ended")
            assert self._supervisor is not None
            assert self._supervisor.wait(PATIENCE) == 0
        finally:
            if self._supervisor is not None:
                self._supervisor.kill()
                self._supervisor.wait()

    def _launch(self) -> None:
        with (self.home / "up.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [COMMAND, "up"], env=environment(self.home, {}), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _watch_supervisor(self) -> None:
        """What a service manager does: one that ended because the database died under it is started again."""
        assert self._supervisor is not None
        code = self._supervisor.poll()
        assert code in (None, -signal.SIGKILL, Unavailable.exit_code), (self.home / "up.log").read_text()[-2000:]
        if code is not None:
            self._launch()

    def kill_one(self) -> None:
        """SIGKILL at a random moment, while orders come in, to one that lives, whatever else is dead by then."""
        if self.killed.total() % FILL_EVERY == 0:
            self.await_fill()
        name = self.random.choice(TARGETS)
        pid = self.await_pid(name, but=self._dead.get(name, 0))
        pause = time.monotonic() + self.random.uniform(0.0, PAUSE_MAX)
        while time.monotonic() < pause:
            self.decide()
            time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[name] += 1
        if name == SUPERVISOR:
            assert self._supervisor is not None
            self._supervisor.wait()
            self._launch()
        self._dead[name] = pid

    def await_fill(self) -> None:
        """Let them work until something more was traded."""
        before = self._filled

        def goes_on() -> bool:
            self.decide()
            with suppress(Unavailable), self.documents() as documents:
                self._filled = documents.count(FILLS)
            return self._filled > before

        self.until(goes_on, "nothing is traded")

    def await_pid(self, name: str, but: int) -> int:
        """Of the living process of this name, once it is another one than `but`."""
        found = 0

        def lives() -> bool:
            nonlocal found
            found = self._pid(name)
            return found not in (0, but)

        self.until(lives, f"{name} does not come back")
        return found

    def _pid(self, name: str) -> int:
        if name == SUPERVISOR:
            return self._supervisor.pid if self._supervisor is not None else 0
        if name == DATABASE:
            status = self.arena.database.status()
            return status.pid if status is not None else 0
        with suppress(Unavailable):
            return self.arena.pids().get(name, 0)
        return 0

    def until(self, condition: Callable[[], bool], failure: str) -> None:
        """Wait, and go on deciding orders where the test still does."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self._watch_supervisor()
            assert time.monotonic() < deadline, f"{failure}\n{self.told()}"
            time.sleep(0.02)

    def told(self) -> str:
        """The ends of the logs."""
        return "\n".join(f"{p.name}: {p.read_text()[-1500:]}" for p in sorted((self.home / "logs").glob("*.log")))

    @contextmanager
    def documents(self) -> Iterator[Documents]:
        """The running database's; Unavailable while there is none."""
        status = self.arena.database.status()
        if status is None:
            raise Unavailable("the database does not run")
        password = database_account.password_of(self.home / "data" / "mongo")
        with closing(MongoDocuments(database_account.address(status.port, password), "sysproduction")) as documents:
            yield documents

    def decide(self) -> None:
        """One more order, unless many wait, as an order generator would put it on the stack; one that was cut off comes
        again."""
        with suppress(Unavailable), self.documents() as documents:
            stack = OrderStack(documents)
            if self._waiting is None and len(stack.active_instruments()) >= WAITING_MAX:
                return
            order = self._waiting = self._waiting or self._order()
            with suppress(AlreadyExists):
                stack.insert_instrument(order)
            self.decided[order.order_id], self._waiting = order, None

    def _order(self) -> InstrumentOrder:
        quantity = self.random.choice((-2, -1, 1, 2))
        code, strategy = self.random.choice(CODES), self.random.choice(("carry", "trend"))
        return InstrumentOrder(
            strategy, code, f"day#{len(self.decided)}", quantity, OrderType.MARKET, BEGIN, "killed_trading"
        )

    def settle(self) -> None:
        """Nothing is killed any more, and nothing decided: all that was is finished."""
        while self._waiting is not None:
            self.decide()
        left = len(self.decided) + 1
        while left:
            before = left

            def goes_on(before: int = before) -> bool:
                nonlocal left
                left = self._left(before)
                return left < before

            self.until(goes_on, f"{left} orders are left")

    def _left(self, otherwise: int) -> int:
        """Instrument orders that are worked on; `otherwise` while nobody can say."""
        with suppress(Unavailable), self.documents() as documents:
            return len(OrderStack(documents).active_instruments())
        return otherwise


@dataclass(frozen=True)
class Afterwards:
    """What stores and exchange say, read while both still run."""

    fills: list[Fill]
    positions: Positions
    executions: list[Execution]
    theirs: dict[tuple[str, str], int]
    orders: dict[str, InstrumentOrder | None]
    unknown: list[str]
    locks: list[object]
    chains: list[object]

    @classmethod
    def of(cls, trading: Trading) -> "Afterwards":
        """Ask both."""
        with (
            trading.documents() as documents,
            closing(PaperExchange(trading.home / "run" / "paper_exchange.socket")) as at,
        ):
            stack, ledger, executions = OrderStack(documents), FillLedger(documents), list(at.executions(EVER))
            named = sorted({str(one.client_order_id) for one in executions})
            return cls(
                fills=ledger.since(0),
                positions=ledger.positions(),
                executions=executions,
                theirs={(one.instrument, one.contract): one.quantity for one in at.positions()},
                orders={order_id: stack.get_instrument(order_id) for order_id in trading.decided},
                unknown=[name for name in named if stack.get_broker(name) is None],
                locks=list(Locks(documents).all()),
                chains=list(audit.verify(documents)),
            )

    def check(self, decided: dict[str, InstrumentOrder]) -> None:
        """Ledger = exchange, positions = folds, and every order was traded once and in full."""
        facts = Counter(
            (one.execution_id, one.revision, one.contract, one.quantity, one.price) for one in self.executions
        )
        ours = Counter(
            (fill.execution_id, fill.revision, fill.contract, fill.quantity, fill.price) for fill in self.fills
        )
        assert ours == facts
        assert set(facts.values()) <= {1}
        folded = applied(Positions(), [(fill, None) for fill in latest(self.fills)])
        assert self.positions == folded
        assert self.positions.contracts == self.theirs
        assert self.unknown == []
        wanted: Counter[tuple[str, str]] = Counter()
        traded: Counter[str] = Counter()
        for fill in latest(self.fills):
            traded[str(fill.instrument_order)] += fill.quantity
        for order_id, order in decided.items():
            stored = self.orders[order_id]
            assert stored is not None, f"{order_id} is lost"
            assert (stored.outcome, traded[order_id]) == (Outcome.FILLED, order.quantity), order_id
            wanted[order.strategy, order.instrument] += order.quantity
        assert self.positions.strategies == {key: quantity for key, quantity in wanted.items() if quantity}
        assert self.locks == []
        assert self.chains == []


def killed(home: Path, times: int, seed: int) -> Trading:
    """A day of trading on this home, with so many kills, checked at its end."""
    trading = Trading(home, random.Random(seed))
    with trading.up():
        for name in TARGETS:
            trading.await_pid(name, but=0)
        while trading.killed.total() < times:
            trading.kill_one()
        trading.settle()
        found: list[Afterwards] = []

        def asked() -> bool:
            with suppress(Unavailable, DataError):
                found.append(Afterwards.of(trading))
            return bool(found)

        trading.until(asked, "nobody answers at the end")
        found[0].check(trading.decided)
    return trading
