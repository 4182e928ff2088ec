"""Reports as Slack messages: the findings as blocks, the files in the message's thread."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

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
from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.ports.delivery import Parcel

_HEADER_MAX: Final = 150
_BLOCKS_MAX: Final = 45
_LINE_MAX: Final = 600
_REQUEST_SECONDS: Final = 20
_TRIES: Final = 3
_WAIT_SECONDS_MAX: Final = 60.0
_PAUSE_SECONDS: Final = 1.0


class SlackCourier:
    """Posts to one channel. ConfigError at once for a token that cannot be right, or without slack_sdk."""

    def __init__(self, token: str, channel: str, *, base_url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = slack_client(token, base_url, _REQUEST_SECONDS)
        self._channel = channel
        self._sleep = sleep

    def deliver(self, parcel: Parcel) -> None:
        """As the port: the message first, since its answer names the channel as files need it."""
        posted: dict[str, Any] = {}
        blocks = list(_blocks(parcel))
        self._tried(lambda: posted.update(self._post(parcel.title, blocks)))
        if parcel.files:
            self._tried(lambda: self._upload(parcel.files, posted["channel"], posted["ts"]))

    def _post(self, title: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
        answer = self._client.chat_postMessage(channel=self._channel, text=escaped(title), blocks=blocks)
        return {"channel": answer["channel"], "ts": answer["ts"]}

    def _upload(self, files: Mapping[str, bytes], channel: str, thread: str) -> None:
        uploads = [{"filename": name, "title": name, "content": content} for name, content in files.items()]
        self._client.files_upload_v2(file_uploads=uploads, channel=channel, thread_ts=thread)

    def _tried(self, call: Callable[[], object]) -> None:
        """Until Slack takes it; as often as may help."""
        for tries_left in reversed(range(_TRIES)):
            answer = answered(call)
            if isinstance(answer, Delivered):
                return
            self._sleep(_pause(answer, tries_left))


def _pause(answer: Answer, tries_left: int) -> float:
    """Seconds to wait before the next attempt; raises where there is none, or Slack wants too much patience."""
    match answer:
        case Rejected(reason, for_good=True):
            raise ConfigError(f"Slack refuses with {reason}: mend token and channel of notify.slack")
        case Rejected(reason):
            raise Unavailable(f"Slack does not take it: {reason}")
        case Limited(seconds) if tries_left and seconds <= _WAIT_SECONDS_MAX:
            return seconds
        case Limited(seconds):
            raise Unavailable(f"Slack limits the rate: it asks for {seconds:g} s of silence")
        case Failed(reason) if not tries_left:
            raise Unavailable(f"Slack cannot be reached: {reason}")
    return _PAUSE_SECONDS


def _blocks(parcel: Parcel) -> Iterator[dict[str, Any]]:
    """A header, then the lines, as many as a message may hold."""
    header = parcel.title if len(parcel.title) <= _HEADER_MAX else parcel.title[: _HEADER_MAX - 1] + "…"
    yield {"type": "header", "text": {"type": "plain_text", "text": header}}
    left = parcel.lines[_BLOCKS_MAX:]
    lines = [*parcel.lines[:_BLOCKS_MAX], *([f"… and {len(left)} more"] if left else [])]
    for line in lines:
        yield {"type": "section", "text": {"type": "mrkdwn", "text": escaped(line, _LINE_MAX)}}
