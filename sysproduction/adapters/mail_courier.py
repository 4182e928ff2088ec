"""Reports as e-mails: the findings as text, the files attached."""

import mimetypes
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.ports.delivery import Parcel

_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in: `security` is starttls, tls (from the first byte) or none; `user` None: nobody logs
    in."""

    host: str
    port: int
    security: str = "starttls"
    user: str | None = None
    password: str | None = None


class MailCourier:
    """Sends from one address to some others."""

    def __init__(self, server: MailServer, sender: str, recipients: Sequence[str]) -> None:
        self._server = server
        self._sender = sender
        self._recipients = tuple(recipients)

    def deliver(self, parcel: Parcel) -> None:
        """As the port. A wrong password is a ConfigError."""
        where = f"{self._server.host}:{self._server.port}"
        message = self._message(parcel)
        try:
            with self._connected() as smtp:
                refused = smtp.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise ConfigError(
                f"{where} does not let {self._server.user} in: mend user and password of notify.email"
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise ConfigError(
                f"{where} takes no mail for {', '.join(error.recipients)}: mend notify.email.to"
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"mail cannot be handed in at {where}: {_said(error)}") from error
        if refused:
            raise Unavailable(f"{where} takes no mail for {', '.join(refused)}: mend notify.email.to")

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=_SECONDS, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
        try:
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.user is not None:
                smtp.login(server.user, server.password or "")
        except (smtplib.SMTPException, OSError):
            smtp.close()
            raise
        return smtp

    def _message(self, parcel: Parcel) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = " ".join(parcel.title.split())
        message["From"], message["To"] = self._sender, ", ".join(self._recipients)
        message.set_content("\n".join(parcel.lines) + "\n")
        for name, content in parcel.files.items():
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            main, _, sub = kind.partition("/")
            message.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return message


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {text}"
    return str(error) or type(error).__name__
