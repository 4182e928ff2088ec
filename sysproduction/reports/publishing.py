"""A report in the formats that are wanted, and kept in a folder of its own."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Final

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.report_policies import Format, ReportPolicy
from sysproduction.ports import Folders
from sysproduction.reports.page import page
from sysproduction.reports.report import Report
from sysproduction.reports.tables_csv import tables_csv
from sysproduction.reports.text import MARKS, as_text

Files = Mapping[str, bytes]

PARCEL: Final = "parcel.json"
"""What a folder says of its files for those who deliver them."""


def folder_of(report: Report) -> str:
    """DAY/NAME: where a report is kept; one of the same day is replaced."""
    return f"{report.at:%Y-%m-%d}/{report.name}"


def files_of(report: Report, formats: Sequence[Format]) -> dict[str, bytes]:
    """Files by name; ConfigError if a library that a format needs is not installed."""
    return {name: content for one in formats for name, content in _WRITERS[one](report).items()}


def keep(folders: Folders, report: Report, policy: ReportPolicy, *besides: Format) -> Files:
    """Put the report's files, in the policy's formats and some more, into its folder, with what a delivery says of
    them; Unavailable if the disk is full or cannot be reached."""
    wanted = {*policy.formats, *besides, *(policy.attach if policy.deliver else ())}
    files = files_of(report, sorted(wanted))
    folders.put(folder_of(report), {**files, PARCEL: _parcel(report, files, policy.attach)})
    return files


def _parcel(report: Report, files: Files, attach: Sequence[Format]) -> bytes:
    endings = tuple(f".{kind}" for kind in attach)
    said = {
        "title": f"{report.title}, {report.at:%Y-%m-%d %H:%M} UTC",
        "lines": [f"{MARKS[one.level]} {one.text}" for one in report.findings]
        + [f"? {text}" for text in report.missing],
        "files": [name for name in files if name.endswith(endings)],
    }
    return json.dumps(said, indent=1).encode()


def _html(report: Report) -> Files:
    return {f"{report.name}.html": page(report).encode()}


def _csv(report: Report) -> Files:
    return {f"{report.name}.{name}.csv": text.encode() for name, text in tables_csv(report).items()}


def _txt(report: Report) -> Files:
    return {f"{report.name}.txt": as_text(report).encode()}


def _png(report: Report) -> Files:
    _need("matplotlib", Format.PNG)
    from sysproduction.reports.picture import picture

    return {f"{report.name}.png": picture(report)}


def _pdf(report: Report) -> Files:
    _need("matplotlib", Format.PDF)
    from sysproduction.reports.document import document

    return {f"{report.name}.pdf": document(report)}


def _need(library: str, wanted: Format) -> None:
    if find_spec(library) is None:
        raise ConfigError(f"reports as {wanted} need {library}: `pip install 'sysproduction[reports]'`")


_WRITERS: Final[Mapping[Format, Callable[[Report], Files]]] = {
    Format.HTML: _html,
    Format.PNG: _png,
    Format.PDF: _pdf,
    Format.CSV: _csv,
    Format.TXT: _txt,
}
