"""Store a document whatever is there now, without losing a race and without needless writes."""

from collections.abc import Mapping
from typing import Any

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.ports import Documents


def upsert(documents: Documents, collection: str, key: str, body: Mapping[str, Any]) -> bool:
    """Make `body` the document's content; False if it was so already. The last of several writers wins."""
    while True:
        stored = documents.get(collection, key)
        if stored is not None and dict(stored.body) == dict(body):
            return False
        try:
            if stored is None:
                documents.insert(collection, key, body)
            else:
                documents.replace(collection, key, body, stored.version)
        except (AlreadyExists, Conflict):
            continue
        return True
