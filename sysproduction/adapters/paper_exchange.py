"""The Broker port over the socket of a paper exchange that runs in a process of its own."""

import json
import socket
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from sysproduction.adapters.paper_protocol import CALLS, CHANGING, LINE_BYTES_MAX
from sysproduction.adapters.socket_addresses import address, opened
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
from sysproduction.domain.errors import OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.instruments import Quote


class PaperExchange:
    """Connects at the first call and again after any failure; an answer may take `answer_seconds`."""

    def __init__(self, path: Path, *, answer_seconds: float = 5.0) -> None:
        self._path, self._answer_seconds = path, answer_seconds
        self._socket: socket.socket | None = None
        self._numbers = count(1)

    def submit(self, ticket: OrderTicket) -> Submitted | Refused:
        """See Broker."""
        answer: Submitted | Refused = self._ask("submit", ticket)
        return answer

    def cancel(self, client_order_id: str) -> Refused | None:
        """See Broker."""
        answer: Refused | None = self._ask("cancel", client_order_id)
        return answer

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        """See Broker."""
        answer: Refused | None = self._ask("modify", client_order_id, limit_price)
        return answer

    def find(self, client_order_id: str) -> OrderReport | None:
        """See Broker."""
        answer: OrderReport | None = self._ask("find", client_order_id)
        return answer

    def open_orders(self) -> Sequence[OpenOrder]:
        """See Broker."""
        answer: list[OpenOrder] = self._ask("open_orders")
        return answer

    def executions(self, since: datetime) -> Sequence[Execution]:
        """See Broker."""
        answer: list[Execution] = self._ask("executions", since)
        return answer

    def positions(self) -> Sequence[BrokerPosition]:
        """See Broker."""
        answer: list[BrokerPosition] = self._ask("positions")
        return answer

    def account(self) -> Account:
        """See Broker."""
        answer: Account = self._ask("account")
        return answer

    def contract_details(self, instrument: str, contract: str) -> ContractDetails | None:
        """See Broker."""
        answer: ContractDetails | None = self._ask("contract_details", instrument, contract)
        return answer

    def quote(self, instrument: str, contract: str) -> Quote | None:
        """See Broker."""
        answer: Quote | None = self._ask("quote", instrument, contract)
        return answer

    def faults(self) -> dict[str, int]:
        """How often each kind of planned fault has struck."""
        answer: dict[str, int] = self._ask("faults")
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, method: str, *arguments: Any) -> Any:
        call, number = CALLS[method], next(self._numbers)
        wire = [one.dump_python(a, mode="json") for one, a in zip(call.arguments, arguments, strict=True)]
        line = json.dumps({"id": number, "method": method, "arguments": wire}).encode() + b"\n"
        connection = self._connected()
        try:
            connection.sendall(line)
            answer = self._read(connection, number)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            if method in CHANGING:
                raise OutcomeUnknown(f"the paper exchange did not answer to {method}: {error}") from error
            raise Unavailable(f"the paper exchange did not answer to {method}: {error}") from error
        if "error" in answer:
            raise Unavailable(str(answer["error"]))
        return call.answer.validate_python(answer["answer"])

    def _connected(self) -> socket.socket:
        if self._socket is not None and _quiet(self._socket):
            return self._socket
        self.close()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._answer_seconds)
        try:
            with opened(self._path.parent) as parent:
                connection.connect(address(parent, self._path.name))
        except OSError as error:
            connection.close()
            raise Unavailable(
                f"{self._path}: the paper exchange does not answer ({error.strerror}); is run_paper_exchange running?"
            ) from error
        self._socket = connection
        return connection

    def _read(self, connection: socket.socket, number: int) -> dict[str, Any]:
        received = bytearray()
        while not received.endswith(b"\n"):
            part = connection.recv(1 << 16)
            if not part:
                raise EOFError("the connection ended")
            received += part
            if len(received) > LINE_BYTES_MAX:
                raise ValueError("its answer is too long")
        answer: dict[str, Any] = json.loads(received)
        if answer.get("id") != number:
            raise ValueError("it answered to another request")
        return answer


def _quiet(connection: socket.socket) -> bool:
    """Whether the other side has neither hung up nor said what nobody asked, so that nothing is sent into the void."""
    timeout = connection.gettimeout()
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(timeout)
    return False
