"""What we ask of the outside, one Protocol each, and World: the frozen set of them that a process is given."""

from sysproduction.ports.broker import Broker, Served
from sysproduction.ports.delivery import Courier, Parcel
from sysproduction.ports.host import BeatHeart, Housekeeping, InitSystem, Notifier, Program, Programs, Signals, Usage
from sysproduction.ports.journal import BarSource, IndicatorColumns, Journal, RunEnd, RunHeader, RunStatus
from sysproduction.ports.market import Clock, Feed, PacedClock
from sysproduction.ports.storage import Document, DocumentDumps, Documents, Folders, Series, Stores, Version
from sysproduction.ports.world import World

__all__ = [
    "BarSource",
    "BeatHeart",
    "Broker",
    "Clock",
    "Courier",
    "Document",
    "DocumentDumps",
    "Documents",
    "Feed",
    "Folders",
    "Housekeeping",
    "IndicatorColumns",
    "InitSystem",
    "Journal",
    "Notifier",
    "PacedClock",
    "Parcel",
    "Program",
    "Programs",
    "RunEnd",
    "RunHeader",
    "RunStatus",
    "Series",
    "Served",
    "Signals",
    "Stores",
    "Usage",
    "Version",
    "World",
]
