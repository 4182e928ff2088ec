"""A paper account in the store: what trading on paper begins with, until a broker says what an account is worth."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sysproduction.domain.broker import Account
from sysproduction.domain.errors import AlreadyExists
from sysproduction.ports import Documents

COLLECTION: Final = "paper_accounts"
PAPER: Final = "PAPER"


class PaperAccount:
    """Kept in the collection `paper_accounts`; opened at its first use with `value`."""

    def __init__(self, documents: Documents, value: float, currency: str, now: Callable[[], datetime]) -> None:
        self._documents, self._value, self._currency, self._now = documents, value, currency, now

    def account(self) -> Account:
        """What it is worth now."""
        document = self._documents.get(COLLECTION, PAPER)
        if document is None:
            try:
                body = {"value": self._value, "currency": self._currency, "margin_used": 0.0}
                document = self._documents.insert(COLLECTION, PAPER, body)
            except AlreadyExists:
                return self.account()
        return Account(account=PAPER, at=self._now(), **document.body)
