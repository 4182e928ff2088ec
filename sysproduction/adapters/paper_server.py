"""A paper exchange's side of its socket: answers one line after another, a bounded while at a time."""

import json
import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sysproduction.adapters.paper_protocol import CALLS, REQUEST_BYTES_MAX, answered
from sysproduction.adapters.socket_addresses import address, opened
from sysproduction.domain.errors import OutcomeUnknown, Unavailable

_CLIENTS_MAX: Final = 64
_SEND_SECONDS: Final = 2.0


class PaperServer:
    """Serves the methods of `broker` at `path`, for this user only. One exchange per path: whoever holds the state."""

    def __init__(self, path: Path, broker: Any, monotonic: Callable[[], float]) -> None:
        self._path, self._broker, self._monotonic = path, broker, monotonic
        self._received: dict[socket.socket, bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            os.fchmod(self._listener.fileno(), 0o600)
            with opened(path.parent) as parent:
                self._listener.bind(address(parent, path.name))
            self._listener.listen(_CLIENTS_MAX)
        except OSError as error:
            self._listener.close()
            raise Unavailable(f"{path}: this socket cannot be made: {error.strerror or error}") from error
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self, seconds: float, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Answer what comes in `seconds`, or until `stop` says so; how many requests that were."""
        end, requests = self._monotonic() + seconds, 0
        while (left := end - self._monotonic()) > 0 and not stop():
            for key, _ in self._selector.select(left):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    requests += self._receive(key.fileobj)
        return requests

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in list(self._received):
            self._hang_up(connection)
        self._selector.close()
        self._listener.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            if len(self._received) >= _CLIENTS_MAX:
                connection.close()
                return
            connection.settimeout(_SEND_SECONDS)
            self._received[connection] = bytearray()
            self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: socket.socket) -> int:
        received = self._received[connection]
        try:
            part = connection.recv(1 << 16)
        except OSError:
            part = b""
        received += part
        if not part or len(received) > REQUEST_BYTES_MAX:
            self._hang_up(connection)
            return 0
        requests = 0
        while b"\n" in received and connection in self._received:
            line, _, rest = received.partition(b"\n")
            received[:] = rest
            self._answer(connection, bytes(line))
            requests += 1
        return requests

    def _answer(self, connection: socket.socket, line: bytes) -> None:
        try:
            answer = self._answered(line)
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except (OutcomeUnknown, OSError):  # an answer that is lost: the caller hears nothing
            self._hang_up(connection)

    def _answered(self, line: bytes) -> dict[str, Any]:
        number = None
        try:
            request = json.loads(line)
            number, name = request["id"], request["method"]
            answer = answered(getattr(self._broker, name), CALLS[name], request["arguments"])
        except Unavailable as error:
            return {"id": number, "error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            return {"id": number, "error": f"this request cannot be read: {error}"}
        return {"id": number, "answer": answer}

    def _hang_up(self, connection: socket.socket) -> None:
        self._received.pop(connection, None)
        with suppress(KeyError):
            self._selector.unregister(connection)
        connection.close()
