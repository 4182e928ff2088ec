"""How events reach those who asked for them: at once, in the order in which they asked."""

from collections.abc import Callable
from typing import Any

from sysproduction.domain.errors import InvariantBroken
from sysproduction.domain.events import Event

Receiver = Callable[[Any], None]


class EventBus:
    """Gives each event to the subscribers of exactly its class, in the order of their subscription, before `publish`
    returns; what a subscriber publishes meanwhile is delivered whole before the next subscriber has its turn. What
    a subscriber raises goes through to whoever published. It belongs to one thread."""

    def __init__(self) -> None:
        self._receivers: dict[type, tuple[Receiver, ...]] = {}
        self._depth = 0

    def subscribe(self, kind: type[Event], receiver: Receiver) -> None:
        """Let `receiver` have every event of this class from now on, after those who subscribed before."""
        self._receivers[kind] = (*self._receivers.get(kind, ()), receiver)

    def unsubscribe(self, kind: type[Event], receiver: Receiver) -> None:
        """End a subscription; one that there is not is nothing to end."""
        self._receivers[kind] = tuple(one for one in self._receivers.get(kind, ()) if one != receiver)

    def wanted(self, kind: type[Event]) -> bool:
        """Whether anybody is subscribed to this class."""
        return bool(self._receivers.get(kind))

    def publish(self, event: Event) -> None:
        """Deliver the event."""
        self._depth += 1
        for receive in self._receivers.get(type(event), ()):
            receive(event)
        self._depth -= 1

    def wait_until_system_idle(self) -> None:
        """Return once every published event was handled, which is at once, for delivery waits for nobody.

        Raises InvariantBroken if a subscriber asks while it handles an event: it would wait for itself.
        """
        if self._depth:
            raise InvariantBroken(
                "wait_until_system_idle was called while an event is being handled; it never could be"
            )
