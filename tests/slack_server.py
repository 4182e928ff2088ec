"""A local server that speaks the part of Slack's API which posts messages and files, good and bad answers included."""

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
CHANNEL_ID = "C0123"
METHODS = ("/api/chat.postMessage", "/api/files.getUploadURLExternal", "/api/files.completeUploadExternal")


@dataclass(frozen=True)
class Answer:
    """What the server says to one request; `error` None posts the message, `hang` says nothing at all."""

    status: int = 200
    error: str | None = None
    retry_after: str | None = None
    hang: bool = False
    said: dict[str, Any] | None = None
    body: bytes | None = None


@dataclass
class SlackServer:
    """Answers with `script`, one a request, then with a yes; keeps what was posted and when each request came."""

    url: str = ""
    script: list[Answer] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    blocks: list[Any] = field(default_factory=list)
    uploads: dict[str, tuple[str, int]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    shared: list[dict[str, Any]] = field(default_factory=list)
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
            if path not in METHODS:
                answer = Answer(error="unknown_method")
            elif authorization != f"Bearer {TOKEN}":
                answer = Answer(error="invalid_auth")
            elif path == METHODS[0] and fields.get("channel") != CHANNEL:
                answer = Answer(error="channel_not_found")
            if answer == Answer():
                answer = self._done(path, fields)
            self.changed.notify_all()
        return answer

    def _done(self, path: str, fields: dict[str, Any]) -> Answer:
        """What each method does and says where nothing is wrong."""
        if path == METHODS[0]:
            self.posted.append(fields["text"])
            self.blocks.append(_told(fields.get("blocks", "[]")))
            return Answer(said={"channel": CHANNEL_ID, "ts": "1.0"})
        if path == METHODS[1]:
            file = f"F{len(self.uploads)}"
            self.uploads[file] = (fields["filename"], int(fields["length"]))
            return Answer(said={"file_id": file, "upload_url": f"{self.url.removesuffix('/api/')}/upload/{file}"})
        files = _told(fields["files"])
        known = all(one["id"] in self.contents for one in files)
        if not known or fields["channel_id"] != CHANNEL_ID:
            return Answer(error="file_not_found" if not known else "channel_not_found")
        named = [self.uploads[one["id"]][0] for one in files]
        self.shared.append({"files": named, "thread": fields.get("thread_ts")})
        return Answer(said={"files": [{"id": one["id"]} for one in files]})

    def take_file(self, file: str, content: bytes) -> int:
        """Step two of an upload; the status."""
        if self.uploads.get(file, ("", -1))[1] != len(content):
            return 400
        self.contents[file] = content
        return 200

    def content(self, name: str) -> bytes:
        """What was uploaded under this name."""
        [file] = [file for file, (told, _) in self.uploads.items() if told == name]
        return self.contents[file]


def _told(value: Any) -> Any:
    """A value that forms carry as JSON."""
    return json.loads(value) if isinstance(value, str) else value


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """A running server on a free port of the loopback."""
    slack = SlackServer()

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/upload/"):
                self.send_response(slack.take_file(self.path.removeprefix("/upload/"), sent))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = sent.decode()
            is_json = "json" in self.headers["Content-Type"]
            fields = json.loads(body) if is_json else {name: values[0] for name, values in parse_qs(body).items()}
            answer = slack.answer(self.path, fields, self.headers["Authorization"])
            if answer.hang:
                slack.released.wait(30)
                return
            said = {"ok": True, **(answer.said or {})} if answer.error is None else {"ok": False, "error": answer.error}
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
