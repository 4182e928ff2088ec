"""A dead-man switch: an address that is pinged while all is well, whose owner raises the alarm when pings cease."""

import logging
import threading
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from sysproduction.domain.errors import ConfigError

_REQUEST_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class DeadManSwitch:
    """Pings `url` every `every_seconds`, as long as somebody goes on saying that all is well.

    The address is a secret, only its host is ever logged. Raises ConfigError for one that cannot be pinged.
    """

    def __init__(self, url: str, every_seconds: float, *, request_seconds: float = _REQUEST_SECONDS) -> None:
        if not every_seconds > 0:
            raise ConfigError(f"the dead-man switch cannot ping every {every_seconds:g} s: give more than 0")
        self._host = _checked(url)
        self._url = url
        self._every = every_seconds
        self._patience = request_seconds
        self._pinged: float | None = None
        self._thread: threading.Thread | None = None
        self._failing = False

    def well(self, now_monotonic: float) -> None:
        """All is well: ping if it is time and no ping is under way. Returns at once and never raises."""
        if self._pinged is not None and now_monotonic - self._pinged < self._every:
            return
        if self._thread is not None and self._thread.is_alive():
            return
        self._pinged = now_monotonic
        self._thread = threading.Thread(target=self._ping, name="dead-man", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads
            self._thread = None
            self._failed(str(error))

    def _ping(self) -> None:
        # Heavy, and only who has a switch needs it.
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        request = Request(self._url, headers={"User-Agent": "sysproduction"})
        try:
            urlopen(request, timeout=self._patience).close()
        except HTTPError as error:
            error.close()
            self._failed(f"it answers with status {error.code}")
        except OSError as error:
            reason = getattr(error, "reason", error)
            self._failed(getattr(reason, "strerror", None) or type(reason).__name__)
        except (HTTPException, ValueError) as error:  # their texts may show the address
            self._failed(type(error).__name__)
        else:
            if self._failing:
                _log.info("the dead-man switch at %s is reached again", self._host)
            self._failing = False

    def _failed(self, reason: str) -> None:
        if not self._failing:
            _log.warning("the dead-man switch at %s cannot be pinged: %s", self._host, reason)
        self._failing = True


def _checked(url: str) -> str:
    """The host that the address names; what is wrong with it is told without showing it."""
    advice = "give one such as https://host/path"
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ConfigError(f"the dead-man switch's address holds blanks or characters beyond ASCII: {advice}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"the dead-man switch's address is malformed: {advice}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ConfigError(f"the dead-man switch's address is not one of http or https: {advice}")
    if "@" in parts.netloc:
        raise ConfigError(f"the dead-man switch's address holds a user or password, which is not supported: {advice}")
    return parts.hostname
