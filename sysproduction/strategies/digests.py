"""Values as canonical JSON, and short digests of it."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from hashlib import sha256
from typing import Any


def canonical(value: Any, *, indent: int | None = None) -> str:
    """JSON that is the same text for the same value; sets are sorted, enumerations say their value."""
    return json.dumps(_plain(value), sort_keys=True, indent=indent)


def digest(value: Any) -> str:
    """16 hexadecimal digits."""
    return sha256(canonical(value).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(item)) for item in value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime | date) else value
