"""A local mail server that speaks SMTP as far as handing in a message needs, and refuses where a test wants it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

USER, PASSWORD = "trading", "canary-5c81"


@dataclass
class MailServer:
    """Keeps what was handed in; `script` has answers to whole commands by their first word, in place of yes."""

    port: int = 0
    script: dict[str, str] = field(default_factory=dict)
    wants_login: bool = False
    taken: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running server on a free port of the loopback."""
    mail = MailServer()

    class Session(StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mail.test")
            sender, recipients, is_in = "", list[str](), False
            while line := self.rfile.readline():
                words = line.decode().strip()
                verb = words.split(" ")[0].upper()
                if verb in mail.script:
                    self._say(mail.script[verb])
                elif verb == "EHLO":
                    self._say("250-mail.test", *(["250-AUTH PLAIN"] if mail.wants_login else []), "250 SIZE 9999999")
                elif verb == "AUTH":
                    told = base64.b64decode(words.split(" ")[2]).split(b"\0")[1:]
                    is_in = told == [USER.encode(), PASSWORD.encode()]
                    self._say("235 in" if is_in else "535 no")
                elif verb == "MAIL" and mail.wants_login and not is_in:
                    self._say("530 log in first")
                elif verb == "MAIL":
                    sender = words.partition("<")[2].partition(">")[0]
                    self._say("250 ok")
                elif verb == "RCPT":
                    recipients.append(words.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    mail.taken.append((sender, recipients, self._message()))
                    self._say("250 taken")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _message(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            found: Any = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(found, EmailMessage)
            return found

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    with ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        mail.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join()
