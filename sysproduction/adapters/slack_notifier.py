"""Alerts as Slack messages, delivered by a thread that lives only while messages wait."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sysproduction.adapters.slack_api import (
    Answer,
    Delivered,
    Failed,
    Limited,
    Rejected,
    answered,
    escaped,
    slack_client,
)
from sysproduction.domain.alerts import Alert, Message, Outbox, Severity
from sysproduction.domain.errors import ConfigError

_MARKS: Final = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.CRITICAL: ":rotating_light:",
}
_BACKOFF_SECONDS_MAX: Final = 60.0

_log = logging.getLogger(__name__)


_Post = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class Patience:
    """How hard to try: seconds for one request, the first pause after a failure (it doubles up to a minute),
    attempts for one message (about an hour's worth), and how many messages may wait."""

    request_seconds: int = 10
    backoff_seconds: float = 1.0
    attempts_max: int = 60
    waiting_max: int = 100


class SlackNotifier:
    """Posts whatever it is told; Notifiers in front of it keeps an incident from speaking twice.

    `alert` and `recover` only queue. A process that forks starts with an empty queue in the child. Raises
    ConfigError if slack_sdk is not installed or the token or the channel cannot be right.
    """

    def __init__(
        self, token: str, channel: str, *, base_url: str = "https://slack.com/api/", patience: Patience | None = None
    ) -> None:
        patience = patience or Patience()
        self._channel = channel
        post = _poster(token, channel, base_url, patience.request_seconds)
        self._make: Callable[[], _Courier] = partial(_Courier, post, patience)
        self._courier = self._make()

    def __repr__(self) -> str:
        return f"SlackNotifier(channel={self._channel!r})"

    def alert(self, alert: Alert) -> None:
        """Queue it."""
        self._own_courier().put(Message(alert.severity, alert.key, alert.title, alert.text))

    def recover(self, key: str, text: str) -> None:
        """Queue it, as loud as a warning: whoever was alarmed wants to know."""
        title, _, rest = text.partition("\n")
        self._own_courier().put(Message(Severity.WARNING, key, f"Recovered: {title}", rest))

    def flush(self, seconds: float) -> None:
        """Wait until nothing waits to be delivered, at most `seconds`."""
        self._own_courier().wait_until_empty(seconds)

    def _own_courier(self) -> "_Courier":
        if self._courier.pid != os.getpid():
            self._courier = self._make()
        return self._courier


class _Courier:
    """A queue with the thread that empties it, of one process."""

    def __init__(self, post: _Post, patience: Patience) -> None:
        self.pid = os.getpid()
        self._post = post
        self._patience = patience
        self._changed = threading.Condition()
        self._outbox = Outbox(patience.waiting_max)
        self._thread: threading.Thread | None = None
        self._refused = False
        self._failures = 0

    def put(self, message: Message) -> None:
        with self._changed:
            if self._refused:
                return
            self._outbox = self._outbox.put(message)
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def wait_until_empty(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._outbox.waiting, seconds)

    def _start(self) -> None:
        thread = threading.Thread(target=self._deliver_all, name="slack", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is ending
            _log.error("no thread can be started to deliver messages to Slack: %s", error)
        else:
            self._thread = thread

    def _deliver_all(self) -> None:
        while True:
            with self._changed:
                if not self._outbox.waiting:
                    self._thread = None
                    return
                message, dropped = self._outbox.waiting[0], self._outbox.dropped
            answer = self._post(_rendered(message, dropped))
            with self._changed:
                pause = self._take(answer, message, dropped)
                self._changed.notify_all()
            time.sleep(pause)

    def _take(self, answer: Answer, message: Message, dropped: int) -> float:
        """Change the queue as the answer asks; seconds to pause before the next attempt."""
        match answer:
            case Delivered():
                self._outbox = self._outbox.delivered(message, dropped)
                self._failures = 0
            case Limited(seconds):
                return seconds
            case Failed(reason):
                return self._fail(reason, message)
            case Rejected(reason, for_good=False):
                _log.error("Slack does not take the message %r: %s", message.title, reason)
                self._outbox = self._outbox.give_up(message)
            case Rejected(reason):
                self._refused = True
                self._outbox = Outbox(self._patience.waiting_max)
                advice = "mend token and channel of notify.slack; nothing more is sent to Slack until a restart"
                _log.error("Slack refuses with %s: %s", reason, advice)
        return 0.0

    def _fail(self, reason: str, message: Message) -> float:
        self._failures += 1
        if self._failures == 1:
            _log.warning("Slack cannot be reached, trying again: %s", reason)
        if self._failures % self._patience.attempts_max == 0:
            _log.error("Slack could not be reached %d times; gave up the message %r", self._failures, message.title)
            self._outbox = self._outbox.give_up(message)
        return pause_after(self._failures, self._patience.backoff_seconds)


def pause_after(failures: int, first: float) -> float:
    """Seconds to wait after so many failures in a row: doubles from `first` up to a minute."""
    return min(first * 2.0 ** min(failures - 1, 30), _BACKOFF_SECONDS_MAX)


def _rendered(message: Message, dropped: int) -> str:
    """Slack's markup of a message; the length is bounded."""
    note = f"({dropped} earlier messages could not be delivered)" if dropped else ""
    title = f"{_MARKS[message.severity]} *{escaped(message.title)}*"
    lines = (title, escaped(message.text), f"`{escaped(message.key)}`", note)
    return "\n".join(line for line in lines if line)


def _poster(token: str, channel: str, base_url: str, seconds: int) -> _Post:
    """A function that posts one text. It never tells the token, whatever happens."""
    if not channel.strip():
        raise ConfigError("notify.slack.channel: name the channel that alerts go to")
    client = slack_client(token, base_url, seconds)
    return lambda text: answered(lambda: client.chat_postMessage(channel=channel, text=text))
