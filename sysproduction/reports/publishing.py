"""A report in the formats that are wanted, and kept in a folder of its own."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Final

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.report_policies import Format
from sysproduction.ports import Folders
from sysproduction.reports.page import page
from sysproduction.reports.report import Report
from sysproduction.reports.tables_csv import tables_csv
from sysproduction.reports.text import as_text

Files = Mapping[str, bytes]


def folder_of(report: Report) -> str:
    """DAY/NAME: where a report is kept; one of the same day is replaced."""
    return f"{report.at:%Y-%m-%d}/{report.name}"


def files_of(report: Report, formats: Sequence[Format]) -> dict[str, bytes]:
    """Files by name; ConfigError if a library that a format needs is not installed."""
    return {name: content for one in formats for name, content in _WRITERS[one](report).items()}


def keep(folders: Folders, report: Report, formats: Sequence[Format]) -> Files:
    """Write the report's files; Unavailable if the disk is full or cannot be reached."""
    files = files_of(report, formats)
    folders.put(folder_of(report), files)
    return files


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
