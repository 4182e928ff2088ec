"""The report of a run, as a user asks for it, and as a browser shows it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sysproduction.domain.errors import ConfigError
from sysproduction.ops import report_command
from tests.commands import command, right

SYSTEM = """\
instruments: [WHEAT, BUND, OATS]
rules: {fast: {function: ewmac, arguments: {Lfast: 2, Lslow: 8}, scalar: 10}}
forecast_weights: {fast: 1}
instrument_weights: {WHEAT: 0.5, BUND: 0.25, OATS: 0.25}
capital: 1000000
base_currency: USD
percentage_vol_target: 20
"""


@pytest.fixture
def run(home: Path, recorded: Path, tmp_path: Path) -> Path:
    """A run of two instruments, one more being excluded."""
    system, out = tmp_path / "system.yaml", tmp_path / "my <run>"
    system.write_text(SYSTEM, encoding="utf-8")
    right(home, "backtest", "system", str(system), "--data", str(recorded), "--out", str(out))
    return out


def test_a_run_comes_with_its_report(home: Path, run: Path) -> None:
    """The page holds all it needs, every instrument and who was excluded; the picture is a PNG; both can be drawn again
    from the folder."""
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "<title>my &lt;run&gt;</title>" in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    for words in ("Equity and drawdown", "Forecasts and positions", "WHEAT position", "BUND forecast", "OATS: "):
        assert words in text
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG")
    for name in ("report.html", "report.png"):
        (run / name).unlink()
    right(home, "backtest", "report", str(run))
    assert (run / "report.html").stat().st_size > 1_000_000
    assert (run / "report.png").is_file()


def test_no_report_where_none_is_wanted(home: Path, recorded: Path, tmp_path: Path) -> None:
    """--no-report writes the tables alone."""
    system, out = tmp_path / "system.yaml", tmp_path / "out"
    system.write_text(SYSTEM, encoding="utf-8")
    right(home, "backtest", "system", str(system), "--data", str(recorded), "--out", str(out), "--no-report")
    assert (out / "summary.json").is_file()
    assert not (out / "report.html").exists()


def test_a_browser_draws_it(run: Path, tmp_path: Path) -> None:
    """A real browser draws every chart, and none of its scripts fails."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium here")
    words = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--enable-logging=stderr")
    done = subprocess.run(
        [browser, *words, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", (run / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert done.stdout.count('class="plot-container') == 3
    assert len(re.findall(r'<path class="js-line"', done.stdout)) >= 3 + 1 + 4
    assert "CONSOLE" not in done.stderr


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the extra the command says what to install."""
    monkeypatch.setattr(report_command, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"reports need plotly and matplotlib: `pip install 'sysproduction\[reports\]'`"
    ):
        report_command.backtest_report(tmp_path)


def test_a_folder_without_run(home: Path, tmp_path: Path) -> None:
    """A folder that holds no finished run is refused."""
    done = command(home, "backtest", "report", str(tmp_path))
    assert done.code == 2
    assert "holds no finished run" in done.err
