"""The Notifier that processes are given: asks the open incidents who speaks, then tells every channel."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from sysproduction.domain.alerts import Alert, Incident, recovery_text
from sysproduction.domain.errors import SysproductionError, Unavailable
from sysproduction.ports import Clock, Notifier

_AWAY_SECONDS: Final = 10.0
"""After the store failed, it is not asked again for so much machine time: a caller waits for it once."""
_KEYS_MAX: Final = 1000

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class OpenIncidents(Protocol):
    """What this module needs of stores.incidents.Incidents, which raises Unavailable."""

    def open(self, alert: Alert, now: datetime) -> bool:
        """Whether this alert opens its incident."""
        ...

    def close(self, key: str) -> Incident | None:
        """The incident that this call ended, if it ended one."""
        ...


class Notifiers:
    """Tells all `channels` once per incident, whichever process meets it. For one thread.

    While the incidents cannot be reached it speaks from memory: better twice than never. What it could not
    record is caught up when they can be reached again.
    """

    def __init__(self, channels: Sequence[Notifier], *, incidents: OpenIncidents, clock: Clock) -> None:
        self._channels = tuple(channels)
        self._incidents = incidents
        self._clock = clock
        self._away_until: float | None = None
        self._unrecorded: dict[str, None] = {}
        self._unclosed: dict[str, str | None] = {}

    def alert(self, alert: Alert) -> None:
        """Tell the channels, unless the incident is open already."""
        self._catch_up()
        told_from_memory = alert.key in self._unrecorded
        try:
            speaks = self._ask(partial(self._incidents.open, alert, self._clock.now())) and not told_from_memory
            self._unrecorded.pop(alert.key, None)
        except Unavailable:
            speaks = not told_from_memory
            _remember(self._unrecorded, alert.key, None)
            self._unclosed.pop(alert.key, None)
        if speaks:
            for channel in self._channels:
                channel.alert(alert)

    def recover(self, key: str, text: str) -> None:
        """Tell the channels, if the incident is open."""
        self._catch_up()
        was_told_here = key in self._unrecorded
        self._unrecorded.pop(key, None)
        try:
            incident = self._ask(partial(self._incidents.close, key))
        except Unavailable:
            incident = None
            told = was_told_here or self._unclosed.get(key, text) is None
            _remember(self._unclosed, key, None if told else text)
        if incident or was_told_here:
            self._tell_recovery(key, text, incident)

    def flush(self, seconds: float) -> None:
        """Give the channels, together, at most `seconds` to deliver."""
        self._catch_up()
        deadline = self._clock.monotonic() + seconds
        for channel in self._channels:
            channel.flush(max(0.0, deadline - self._clock.monotonic()))

    def _tell_recovery(self, key: str, text: str, incident: Incident | None) -> None:
        full = recovery_text(text, incident, self._clock.now()) if incident else text
        for channel in self._channels:
            channel.recover(key, full)

    def _catch_up(self) -> None:
        """Close what recovered while the incidents were away; tell of it where nobody did (no text: told)."""
        for key, text in list(self._unclosed.items()):
            try:
                incident = self._ask(partial(self._incidents.close, key))
            except Unavailable:
                return
            del self._unclosed[key]
            if incident and text is not None:
                self._tell_recovery(key, text, incident)

    def _ask(self, question: Callable[[], _T]) -> _T:
        """The answer; Unavailable for any failure of the store and for a while after it."""
        if self._away_until is not None and self._clock.monotonic() < self._away_until:
            raise Unavailable("the incidents could not be reached a moment ago")
        try:
            answer = question()
        except SysproductionError as error:
            if self._away_until is None:
                _log.warning("open incidents cannot be reached, alerts may repeat: %s", error)
            self._away_until = self._clock.monotonic() + _AWAY_SECONDS
            raise Unavailable(str(error)) from error
        self._away_until = None
        return answer


def _remember(memory: dict[str, _T], key: str, value: _T) -> None:
    """Keep `key`, and no more than _KEYS_MAX keys: the oldest is forgotten."""
    memory[key] = value
    if len(memory) > _KEYS_MAX:
        del memory[next(iter(memory))]
