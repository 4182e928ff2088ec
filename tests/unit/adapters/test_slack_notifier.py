"""The Slack channel against a local server: what it posts, when it tries again, and what it never tells."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from sysproduction.adapters.slack_notifier import Patience, SlackNotifier, pause_after
from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.errors import ConfigError
from tests.slack_server import CHANNEL, TOKEN, Answer, SlackServer, slack_server

QUICK = Patience(request_seconds=1, backoff_seconds=0.01)
FORKING = """
import os, sys
from sysproduction.adapters.slack_notifier import SlackNotifier
from sysproduction.domain.alerts import Alert
slack = SlackNotifier(sys.argv[1], sys.argv[2], base_url=sys.argv[3])
slack.alert(Alert("k", "from the parent"))
child = os.fork()
if child == 0:
    slack.flush(0)
    slack.alert(Alert("k", "from the child"))
    slack.flush(10)
    os._exit(0)
os.waitpid(child, 0)
slack.flush(10)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """A local Slack that no proxy stands before."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with slack_server() as server:
        yield server


def notifier(server: SlackServer, *, patience: Patience = QUICK, token: str = TOKEN) -> SlackNotifier:
    return SlackNotifier(token, CHANNEL, base_url=server.url, patience=patience)


def alerts(*titles: str, severity: Severity = Severity.WARNING) -> list[Alert]:
    return [Alert(title, title, severity=severity) for title in titles]


def no_thread_is_left(seconds: float = 10.0) -> bool:
    """Whether the delivering threads end within `seconds`."""
    for thread in threading.enumerate():
        if thread.name == "slack":
            thread.join(seconds)
    return not any(thread.name == "slack" for thread in threading.enumerate())


def test_a_message_is_bounded_escaped_and_carries_its_key(server: SlackServer) -> None:
    """Title, text and key are posted with Slack's three characters escaped and an endless text cut."""
    slack = notifier(server)
    slack.alert(Alert("process/x", "a <b> & c", "y" * 10_000, Severity.CRITICAL))
    slack.flush(10)
    (posted,) = server.posted
    assert posted.startswith(":rotating_light: *a &lt;b&gt; &amp; c*\nyyy")
    assert posted.endswith("y…\n`process/x`")
    assert len(posted) < 3200


def test_the_order_is_kept_and_the_thread_ends(server: SlackServer) -> None:
    """Messages arrive in the order of the alerts, and nothing runs once none waits."""
    slack = notifier(server)
    for alert in alerts(*"abcde"):
        slack.alert(alert)
    slack.flush(10)
    assert [posted.split("*")[1] for posted in server.posted] == list("abcde")
    assert no_thread_is_left()


def test_retry_after_is_obeyed_exactly(server: SlackServer) -> None:
    """After a 429 nothing is sent for as long as Slack asked, and then at once; nothing is lost."""
    server.script = [Answer(status=429, error="ratelimited", retry_after="1")]
    slack = notifier(server)
    for alert in alerts("a", "b"):
        slack.alert(alert)
    slack.flush(10)
    first, second = server.requested_at[:2]
    assert 1.0 <= second - first < 1.8
    assert len(server.posted) == 2


@pytest.mark.parametrize(
    "bad",
    [
        Answer(status=500, body=b"<html>oops</html>"),
        Answer(status=503, error="service_unavailable"),
        Answer(error="internal_error"),
        Answer(status=429, error="ratelimited"),
        Answer(hang=True),
    ],
    ids=["500", "503", "internal_error", "429 without a time", "hang"],
)
def test_a_passing_failure_is_tried_again(server: SlackServer, bad: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """Errors that pass are retried until Slack takes the message; one line of the log tells of them."""
    server.script = [bad, bad]
    slack = notifier(server)
    slack.alert(Alert("k", "title"))
    slack.flush(10)
    assert len(server.posted) == 1
    assert len(server.requested_at) == 3
    assert [r.getMessage().split(":")[0] for r in caplog.records] == ["Slack cannot be reached, trying again"]


def test_retries_are_bounded_and_the_loss_is_said(server: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    """A message that fails too often is given up in the log; the next one says how many are missing."""
    server.script = [Answer(status=500)] * 3
    slack = notifier(server, patience=Patience(backoff_seconds=0.001, attempts_max=3))
    slack.alert(Alert("a", "first"))
    slack.flush(10)
    slack.alert(Alert("b", "second"))
    slack.alert(Alert("c", "third"))
    slack.flush(10)
    assert "gave up the message 'first'" in caplog.text
    assert "(1 earlier messages could not be delivered)" in server.posted[0]
    assert "earlier messages" not in server.posted[1]


def test_a_full_queue_drops_the_quiet_first_and_says_so(server: SlackServer) -> None:
    """While Slack is silent the queue is bounded: an old INFO gives way before a WARNING, and the count is told."""
    server.script = [Answer(hang=True)]
    slack = notifier(server, patience=Patience(request_seconds=1, backoff_seconds=0.01, waiting_max=3))
    slack.alert(Alert("w0", "w0"))
    server.wait_for_requests(1)
    for alert in (*alerts("i1", "i2", severity=Severity.INFO), *alerts("w1", "w2")):
        slack.alert(alert)
    slack.flush(10)
    assert [posted.split("*")[1] for posted in server.posted] == ["w0", "w1", "w2"]
    assert "(2 earlier messages" in server.posted[0]


@pytest.mark.parametrize("error", ["invalid_auth", "channel_not_found"])
def test_a_refusal_is_logged_once_and_ends_all_tries(
    server: SlackServer, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What only a new configuration mends is said once in the log, with what to do, and Slack is left alone."""
    server.script = [Answer(error=error)]
    slack = notifier(server)
    for alert in alerts("a", "b", "c"):
        slack.alert(alert)
        slack.flush(10)
    assert len(server.requested_at) == 1
    (record,) = caplog.records
    assert record.getMessage().startswith(f"Slack refuses with {error}: mend token and channel of notify.slack")


def test_a_message_that_slack_does_not_take_stops_no_other(
    server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that concerns one message is logged and the next message is sent."""
    server.script = [Answer(error="msg_too_long")]
    slack = notifier(server)
    for alert in alerts("a", "b"):
        slack.alert(alert)
    slack.flush(10)
    assert [posted.split("*")[1] for posted in server.posted] == ["b"]
    assert "Slack does not take the message 'a': msg_too_long" in caplog.text


def test_a_silent_slack_delays_nobody(server: SlackServer) -> None:
    """Alerts return at once and flush keeps its bound although Slack never answers."""
    server.script = [Answer(hang=True)] * 50
    slack = notifier(server)
    began = time.monotonic()
    for number in range(1000):
        slack.alert(Alert(f"k{number}", "title"))
    alerted = time.monotonic()
    slack.flush(0.2)
    assert alerted - began < 0.5
    assert 0.2 <= time.monotonic() - alerted < 0.7
    server.released.set()
    server.script.clear()
    slack.flush(20)
    assert no_thread_is_left()


def test_nobody_listening_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An address where nobody listens costs the caller nothing, and the log says why nothing arrives."""
    with slack_server() as server:
        url = server.url
    slack = SlackNotifier(TOKEN, CHANNEL, base_url=url, patience=Patience(backoff_seconds=0.001, attempts_max=2))
    slack.alert(Alert("k", "title"))
    slack.flush(10)
    assert "Connection refused" in caplog.text
    assert no_thread_is_left()


def test_parent_and_child_each_deliver_their_own(server: SlackServer) -> None:
    """After a fork the child posts what it was told and not what waits in its parent."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    command = [sys.executable, "-c", FORKING, TOKEN, CHANNEL, server.url]
    subprocess.run(command, check=True, timeout=30, env=environment)
    assert sorted(posted.split("*")[1] for posted in server.posted) == ["from the child", "from the parent"]


@pytest.mark.parametrize("answer", [Answer(), Answer(error="invalid_auth"), Answer(status=500), Answer(hang=True)])
def test_the_token_is_never_told(server: SlackServer, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level, no repr and no posted text holds the token."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
    server.script = [answer]
    slack = notifier(server)
    slack.alert(Alert("k", "title"))
    slack.flush(10)
    assert len(server.requested_at) >= 1
    told = [caplog.text, repr(slack), str(slack), *server.posted, *(repr(r.__dict__) for r in caplog.records)]
    assert not any("canary" in text for text in told)


@pytest.mark.parametrize("token", ["", "xoxb-canary\nX-Header: 1", "xoxb canary", "xoxb-canaryé"])
def test_a_token_that_cannot_be_right_is_refused_without_telling_it(token: str) -> None:
    """A token with line breaks, blanks or odd characters is a configuration error that does not show it."""
    with pytest.raises(ConfigError, match=r"notify\.slack\.token") as raised:
        SlackNotifier(token, CHANNEL)
    assert "canary" not in str(raised.value)


def test_an_empty_channel_is_refused() -> None:
    """A channel must be named."""
    with pytest.raises(ConfigError, match=r"notify\.slack\.channel"):
        SlackNotifier(TOKEN, " ")


def test_without_slack_sdk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional library's absence is a configuration error with the command that mends it."""
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    with pytest.raises(ConfigError, match=r"pip install 'sysproduction\[slack\]'"):
        SlackNotifier(TOKEN, CHANNEL)


def test_pauses_double_up_to_a_minute() -> None:
    """The pause grows with each failure in a row and is bounded, also after very many."""
    assert [pause_after(n, 1.0) for n in (1, 2, 3, 7, 5000)] == [1.0, 2.0, 4.0, 60.0, 60.0]


def test_each_outage_of_slack_is_logged_and_starts_with_a_short_pause(
    server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A success ends an outage: the next failure is told again, and the pauses begin anew."""
    slack = notifier(server)
    for alert in alerts("a", "b"):
        server.script = [Answer(status=500)]
        slack.alert(alert)
        slack.flush(10)
    assert [r.getMessage() for r in caplog.records] == ["Slack cannot be reached, trying again: HTTP 500"] * 2
