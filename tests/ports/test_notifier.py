"""The contract of the Notifier port, on a recording channel, the log, and Slack with a local server."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.log_notifier import LogNotifier
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.notifiers import Notifiers
from sysproduction.adapters.slack_notifier import Patience, SlackNotifier
from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.errors import Unavailable
from sysproduction.ports import Document, Notifier
from sysproduction.stores.incidents import Incidents
from tests.slack_server import CHANNEL, TOKEN, slack_server

CRASH = Alert("process/run_x/crashed", "run_x crashed", "exit code 3", Severity.CRITICAL)


@dataclass
class Recording:
    """A channel that keeps what it is told."""

    said: list[str] = field(default_factory=list)

    def alert(self, alert: Alert) -> None:
        self.said.append(f"{alert.title}: {alert.text}")

    def recover(self, key: str, text: str) -> None:
        self.said.append(f"Recovered {key}: {text}")

    def flush(self, seconds: float) -> None:
        pass


class FailingDocuments(MemoryDocuments):
    """A store that can be switched off; the first write after `lose_answer` happens but raises."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.lose_answer = False
        self.calls = 0

    def get(self, collection: str, key: str) -> Document | None:
        self._check()
        return super().get(collection, key)

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        self._check()
        stored = super().insert(collection, key, body)
        if self.lose_answer:
            self.lose_answer = False
            raise Unavailable("no answer")
        return stored

    def _check(self) -> None:
        self.calls += 1
        if self.is_down:
            raise Unavailable("down")


@dataclass
class Bench:
    """One channel under test, and the notifiers of several processes that share a store."""

    channel: Notifier
    read: Callable[[], list[str]]
    documents: FailingDocuments = field(default_factory=FailingDocuments)
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)))

    def notifier(self) -> Notifier:
        return Notifiers([self.channel], incidents=Incidents(self.documents), clock=self.clock)

    def said(self) -> list[str]:
        """What reached the human so far, in order."""
        self.channel.flush(10)
        return self.read()


@pytest.fixture(params=["memory", "log", "slack"])
def bench(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The channel that each test runs on."""
    with ExitStack() as stack:
        if request.param == "memory":
            channel = Recording()
            yield Bench(channel, lambda: channel.said)
        elif request.param == "log":
            caplog.set_level(logging.INFO, "test.alerts")
            log = logging.getLogger("test.alerts")
            yield Bench(LogNotifier(log), lambda: [r.getMessage() for r in caplog.records if r.name == log.name])
        else:
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
                monkeypatch.delenv(name, raising=False)
            server = stack.enter_context(slack_server())
            slack = SlackNotifier(TOKEN, CHANNEL, base_url=server.url, patience=Patience(backoff_seconds=0.01))
            yield Bench(slack, lambda: server.posted)
            slack.flush(10)  # what still waits would be tried against a server that is gone


def test_an_alert_says_its_title_and_text(bench: Bench) -> None:
    """A first alert reaches the human with all that it says."""
    bench.notifier().alert(CRASH)
    (said,) = bench.said()
    assert "run_x crashed" in said
    assert "exit code 3" in said


def test_an_open_incident_speaks_once(bench: Bench) -> None:
    """Alerts with one key are said once, also by another process and after a restart; another key is said too."""
    first, second = bench.notifier(), bench.notifier()
    for notifier in (first, first, second, bench.notifier()):
        notifier.alert(CRASH)
    second.alert(Alert("process/run_y/crashed", "run_y crashed"))
    assert [("run_x" in said, "run_y" in said) for said in bench.said()] == [(True, False), (False, True)]
    assert [i.count for i in Incidents(bench.documents).all()] == [4, 1]


def test_a_recovery_is_said_once_and_reopens_the_key(bench: Bench) -> None:
    """The end of an incident is said once, by whichever process sees it first, with what it ends; then it may speak
    again."""
    first, second = bench.notifier(), bench.notifier()
    first.alert(CRASH)
    bench.clock.sleep(3720)
    second.alert(CRASH)
    second.recover(CRASH.key, "run_x succeeded")
    first.recover(CRASH.key, "run_x succeeded")
    first.alert(CRASH)
    said = bench.said()
    assert len(said) == 3
    assert "run_x succeeded" in said[1]
    assert "Ends: run_x crashed (2 alerts in 1 h 2 min)" in said[1]


def test_a_recovery_without_an_incident_is_silent(bench: Bench) -> None:
    """Nothing is said of the end of what was never said."""
    bench.notifier().recover(CRASH.key, "run_x succeeded")
    assert bench.said() == []


def test_without_the_store_it_still_speaks_once(bench: Bench) -> None:
    """While the store is down, alert and recovery are said once by each process that meets them."""
    bench.documents.is_down = True
    notifier = bench.notifier()
    notifier.alert(CRASH)
    notifier.alert(CRASH)
    notifier.recover(CRASH.key, "run_x succeeded")
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 2


def test_a_store_that_is_down_is_asked_rarely(bench: Bench) -> None:
    """A caller does not wait for the dead store at every alert."""
    bench.documents.is_down = True
    notifier = bench.notifier()
    for number in range(20):
        notifier.alert(Alert(f"key {number}", "title"))
    assert bench.documents.calls == 1
    assert len(bench.said()) == 20


def test_an_alert_from_memory_is_not_repeated_when_the_store_is_back(bench: Bench) -> None:
    """What was said from memory is recorded silently later, and its recovery is said."""
    notifier = bench.notifier()
    bench.documents.is_down = True
    notifier.alert(CRASH)
    bench.documents.is_down = False
    bench.clock.sleep(60)
    notifier.alert(CRASH)
    assert len(bench.said()) == 1
    bench.notifier().alert(CRASH)
    assert len(bench.said()) == 1, "the other process finds it recorded"
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 2


def test_an_alert_from_memory_recovers_when_the_store_is_back(bench: Bench) -> None:
    """The recovery of what was only said from memory is said although nothing is recorded."""
    notifier = bench.notifier()
    bench.documents.is_down = True
    notifier.alert(CRASH)
    bench.documents.is_down = False
    bench.clock.sleep(60)
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 2


def test_a_recovery_during_an_outage_is_caught_up(bench: Bench) -> None:
    """An incident that ends while the store is down is closed and told when the store is back; it may speak again."""
    bench.notifier().alert(CRASH)
    bench.documents.is_down = True
    notifier = bench.notifier()
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 1, "this process cannot know whether there was an incident"
    bench.documents.is_down = False
    bench.clock.sleep(60)
    notifier.flush(0)
    assert len(bench.said()) == 2
    notifier.alert(CRASH)
    assert len(bench.said()) == 3


def test_an_incident_that_returns_during_an_outage_stays_open(bench: Bench) -> None:
    """A recovery that could not be recorded is forgotten when the incident comes back before the store does."""
    notifier = bench.notifier()
    notifier.alert(CRASH)
    bench.documents.is_down = True
    notifier.recover(CRASH.key, "run_x succeeded")
    notifier.alert(CRASH)
    bench.documents.is_down = False
    bench.clock.sleep(60)
    notifier.flush(0)
    assert [i.alert for i in Incidents(bench.documents).all()] == [CRASH]


def test_a_write_whose_answer_is_lost_does_not_lose_the_alert(bench: Bench) -> None:
    """An incident that was recorded without an answer is still said, once, and recovers."""
    notifier = bench.notifier()
    bench.documents.lose_answer = True
    notifier.alert(CRASH)
    bench.clock.sleep(60)
    notifier.alert(CRASH)
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 2
    assert Incidents(bench.documents).all() == []


def test_a_recovery_from_memory_is_not_told_again(bench: Bench) -> None:
    """What was recovered from memory while the store was down is closed silently when it is back."""
    notifier = bench.notifier()
    bench.documents.lose_answer = True
    notifier.alert(CRASH)
    bench.documents.is_down = True
    notifier.recover(CRASH.key, "run_x succeeded")
    notifier.recover(CRASH.key, "run_x succeeded")
    assert len(bench.said()) == 2
    bench.documents.is_down = False
    bench.clock.sleep(60)
    notifier.flush(0)
    assert len(bench.said()) == 2
    assert Incidents(bench.documents).all() == []


def test_each_outage_of_the_store_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log says once an outage that alerts may repeat."""
    bench = Bench(Recording(), list)
    notifier = bench.notifier()
    for is_down in (True, True, False, True):
        bench.documents.is_down = is_down
        notifier.alert(CRASH)
        bench.clock.sleep(60)
    assert [r.getMessage() for r in caplog.records] == ["open incidents cannot be reached, alerts may repeat: down"] * 2


def test_the_channels_share_the_time_of_a_flush() -> None:
    """A channel that takes its time leaves the next one only the rest."""
    clock = SimulatedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    given: list[float] = []

    class Slow(Recording):
        def flush(self, seconds: float) -> None:
            given.append(seconds)
            clock.sleep(3)

    Notifiers([Slow(), Slow(), Slow()], incidents=Incidents(MemoryDocuments()), clock=clock).flush(5)
    assert given == [5, 2, 0]
