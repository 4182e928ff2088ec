"""The durable state of a paper exchange: one SQLite file, written with full sync before anybody is told."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from sysproduction.adapters import file_locks
from sysproduction.domain.broker import OrderTicket, ReportedStatus
from sysproduction.domain.broker_faults import FaultKind
from sysproduction.domain.errors import Unavailable
from sysproduction.exchange.core import Changes, Exchange, Recorded
from sysproduction.exchange.values import Holding, Order

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (broker_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
"""
_LOCK_SECONDS: Final = 5.0
_TICKET: Final = TypeAdapter(OrderTicket)
_RECORDED: Final = TypeAdapter(Recorded)
_STATE_FIELDS: Final = ("status", "active_from", "limit_price", "units_filled", "triggered", "cancel_at", "why")
_ORDER_STATE: Final = TypeAdapter(dict[str, Any])


class PaperState:
    """Orders, executions and the account in `file` (mode 0600), of which others may read. Raises Unavailable when the
    disk refuses, or another exchange has it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        # SQLite's own exclusive mode would keep backups out as well.
        self._lock = file_locks.take(file.with_suffix(".lock"), seconds=_LOCK_SECONDS)
        if self._lock is None:
            raise Unavailable(f"{file}: another paper exchange runs on it; end that one first")
        with self._translated():
            file.touch(mode=0o600, exist_ok=True)
            self._database = sqlite3.connect(file, timeout=5.0, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)

    def load(self, exchange: Exchange) -> tuple[Counter[FaultKind], Counter[FaultKind]]:
        """Give an empty exchange what was stored; returns how many occasions and faults there were."""
        with self._translated():
            orders = [_order(row[0]) for row in self._database.execute("SELECT body FROM orders ORDER BY broker_id")]
            rows = self._database.execute("SELECT body FROM executions ORDER BY number")
            executions = [_RECORDED.validate_json(row[0]) for row in rows]
            stored = self._database.execute("SELECT body FROM account").fetchone()
        body = json.loads(stored[0]) if stored else None
        account = None if body is None else Changes((), (), body["cash"], _holdings(body["holdings"]))
        exchange.restore(orders, executions, account)
        if body is None:
            return Counter(), Counter()
        return _counts(body["done"]), _counts(body["struck"])

    def save(self, changes: Changes, done: Counter[FaultKind], struck: Counter[FaultKind]) -> None:
        """All of it or nothing."""
        account = json.dumps(
            {
                "cash": changes.cash,
                "holdings": [
                    [*key, h.quantity, h.cost, h.mark, h.marked_on.isoformat() if h.marked_on else None]
                    for key, h in changes.holdings.items()
                ],
                "done": done,
                "struck": struck,
            }
        )
        orders = [(order.broker_id, _written(order)) for order in changes.orders]
        executions = [(_RECORDED.dump_json(one).decode(),) for one in changes.executions]
        with self._translated():
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?)", orders)
            self._database.executemany("INSERT INTO executions (body) VALUES (?)", executions)
            self._database.execute("INSERT OR REPLACE INTO account VALUES (1, ?)", (account,))
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"{self._file}: the paper exchange cannot keep its state: {error}") from error


def kept_faults(file: Path) -> dict[str, int]:
    """How often each kind of planned fault had struck, of an exchange that does not run; nothing if there is none."""
    if not file.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            stored = database.execute("SELECT body FROM account").fetchone()
    except sqlite3.Error as error:
        raise Unavailable(f"{file}: cannot be read: {error}") from error
    return {} if stored is None else dict(json.loads(stored[0])["struck"])


def _written(order: Order) -> str:
    state = _ORDER_STATE.dump_python({name: getattr(order, name) for name in _STATE_FIELDS}, mode="json")
    ticket = _TICKET.dump_python(order.ticket, mode="json")
    return json.dumps({"broker_id": order.broker_id, "ticket": ticket, **state})


def _order(text: str) -> Order:
    body = json.loads(text)
    return Order(
        broker_id=body["broker_id"],
        ticket=_TICKET.validate_python(body["ticket"]),
        status=ReportedStatus(body["status"]),
        active_from=datetime.fromisoformat(body["active_from"]),
        limit_price=body["limit_price"],
        units_filled=body["units_filled"],
        triggered=body["triggered"],
        cancel_at=None if body["cancel_at"] is None else datetime.fromisoformat(body["cancel_at"]),
        why=body["why"],
    )


def _holdings(rows: list[list[Any]]) -> dict[tuple[str, str], Holding]:
    return {
        (row[0], row[1]): Holding(row[2], row[3], row[4], None if row[5] is None else date.fromisoformat(row[5]))
        for row in rows
    }


def _counts(body: dict[str, int]) -> Counter[FaultKind]:
    return Counter({FaultKind(name): count for name, count in body.items()})
