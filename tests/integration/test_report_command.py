"""Reports as a user asks for them, and as run_reports leaves them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.control.reporting import REPORTS
from sysproduction.reports.page import page
from sysproduction.reports.report import Draft, Figure
from tests.commands import command, configure, right, served_home
from tests.mail_server import mail_server
from tests.slack_server import CHANNEL, TOKEN, slack_server

DAY = "2023-02-28"
DELIVERED = f"""\
reports: {{{{formats: [html], deliver: [slack, email]}}}}
notify:
  slack: {{{{token: {TOKEN}, channel: '{CHANNEL}', url: '{{url}}'}}}}
  email: {{{{host: 127.0.0.1, port: {{port}}, security: none, sender: a@example.com, to: [b@example.com]}}}}
"""
DRAG = """
addEventListener("load", () => setTimeout(() => {
  const { x: before } = plots[0].scales;
  const whole = before.max - before.min;
  const { left, top, width, height } = plots[0].over.getBoundingClientRect();
  const at = (kind, target, part) => target.dispatchEvent(new MouseEvent(kind, {
    bubbles: true, movementX: 9, clientX: left + part * width, clientY: top + height / 2, button: 0 }));
  at("mousemove", plots[0].over, 0.4); at("mousedown", plots[0].over, 0.4);
  at("mousemove", plots[0].over, 0.6); at("mouseup", document, 0.6);
  setTimeout(() => {
    const { x } = plots[0].scales;
    document.title = `${x.max - x.min} of ${whole}`;
  }, 100);
}, 100));
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that holds nothing, whose database stays up."""
    with served_home(tmp_path_factory.mktemp("empty") / "home") as home:
        yield home


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_is_made_of_a_home_that_never_traded(served: Path, name: str) -> None:
    """It has findings or says what is missing, as text and as JSON."""
    told = right(served, "report", name, "--json").json
    assert told["name"] == name
    assert told["findings"] or told["missing"] or told["tables"]
    text = right(served, "report", name.removesuffix("_report")).out
    assert text.startswith(told["title"])


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_an_empty_home_says_what_is_missing(empty: Path, name: str) -> None:
    """Or that there is nothing to tell; it never fails."""
    told = right(empty, "report", name, "--json").json
    assert told["missing"] or told["findings"]
    if name in ("costs_report", "liquidity_report", "market_monitor_report", "slippage_report"):
        assert told["missing"] == ["prices: there are none in the store: import or update first"]


def test_reports_are_listed(served: Path) -> None:
    """Without a name."""
    assert [row["report"] for row in right(served, "report", "--json").json] == list(REPORTS)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["cost_reprt"], "did you mean costs_report?"),
        (["liquidty"], "did you mean liquidity?"),
        (["xyz"], "there are costs_report, liquidity_report"),
        (["costs", "--date", "yesterday"], "--date yesterday: write a day such as 2026-01-31"),
        (["costs", "--date", "2030-01-01"], f"it is {DAY} now"),
    ],
)
def test_a_wrong_word_is_told_with_what_was_meant(served: Path, words: list[str], hint: str) -> None:
    """Exit code 2 and the nearest name."""
    done = command(served, "report", *words)
    assert (done.code, hint in done.err) == (2, True), done.err


def test_a_report_of_a_past_day_knows_no_later_price(served: Path) -> None:
    """Its moment is the end of that day, and so are its prices."""
    now = right(served, "report", "status", "--json").json
    past = right(served, "report", "status", "--date", "2023-02-01", "--json").json
    assert past["at"].startswith("2023-02-01T23:59:59")
    for told, last in ((now, "2023-02-27"), (past, "2023-02-01")):
        rows = next(table["rows"] for table in told["tables"] if table["name"] == "prices")
        assert {row["last_price_at"][:10] for row in rows} == {last}


def test_an_opened_report_is_a_page_in_the_home(own: Path, tmp_path: Path) -> None:
    """--open writes it, tells where, and has the browser show it; it needs nothing but itself."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    done = command(own, "report", "costs", "--open", BROWSER=f"{browser} %s")
    assert done.code == 0, done.err
    page = own / "reports" / DAY / "costs_report" / "costs_report.html"
    assert str(page) in done.out
    assert seen.read_text().strip() == page.as_uri()
    text = page.read_text(encoding="utf-8")
    assert "WHEAT" in text
    assert not re.search(r"(src|href)=", text)


def test_run_reports_writes_every_report_and_one_that_fails_stops_no_other(own: Path, settings: str) -> None:
    """A roll state that cannot be read fails the reports that need it; files of the others are there."""
    configure(own, settings.replace("2023-02-28", "2023-02-28T20:30"))
    with wiring.outside(Home(own), load(Home(own), environ={})) as ports:
        ports.documents.insert("roll_states", "WHEAT", {"state": "Nonsense"})
    assert command(own, "run", "run_reports", "--no-wait").code == 1
    runs = right(own, "history", "--methods", "--json").json
    failed = {run["method"] for run in runs if run["error"]}
    assert "roll_report" in failed
    assert failed <= {"roll_report", "reconcile_report"}
    written = {path.parent.name for path in (own / "reports" / DAY).glob("*/*.html")}
    assert written == set(REPORTS) - failed


def test_a_browser_draws_every_figure_and_zooms(tmp_path: Path) -> None:
    """A real browser draws each chart of a page, no script fails, and dragging over one narrows what it shows."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium here")
    times = [datetime(2026, 1, 6, tzinfo=UTC) + timedelta(days=day) for day in range(50)]
    draft = Draft("drawn_report", "Drawn", times[-1])
    curves = {"up": [float(day) for day in range(50)], "gap": [None if day % 7 else 1.0 for day in range(50)]}
    draft.figures.append(Figure("Curves", "%", curves, times))
    draft.bars("Bars", "USD", [{"of": f"I{n}", "a": n - 3.0} for n in range(20)], "of", "a")
    text = page(draft.done()).replace("</body>", f"<script>{DRAG}</script></body>")
    file = tmp_path / "drawn.html"
    file.write_text(text, encoding="utf-8")
    words = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--enable-logging=stderr")
    done = subprocess.run(
        [browser, *words, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert done.stdout.count('class="uplot') == 2
    assert "CONSOLE" not in done.stderr
    found = re.search(r"<title>(.*?) of (.*?)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    seen, whole = map(float, found.groups())
    assert 0 < seen < whole / 2


def test_reports_are_delivered_as_configured(own: Path, settings: str) -> None:
    """A token that Slack refuses stops nothing: the page is there, one incident is open, and the mail arrives."""
    with slack_server() as slack, mail_server() as mail:
        told = DELIVERED.format(url=slack.url, port=mail.port)
        configure(own, settings + told.replace(TOKEN, "xoxb-wrong"))
        for name in ("costs_report", "roll_report"):
            right(own, "method", f"run_reports.{name}")
        assert [str(message["Subject"])[:5] for _, _, message in mail.taken] == ["Costs", "Rolls"]
        with wiring.outside(Home(own), load(Home(own), environ={})) as ports:
            [incident] = [one for one in ports.documents.find("incidents") if one.key.startswith("reports/")]
        assert "Slack refuses with invalid_auth" in incident.body["text"]
        assert (own / "reports" / DAY / "roll_report" / "roll_report.html").is_file()
        assert slack.posted == []
        configure(own, settings + told)
        right(own, "method", "run_reports.trade_report")
        reports = [text for text in slack.posted if text.startswith(("Trades", "Costs", "Rolls"))]
        assert [text.partition(",")[0] for text in reports] == ["Trades", "Costs of trading", "Rolls"]
        assert slack.content("roll_report.html").startswith(b"<!DOCTYPE html>")
