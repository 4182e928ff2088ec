"""As what reports are written, and to whom they go."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """Kinds of files: one offline page, pictures of the figures, a printable document, a table a file, plain text."""

    HTML = "html"
    PNG = "png"
    PDF = "pdf"
    CSV = "csv"
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """Every report is written in these formats."""

    formats: tuple[Format, ...] = (Format.HTML, Format.CSV)
