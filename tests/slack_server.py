"""A local server that speaks the part of Slack's API which posts messages, good and bad answers included."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any
from urllib.parse import parse_qs

TOKEN = "xoxb-canary-7f3a9c"
CHANNEL = "#alerts"


@dataclass(frozen=True)
class Answer:
    """What the server says to one request; `error` None posts the message, `hang` says nothing at all."""

    status: int = 200
    error: str | None = None
    retry_after: str | None = None
    hang: bool = False
    body: bytes | None = None


@dataclass
class SlackServer:
    """Answers with `script`, one a request, then with a yes; keeps what was posted and when each request came."""

    url: str = ""
    script: list[Answer] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    requested_at: list[float] = field(default_factory=list)
    released: Event = field(default_factory=Event)
    changed: Condition = field(default_factory=Condition)

    def wait_for_requests(self, count: int, seconds: float = 10.0) -> None:
        """Return once so many requests have come; fails after `seconds`."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requested_at) >= count, seconds), "Slack was not called"

    def answer(self, path: str, fields: dict[str, Any], authorization: str) -> Answer:
        """Take one request down and decide its answer as Slack does."""
        with self.changed:
            self.requested_at.append(time.monotonic())
            answer = self.script.pop(0) if self.script else Answer()
            if path != "/api/chat.postMessage":
                answer = Answer(error="unknown_method")
            elif authorization != f"Bearer {TOKEN}":
                answer = Answer(error="invalid_auth")
            elif fields.get("channel") != CHANNEL:
                answer = Answer(error="channel_not_found")
            if answer == Answer():
                self.posted.append(fields["text"])
            self.changed.notify_all()
        return answer


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """A running server on a free port of the loopback."""
    slack = SlackServer()

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            is_json = "json" in self.headers["Content-Type"]
            fields = json.loads(body) if is_json else {name: values[0] for name, values in parse_qs(body).items()}
            answer = slack.answer(self.path, fields, self.headers["Authorization"])
            if answer.hang:
                slack.released.wait(30)
                return
            said = {"ok": True, "ts": "1.0"} if answer.error is None else {"ok": False, "error": answer.error}
            content = json.dumps(said).encode() if answer.body is None else answer.body
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            if answer.retry_after is not None:
                self.send_header("Retry-After", answer.retry_after)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        slack.url = f"http://127.0.0.1:{server.server_port}/api/"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield slack
        finally:
            slack.released.set()
            server.shutdown()
            thread.join()
