"""The dead-man switch against a server that answers, fails and hangs."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sysproduction.adapters.dead_man import DeadManSwitch
from sysproduction.domain.errors import ConfigError

SECRET = "canary-4e7b"


class Server:
    """Answers each request with the next of `statuses`, then with 200; 0 says nothing until it is released."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.paths: list[str] = []
        self.released = threading.Event()
        self.changed = threading.Condition()
        outer = self

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer.changed:
                    outer.paths.append(self.path)
                    status = outer.statuses.pop(0) if outer.statuses else 200
                    outer.changed.notify_all()
                if status == 0:
                    outer.released.wait(20)
                    return
                self.send_response(status, SECRET)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/ping/{SECRET}"

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on the loopback, reached without a proxy."""
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    yield server
    server.close()


def settle(switch: DeadManSwitch) -> None:
    """Until no ping is under way."""
    assert switch._thread is not None
    switch._thread.join(15)
    assert not switch._thread.is_alive()


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "sysproduction.adapters.dead_man"]


def test_it_pings_as_often_as_asked(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """At once, then whenever the time has passed since the last ping; nothing is logged."""
    caplog.set_level(logging.INFO)
    switch = DeadManSwitch(server.url, 60.0)
    for now in (1000.0, 1001.0, 1059.9, 1060.0, 1060.1, 1119.9, 1120.0):
        switch.well(now)
        settle(switch)
    assert server.paths == [f"/ping/{SECRET}"] * 3
    assert said(caplog) == []


def test_no_word_no_ping(server: Server) -> None:
    """Nothing happens, and no thread lives, unless somebody says that all is well."""
    before = threading.active_count()
    DeadManSwitch(server.url, 0.001)
    assert threading.active_count() == before
    assert server.paths == []


def test_a_server_that_hangs_holds_nobody_up(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """At most one ping is under way however often all is well, and it is given up in time."""
    server.statuses = [0]
    switch = DeadManSwitch(server.url, 0.001, request_seconds=0.5)
    slowest = 0.0
    switch.well(0.0)
    with server.changed:
        assert server.changed.wait_for(lambda: server.paths, 10)
    for number in range(1, 200):
        begun = time.monotonic()
        switch.well(float(number))
        slowest = max(slowest, time.monotonic() - begun)
    assert len(server.paths) == 1
    assert slowest < 0.25
    settle(switch)
    assert said(caplog) == [("WARNING", "the dead-man switch at 127.0.0.1 cannot be pinged: TimeoutError")]
    switch.well(1000.0)
    settle(switch)
    assert len(server.paths) == 2


def test_failures_are_told_once_until_success(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """One warning however many pings fail, one line when it works again, and nothing of the secret in them."""
    caplog.set_level(logging.INFO)
    server.statuses = [500, 404, 503, 200, 200, 500]
    switch = DeadManSwitch(server.url, 1.0)
    for now in range(6):
        switch.well(float(now))
        settle(switch)
    told = "the dead-man switch at 127.0.0.1"
    assert said(caplog) == [
        ("WARNING", f"{told} cannot be pinged: it answers with status 500"),
        ("INFO", f"{told} is reached again"),
        ("WARNING", f"{told} cannot be pinged: it answers with status 500"),
    ]


def test_an_unreachable_server_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Refused is an answer too."""
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens
        switch = DeadManSwitch(f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}", 1.0)
        switch.well(0.0)
        settle(switch)
    assert said(caplog) == [("WARNING", "the dead-man switch at 127.0.0.1 cannot be pinged: Connection refused")]
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        *("", SECRET, f"ftp://host/{SECRET}", f"file:///{SECRET}", f"https:///{SECRET}", f"https://host:x/{SECRET}"),
        *(
            f"https://host:99999/{SECRET}",
            f"https://host/{SECRET} x",
            f"https://host/{SECRET}\n",
            f"https://hö/{SECRET}",
        ),
        *(f"https://user:{SECRET}@host/", f"http://[::1/{SECRET}"),
    ],
)
def test_a_bad_address_is_refused(url: str) -> None:
    """Only http and https; the message says what to do and does not show the address."""
    with pytest.raises(ConfigError, match=r"dead-man switch's address .* give one such as https://host/path") as caught:
        DeadManSwitch(url, 60.0)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_bad_interval_is_refused(seconds: float) -> None:
    """It must be more than nothing."""
    with pytest.raises(ConfigError, match="give more than 0"):
        DeadManSwitch("https://host/path", seconds)
