"""Finished reports to those who shall have them; what cannot be delivered now is delivered with a later one."""

import json
from collections.abc import Callable, Sequence

from sysproduction.domain.alerts import Alert
from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.domain.report_policies import Channel
from sysproduction.ports import Folders, Notifier
from sysproduction.ports.delivery import Courier, Parcel
from sysproduction.reports.publishing import PARCEL
from sysproduction.stores.undelivered import Undelivered

Couriers = Callable[[Channel], Courier]


class Dispatch:
    """Delivers on every channel that is asked for, and tells a human once a channel when it does not work."""

    def __init__(self, folders: Folders, undelivered: Undelivered, couriers: Couriers, notifier: Notifier) -> None:
        self._folders = folders
        self._undelivered = undelivered
        self._couriers = couriers
        self._notifier = notifier

    def send(self, folder: str, channels: Sequence[Channel]) -> list[str]:
        """Deliver the report that is kept in this folder; why not, for each channel on which it could not be."""
        return [failed for channel in channels if (failed := self._send(folder, channel)) is not None]

    def _send(self, folder: str, channel: Channel) -> str | None:
        self._undelivered.add(channel, folder)
        try:
            courier = self._couriers(channel)
            for waiting in dict.fromkeys([folder, *self._undelivered.of(channel)]):
                parcel = _unpacked(self._folders, waiting)
                if parcel is not None:
                    courier.deliver(parcel)
                self._undelivered.remove(channel, waiting)
        except (Unavailable, ConfigError) as error:
            text = f"{error}; they are kept, and sent with the next ones that get through"
            self._notifier.alert(Alert(f"reports/{channel}", f"reports cannot be delivered by {channel}", text))
            return f"{channel}: {error}"
        self._notifier.recover(f"reports/{channel}", f"reports are delivered by {channel} again")
        return None


def _unpacked(folders: Folders, folder: str) -> Parcel | None:
    """None if the folder is gone."""
    content = folders.read(folder, PARCEL)
    if content is None:
        return None
    said = json.loads(content)
    files = {name: folders.read(folder, name) for name in said["files"]}
    found = {name: file for name, file in files.items() if file is not None}
    return Parcel(said["title"], tuple(said["lines"]), found)
