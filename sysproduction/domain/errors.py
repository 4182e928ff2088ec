"""The kinds of failure, each with the exit code that the command line gives it; an expected no is a Refused value."""

from dataclasses import dataclass


class SysproductionError(Exception):
    """Root of every error that the product raises on purpose; the message says what, where and what to do."""

    exit_code = 1


class ConfigError(SysproductionError):
    """Settings, arguments or files that the user must mend: refuse to start, never restart."""

    exit_code = 2


class DataError(SysproductionError):
    """Missing, stale or malformed data for one item: skip the item, report it, go on with the rest."""


class Unavailable(SysproductionError):
    """A store, broker or disk that cannot be reached or is full: back off within bounds, then fail."""

    exit_code = 3


class OutcomeUnknown(SysproductionError):
    """Sent, but no answer came: it may have happened. Never send it again; find out, or let a human decide."""

    exit_code = 3


class InvariantBroken(SysproductionError):
    """Stored state contradicts itself: stop, alert a human, do not restart."""


class AlreadyExists(SysproductionError):
    """An insert met a document with the same key, or with equal values in a unique index."""


class Conflict(SysproductionError):
    """A compare-and-set met another version: somebody else wrote first; read again and decide anew."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An expected no (limit, lock, wrong state), with its reason in words for the operator."""

    reason: str

    exit_code = 4
