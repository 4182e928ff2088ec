"""Reports that are delivered, those that are not, and when a human is told."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_folders import MemoryFolders
from sysproduction.domain.errors import ConfigError, Unavailable
from sysproduction.domain.report_policies import Channel, Format, ReportPolicy
from sysproduction.ports.delivery import Parcel
from sysproduction.reports.delivering import Dispatch
from sysproduction.reports.publishing import folder_of, keep
from sysproduction.reports.report import Draft, Report
from sysproduction.stores.undelivered import KEPT, Undelivered
from tests.fakes import RecordingNotifier

POLICY = ReportPolicy((Format.CSV,), (Channel.SLACK,), (Format.TXT,))


@dataclass
class House:
    """A folder of reports, and couriers that take or refuse."""

    folders: MemoryFolders = field(default_factory=MemoryFolders)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    taken: list[Parcel] = field(default_factory=list)
    refusal: Exception | None = None

    def deliver(self, parcel: Parcel) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(parcel)

    def send(self, day: int, name: str = "roll_report", policy: ReportPolicy = POLICY) -> list[str]:
        made = report(day, name)
        keep(self.folders, made, policy)
        dispatch = Dispatch(self.folders, Undelivered(self.documents), lambda channel: self, self.notifier)
        return dispatch.send(folder_of(made), policy.deliver)


def report(day: int, name: str) -> Report:
    draft = Draft(name, f"Report {day}", datetime(2026, 1, day, 20, 25, tzinfo=UTC))
    draft.warn("look here")
    draft.missing.append("prices")
    draft.table("all", "All", ("a",), [{"a": day}])
    return draft.done()


def test_a_parcel_has_findings_and_the_files_that_go_along() -> None:
    """Formats to attach are made though they are not kept otherwise; others stay behind."""
    house = House()
    assert house.send(6) == []
    [parcel] = house.taken
    assert parcel.title == "Report 6, 2026-01-06 20:25 UTC"
    assert parcel.lines == ("! look here", "? prices")
    assert list(parcel.files) == ["roll_report.txt"]
    assert house.folders.read("2026-01-06/roll_report", "roll_report.all.csv") is not None


def test_one_alert_however_many_reports_fail_and_nothing_is_lost() -> None:
    """What could not be delivered goes with the first one that can be, and then it is over."""
    house = House(refusal=Unavailable("Slack limits the rate"))
    assert house.send(5) == ["slack: Slack limits the rate"]
    house.refusal = ConfigError("Slack refuses with invalid_auth: mend token and channel of notify.slack")
    house.send(6, "costs_report")
    house.send(6)
    [alert] = house.notifier.alerts
    assert alert.title == "reports cannot be delivered by slack"
    assert "they are kept, and sent with the next ones that get through" in alert.text
    house.refusal = None
    assert house.send(7) == []
    assert [parcel.title[:8] for parcel in house.taken] == ["Report 7", "Report 5", "Report 6", "Report 6"]
    assert house.notifier.told == [("alert", "reports/slack"), ("recovery", "reports/slack")]
    house.send(8)
    assert len(house.taken) == 5


def test_channels_do_not_wait_for_each_other() -> None:
    """Mail that is down keeps nothing from Slack."""
    house, both = House(), ReportPolicy((Format.TXT,), (Channel.EMAIL, Channel.SLACK), (Format.TXT,))
    made = report(6, "roll_report")
    keep(house.folders, made, both)

    def courier(channel: Channel) -> House:
        if channel is Channel.EMAIL:
            raise ConfigError("notify.email.host is null")
        return house

    dispatch = Dispatch(house.folders, Undelivered(house.documents), courier, house.notifier)
    assert dispatch.send(folder_of(made), both.deliver) == ["email: notify.email.host is null"]
    assert len(house.taken) == 1
    assert Undelivered(house.documents).of("email") == [folder_of(made)]


def test_what_waits_is_bounded_and_a_removed_folder_is_forgotten() -> None:
    """The oldest go first; a report whose folder is gone is delivered no more."""
    undelivered = Undelivered(MemoryDocuments())
    for number in range(KEPT + 3):
        undelivered.add("slack", f"2026-01-01/r{number:04d}")
    assert len(undelivered.of("slack")) == KEPT
    assert undelivered.of("slack")[0] == "2026-01-01/r0003"
    house = House(refusal=Unavailable("away"))
    house.send(5)
    house.folders.delete("2026-01-05/roll_report")
    house.refusal = None
    house.send(6)
    assert [parcel.title[:8] for parcel in house.taken] == ["Report 6"]
    assert Undelivered(house.documents).of("slack") == []
