"""Reports by Slack and by mail, against local servers that speak both."""

from collections.abc import Iterator

import pytest

from sysproduction.adapters.mail_courier import MailCourier
from sysproduction.adapters.mail_courier import MailServer as Server
from sysproduction.adapters.slack_courier import SlackCourier
from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.ports.delivery import Parcel
from tests.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.slack_server import CHANNEL, TOKEN, Answer, SlackServer, slack_server

PAGE = b"<html>\xc3\xa9</html>"
PARCEL = Parcel(
    "Rolls, 2026-01-06 20:25 UTC", ("! <CORN> rolls & expires", "- a note"), {"r.html": PAGE, "r.csv": b"a,b\n1,2\n"}
)
SENDER, TO = "trading@example.com", ("me@example.com", "you@example.com")


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """A local Slack that no proxy stands before."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with slack_server() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def courier(slack: SlackServer, waited: list[float] | None = None, token: str = TOKEN) -> SlackCourier:
    return SlackCourier(token, CHANNEL, base_url=slack.url, sleep=(waited if waited is not None else []).append)


def mailing(mail: MailServer, *, user: str | None = None, password: str | None = None) -> MailCourier:
    return MailCourier(Server("127.0.0.1", mail.port, "none", user, password), SENDER, TO)


def test_findings_are_blocks_and_files_stand_in_the_thread(slack: SlackServer) -> None:
    """A header, a section a line, markup escaped; every file whole, below the message."""
    courier(slack).deliver(PARCEL)
    assert slack.posted == [PARCEL.title]
    header, first, _ = slack.blocks[0]
    assert (header["type"], header["text"]["text"]) == ("header", PARCEL.title)
    assert first["text"]["text"] == "! &lt;CORN&gt; rolls &amp; expires"
    assert slack.shared == [{"files": ["r.html", "r.csv"], "thread": "1.0"}]
    assert slack.content("r.html") == PAGE


def test_many_findings_are_cut_to_what_a_message_holds(slack: SlackServer) -> None:
    """Slack takes at most 50 blocks; the last one says how many are left."""
    courier(slack).deliver(Parcel("T" * 200, tuple(f"! {n}" * 400 for n in range(100)), {}))
    blocks = slack.blocks[0]
    assert len(blocks) == 47
    assert blocks[-1]["text"]["text"] == "… and 55 more"
    assert len(blocks[0]["text"]["text"]) <= 150
    assert slack.shared == []


def test_a_rate_limit_is_waited_for(slack: SlackServer) -> None:
    """As long as Slack says, then it goes on where it was."""
    waited: list[float] = []
    slack.script += [Answer(status=429, retry_after="7")]
    courier(slack, waited).deliver(PARCEL)
    assert waited == [7.0]
    assert slack.posted == [PARCEL.title]


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([Answer(error="invalid_auth")], ConfigError, "Slack refuses with invalid_auth: mend token and channel"),
        ([Answer(status=429, retry_after="3600")], Unavailable, "asks for 3600 s of silence"),
        ([Answer(status=429, retry_after="1")] * 3, Unavailable, "limits the rate"),
        ([Answer(status=503)] * 3, Unavailable, "Slack cannot be reached: HTTP 503"),
        ([Answer(error="msg_too_long")], Unavailable, "does not take it: msg_too_long"),
    ],
)
def test_what_slack_refuses(slack: SlackServer, answers: list[Answer], error: type[Exception], words: str) -> None:
    """Each refusal is one error with what to do; the token is in none."""
    slack.script += answers
    with pytest.raises(error) as raised:
        courier(slack).deliver(PARCEL)
    assert words in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_a_wrong_token(slack: SlackServer) -> None:
    """One that Slack does not know, and one that cannot be one."""
    with pytest.raises(ConfigError, match="invalid_auth"):
        courier(slack, token="xoxb-other").deliver(PARCEL)
    with pytest.raises(ConfigError, match="not a Slack token"):
        courier(slack, token="a b")


def test_a_mail_has_the_findings_as_text_and_the_files_attached(mail: MailServer) -> None:
    """To everybody at once."""
    mailing(mail).deliver(PARCEL)
    [(sender, recipients, message)] = mail.taken
    assert (sender, recipients, message["Subject"]) == (SENDER, list(TO), PARCEL.title)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == list(PARCEL.lines)
    attached = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert attached == PARCEL.files


def test_a_mail_server_that_wants_a_login(mail: MailServer) -> None:
    """The right password gets in; a wrong one is named without being told."""
    mail.wants_login = True
    mailing(mail, user=USER, password=PASSWORD).deliver(PARCEL)
    assert len(mail.taken) == 1
    with pytest.raises(ConfigError, match="does not let trading in: mend user and password") as raised:
        mailing(mail, user=USER, password="wrong-0815").deliver(PARCEL)
    assert "wrong-0815" not in str(raised.value)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ({"RCPT": "550 who?"}, ConfigError, "takes no mail for me@example.com, you@example.com"),
        ({"DATA": "452 full"}, Unavailable, "cannot be handed in at 127.0.0.1:"),
        ({"MAIL": "421 busy"}, Unavailable, "421 busy"),
    ],
)
def test_what_a_mail_server_refuses(
    mail: MailServer, script: dict[str, str], error: type[Exception], words: str
) -> None:
    """One error each."""
    mail.script |= script
    with pytest.raises(error) as raised:
        mailing(mail).deliver(PARCEL)
    assert words in str(raised.value)


def test_a_mail_server_that_is_down() -> None:
    """Told with its address."""
    with mail_server() as gone:
        port = gone.port
    with pytest.raises(Unavailable, match=f"mail cannot be handed in at 127.0.0.1:{port}: "):
        MailCourier(Server("127.0.0.1", port, "none"), SENDER, TO).deliver(PARCEL)
