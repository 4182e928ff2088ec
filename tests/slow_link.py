"""A link to a server over which every answer takes its time."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class SlowLink:
    """Forwards connections to a port of this machine; each piece of an answer comes `delay` seconds late."""

    target: int
    delay: float = 0.0
    _server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where to connect to."""
        return int(self._server.getsockname()[1])

    def serve(self) -> None:
        """Until it is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._open += [client, server]
                Thread(target=self._forward, args=(client, server, False), daemon=True).start()
                Thread(target=self._forward, args=(server, client, True), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_answer:
                    time.sleep(self.delay)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nobody can connect, and nobody is connected."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        for one in (self._server, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def slow_link(target: int) -> Iterator[SlowLink]:
    """A link to this port, quick at first."""
    link = SlowLink(target)
    thread = Thread(target=link.serve)
    thread.start()
    try:
        yield link
    finally:
        link.close()
        thread.join()
