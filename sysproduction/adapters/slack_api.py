"""Slack's API as those that post to it need it: a client, and what each of its answers means."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    from slack_sdk import WebClient

# What no retry mends; another error that Slack names concerns one message only.
_REFUSALS: Final = frozenset(
    (
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "access_denied"),
        *("missing_scope", "no_permission", "not_allowed_token_type", "ekm_access_denied", "org_login_required"),
        *("channel_not_found", "not_in_channel", "is_archived", "restricted_action", "team_access_not_granted"),
    )
)
_PASSING: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
TEXT_LENGTH_MAX: Final = 3000


@dataclass(frozen=True, slots=True)
class Delivered:
    """Slack has it."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Slack asks for silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """It may work later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """This message never works; `for_good`: nor does any other with this token and channel."""

    reason: str
    for_good: bool


Answer = Delivered | Limited | Failed | Rejected


def slack_client(token: str, base_url: str, seconds: int) -> "WebClient":
    """A client that never tells its token and retries nothing; ConfigError if the token cannot be right, or slack_sdk
    is not installed."""
    if not (token and token.isascii() and token.isprintable() and " " not in token):
        raise ConfigError("notify.slack.token: not a Slack token (it is empty, or has blanks or odd characters in it)")
    try:
        from slack_sdk import WebClient
    except ImportError as error:
        raise ConfigError("alerts to Slack need slack_sdk: pip install 'sysproduction[slack]'") from error
    silent = logging.Logger("slack_sdk", logging.CRITICAL)
    return WebClient(token, base_url, seconds, retry_handlers=[], logger=silent)


def answered(call: Callable[[], object]) -> Answer:
    """What Slack makes of a call."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        call()
    except SlackApiError as error:
        return _judged(error.response)
    except OSError as error:
        return Failed(str(error))
    except (SlackClientError, HTTPException, ValueError) as error:
        return Failed(type(error).__name__)
    return Delivered()


def escaped(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Text that Slack takes for text, cut to a length."""
    shown = text if len(text) <= length_max else text[: length_max - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _judged(response: Any) -> Answer:
    """What an answer of Slack's other than yes means."""
    data = response.data if isinstance(response.data, dict) else {}
    error = str(data.get("error", ""))[:80]
    if response.status_code == 429 or error in {"ratelimited", "rate_limited"}:
        return _limited(response.headers)
    if response.status_code >= 500 or error in _PASSING or response.status_code == 408:
        return Failed(f"HTTP {response.status_code}")
    return Rejected(error or f"HTTP {response.status_code}", for_good=error in _REFUSALS)


def _limited(headers: Any) -> Answer:
    asked = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    seconds = str(asked[0] if isinstance(asked, list) else asked).strip()
    return Limited(float(seconds)) if seconds.isdecimal() else Failed("HTTP 429 without Retry-After")
