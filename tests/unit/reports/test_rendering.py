"""One report as page, picture, document, tables and text."""

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from io import StringIO
from math import inf, nan, pi

import pytest

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.report_policies import Format
from sysproduction.reports import publishing
from sysproduction.reports.publishing import files_of
from sysproduction.reports.report import Draft, Figure, Report
from sysproduction.reports.text import as_text, shown

AT = datetime(2026, 1, 6, 20, 25, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>"
UPLOT = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
"""SHA-256 of uPlot 1.6.32's dist/uPlot.iife.min.js in the package registry npm."""


def report() -> Report:
    draft = Draft("odd_report", f"Odd {HOSTILE}", AT)
    draft.note("a note")
    draft.warn(HOSTILE)
    draft.missing.append("prices of OATS")
    columns = ("instrument", "big_number", "small", "when", "day", "whole", "yes", "nothing")
    rows = [
        dict(zip(columns, (HOSTILE, 1234567.891, pi / 1000, AT, date(2026, 1, 6), 3, True, None), strict=True)),
        dict(zip(columns, ("B", -1.5, nan, AT, date(2026, 1, 5), -4, False, None), strict=True)),
    ]
    draft.table("odd", "Odd rows", columns, rows, "Words.")
    times = [AT + timedelta(days=day) for day in range(3)]
    draft.figures.append(Figure("Curve", "%", {HOSTILE: [1.0, nan, inf], "b": [1.0, None, 3.0]}, times))
    draft.bars("Bars", "USD", rows, "instrument", "big_number")
    return draft.done()


def test_warnings_come_first_and_sum_the_report_up() -> None:
    """Whatever the order in which they were found."""
    assert [str(one.level) for one in report().findings] == ["warn", "note"]
    assert report().summary == HOSTILE


def test_a_page_needs_nothing_else_and_believes_no_text() -> None:
    """No address is fetched; markup in names and findings stays text; gaps are null; it is small."""
    text = files_of(report(), [Format.HTML])["odd_report.html"].decode()
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", text)
    assert "<img" not in text
    assert "1,234,568" in text
    told = [json.loads(one) for one in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    assert [one["labels"] for one in told] == [[], [HOSTILE, "B"]]
    assert [curve["values"] for curve in told[0]["curves"]] == [[1.0, None, None], [1.0, None, 3.0]]
    assert told[0]["times"][0] == int(AT.timestamp())
    assert len(text) < 100_000


def test_a_page_without_figures_has_no_script() -> None:
    """Nothing is drawn, so nothing runs."""
    draft = Draft("plain_report", "Plain", AT)
    draft.fine("all is well")
    assert "<script" not in files_of(draft.done(), [Format.HTML])["plain_report.html"].decode()


def test_the_plot_script_is_the_pinned_one() -> None:
    """The vendored file is the release's, with its licence beside it."""
    folder = files("sysproduction.reports") / "assets"
    assert sha256((folder / "uPlot.iife.min.js").read_bytes()).hexdigest() == UPLOT
    assert "MIT" in (folder / "uPlot.LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "magic"), [(Format.PNG, b"\x89PNG"), (Format.PDF, b"%PDF")])
def test_pictures_and_documents_are_the_same_each_time(kind: Format, magic: bytes) -> None:
    """Two renderings of a report are equal to the last byte, and are what their ending says."""
    first, second = files_of(report(), [kind]), files_of(report(), [kind])
    assert first == second
    assert first[f"odd_report.{kind}"].startswith(magic)


def test_a_document_has_a_page_for_each_figure_and_goes_on_where_text_is_long() -> None:
    """Text fills pages; each figure has its own."""
    draft = Draft("long_report", "Long", AT)
    for number in range(100):
        draft.note(f"{number} " + "word " * 60)
    draft.bars("Bars", "USD", [{"of": "a", "value": 1.0}], "of", "value")
    content = files_of(draft.done(), [Format.PDF])["long_report.pdf"]
    assert content.count(b"/Type /Page ") + content.count(b"/Type /Page\n") == 4 + 1


def test_tables_keep_full_precision() -> None:
    """A file a table; moments in ISO 8601, nothing where nothing is known."""
    written = files_of(report(), [Format.CSV])
    [(name, content)] = written.items()
    assert name == "odd_report.odd.csv"
    first = next(csv.DictReader(StringIO(content.decode())))
    assert (float(first["small"]), first["when"], first["day"], first["nothing"]) == (
        pi / 1000,
        AT.isoformat(),
        "2026-01-06",
        "",
    )
    assert first["instrument"] == HOSTILE


def test_text_is_set_in_columns() -> None:
    """Findings with their marks, what is missing, then each table with its words."""
    lines = files_of(report(), [Format.TXT])["odd_report.txt"].decode().splitlines()
    assert lines[2].startswith("! ")
    assert "  prices of OATS" in lines
    start = lines.index("Odd rows")
    assert lines[start + 1] == "Words."
    assert lines[start + 2].split()[:2] == ["instrument", "big"]
    assert as_text(report()) == as_text(report())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (nan, ""),
        (-inf, "-inf"),
        (1234.5, "1,234"),
        (-12.345, "-12.35"),
        (0.0123456, "0.01235"),
        (1e-12, "0.00000000"),
        (7, "7"),
        (True, "yes"),
        (None, ""),
        (AT, "2026-01-06 20:25"),
    ],
)
def test_values_are_shown_with_the_digits_that_matter(value: float, text: str) -> None:
    """Four significant digits below a thousand, whole numbers above."""
    assert shown(value) == text


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(publishing, "find_spec", lambda name: None)
    for kind in (Format.PNG, Format.PDF):
        with pytest.raises(ConfigError, match=rf"reports as {kind} need matplotlib: `pip install"):
            files_of(report(), [kind])
    assert files_of(report(), [Format.HTML])
