"""A report as a printable document: the text on pages of fixed width, then a page for each figure."""

from io import BytesIO
from typing import Final

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure as Canvas

from sysproduction.reports.picture import draw
from sysproduction.reports.report import Report
from sysproduction.reports.text import as_text

_SIZE: Final = (11.69, 8.27)
"""A4 across, in inches."""

_LINES: Final = 62
_WIDTH: Final = 168
_POINTS: Final = 6.5


def document(report: Report) -> bytes:
    """The PDF file; two equal reports give equal bytes."""
    written = BytesIO()
    made = {"Title": f"{report.title}, {report.at:%Y-%m-%d}", "CreationDate": report.at, "ModDate": report.at}
    with PdfPages(written, metadata=made) as pages:
        lines = [part for line in as_text(report).splitlines() for part in _folded(line)]
        for first in range(0, len(lines), _LINES):
            canvas = Canvas(figsize=_SIZE)
            text = "\n".join(lines[first : first + _LINES])
            canvas.text(0.03, 0.97, text, family="monospace", fontsize=_POINTS, va="top", parse_math=False)
            pages.savefig(canvas)
        for figure in report.figures:
            canvas = Canvas(figsize=_SIZE, layout="constrained")
            draw(canvas.subplots(), figure)
            pages.savefig(canvas)
    return written.getvalue()


def _folded(line: str) -> list[str]:
    """A line that is too wide goes on below, set in."""
    if len(line) <= _WIDTH:
        return [line]
    rest = [f"    {line[at : at + _WIDTH - 4]}" for at in range(_WIDTH, len(line), _WIDTH - 4)]
    return [line[:_WIDTH], *rest]
