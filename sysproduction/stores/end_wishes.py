"""Orders whose end an operator wants: wishes that the stack handler, which alone speaks to the broker, fulfils."""

from dataclasses import asdict
from typing import Final

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.ports import Documents
from sysproduction.stores.order_controls import Word

END_WISHES: Final = "order_end_wishes"


class EndWishes:
    """One document for each instrument or contract order, under its identifier; inserted by operators, deleted once the
    order has ended."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def ask(self, order_id: str, word: Word) -> bool:
        """Want the order's end; False if that is wanted already."""
        try:
            self._documents.insert(END_WISHES, order_id, asdict(word))
        except AlreadyExists:
            return False
        return True

    def all(self) -> dict[str, Word]:
        """Who wants the end of which orders, by identifier."""
        found = self._documents.find(END_WISHES)
        return {one.key: Word(one.body["by"], one.body["at"], one.body["why"]) for one in found}

    def fulfilled(self, order_id: str) -> None:
        """Forget a wish; whoever asks twice does no harm."""
        stored = self._documents.get(END_WISHES, order_id)
        if stored is None:
            return
        try:
            self._documents.delete(END_WISHES, order_id, stored.version)
        except Conflict:
            return
