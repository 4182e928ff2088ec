"""Every command that reads, on a home with a few weeks of prices: what people see and what programs get."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import SHIPPED, await_true, command, configure, processes_of, right, running
from tests.recorded_folder import ROLL, spoil, write_folder

WHOLE_HISTORY = 4 * 41  # four prices a day; the file goes on for four more days and a roll


def test_check_approves_and_counts(served: Path) -> None:
    """A sound configuration is called right, for people and for programs."""
    assert f"{len(SHIPPED)} processes, " in right(served, "check").out
    assert right(served, "check", "--json").json == {"ok": True, "warnings": []}


def test_secrets_are_never_shown(home: Path) -> None:
    """`config show` says where each value came from and hides the password and the token."""
    configure(home, "mongo: mongodb://me:hunter2@127.0.0.1:1/\nnotify:\n  slack: {token: hunter3, channel: '#x'}\n")
    shown, values = right(home, "config", "show"), right(home, "config", "show", "--json")
    rows = {row["key"]: row for row in values.json}
    assert rows["mongo"]["value"] == rows["notify.slack.token"]["value"] == "***"
    assert rows["mongo"]["origin"] == f"{home / 'private_config.yaml'}:1"
    for text in (shown.out, shown.err, values.out, right(home, "config", "show", "notify").out):
        assert "hunter" not in text
    assert "no key begins with nonsense" in right(home, "config", "show", "nonsense").out


def test_config_show_is_one_line_a_value(served: Path) -> None:
    """Every value stands on one line with its origin, however long its key."""
    assert f"clock.speed: 60  # {served / 'private_config.yaml'}:6" in right(served, "config", "show").out.splitlines()


def test_doctor_examines_everything_quickly(own: Path) -> None:
    """In under five seconds of computing, the database's start included, each subject gets a finding."""
    done = right(own, "doctor", "--json")
    found = {row["subject"]: row["result"] for row in done.json}
    assert done.cpu_seconds < 5
    assert found["documents"] == found["series"] == found["feed"] == found["configuration"] == "ok"
    assert found["supervisor"] == "warn"
    assert "sysproduction up" in right(own, "doctor").out


def test_doctor_finds_a_broken_home(home: Path, tmp_path: Path) -> None:
    """What is broken is a finding with a remedy and exit code 1, not an end of the examination."""
    configure(home, "mongo: mongodb://127.0.0.1:1/\n")
    done = command(home, "doctor", "--json")
    found = {row["subject"]: row for row in done.json}
    assert done.code == 1
    assert found["documents"]["result"] == "fail"
    assert "start it or check `mongo`" in found["documents"]["text"]
    assert found["feed"]["result"] == "ok"
    assert done.cpu_seconds < 5


def test_startup_can_be_repeated(served: Path) -> None:
    """`startup` finds nothing to repair in a sound home, any number of times."""
    for _time in range(2):
        assert right(served, "startup", "--json").json == {"closed_runs": [], "released_leases": []}
    assert "closed 0 dead runs" in right(served, "startup").out


def test_schedule_tells_windows_dependencies_and_counts(served: Path) -> None:
    """The coming day's windows, in order, with what each process waits for and does."""
    rows = right(served, "schedule", "--hours", "24", "--json").json
    assert {row["process"] for row in rows} == set(SHIPPED)
    assert [row["opens"] for row in rows] == sorted(row["opens"] for row in rows)
    by_name = {row["process"]: row for row in rows}
    fx, late = by_name["run_daily_fx_and_contract_updates"], by_name["run_daily_update_multiple_adjusted_prices"]
    assert (fx["opens"][:16], late["opens"][:16]) == ("2023-02-28T07:00", "2023-02-28T23:00")
    assert late["after"] == "run_daily_prices_updates"
    assert fx["methods"] == ["update_fx_prices (once)", "update_sampled_contracts (once)"]
    soon = right(served, "schedule", "--hours", "1", "--json").json
    assert {row["process"] for row in soon} == {"run_paper_exchange", "run_stack_handler"}
    assert len(right(served, "schedule", "--hours", "48", "--json").json) == 2 * len(rows)


def test_status_tells_what_every_process_waits_for(served: Path) -> None:
    """One line a process, in configured order, with the moment at which its window opens."""
    found = right(served, "status", "--json").json
    assert found["supervisor"] == "not running"
    assert [row["process"] for row in found["processes"]] == list(SHIPPED)
    assert {row["state"] for row in found["processes"]} == {"never ran"}
    (prices,) = [row for row in found["processes"] if row["process"] == "run_daily_prices_updates"]
    assert prices["next"] == "window opens at 2023-02-28 20:00 UTC"
    assert "start it with `sysproduction up`" in right(served, "status").out


def test_nothing_has_run_yet(served: Path) -> None:
    """History is empty, and a summary without any run is a failure that names the processes."""
    assert right(served, "history", "--json").json == []
    assert "nothing has run yet" in right(served, "history", "--methods").out
    done = command(served, "summary")
    assert done.code == 1
    assert [f"{name} has not run" in done.err for name in SHIPPED] == [True] * len(SHIPPED)
    assert command(served, "summary", "--json").json["days"] == []


def test_prices_are_shown(served: Path) -> None:
    """All instruments in short, one series at length, and as programs want it."""
    rows = {row["instrument"]: row for row in right(served, "prices", "show", "--json").json}
    assert {code: row["rows"] for code, row in rows.items()} == {"BUND": 2 * 41, "WHEAT": WHOLE_HISTORY}
    assert rows["WHEAT"]["contract"] == "20230300"
    assert rows["WHEAT"]["last"] == "2023-02-27T23:00:00+00:00"
    last = right(served, "prices", "show", "WHEAT", "--kind", "multiple", "-n", "2", "--json").json
    assert [row["stamp"][:16] for row in last] == ["2023-02-27T18:00", "2023-02-27T23:00"]
    assert "last 3 of 164 rows" in right(served, "prices", "show", "WHEAT", "-n", "3").out
    bars = right(served, "prices", "show", "WHEAT", "--kind", "20230600", "-n", "0", "--json").json
    assert bars == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["adjusted", "multiple", "20230600"])
def test_an_exported_file_holds_the_stored_series(
    served: Path, recorded: Path, tmp_path: Path, kind: str, suffix: str
) -> None:
    """What is exported equals the recorded file, stamp by stamp, in either format."""
    out = tmp_path / f"wheat.{suffix}"
    assert "164 rows" in right(served, "prices", "export", "WHEAT", "--kind", kind, "--out", str(out)).out
    frame = pd.read_csv(out, index_col=0, parse_dates=True) if suffix == "csv" else pd.read_parquet(out)
    source = pd.read_csv(recorded / "multiple_prices_csv" / "WHEAT.csv", index_col=0, parse_dates=True)
    column = {"adjusted": ("price", "PRICE"), "multiple": ("PRICE", "PRICE"), "20230600": ("close", "FORWARD")}[kind]
    expected = source[column[1]].iloc[:WHOLE_HISTORY]
    pd.testing.assert_series_equal(frame[column[0]], expected, check_names=False, check_freq=False, check_dtype=False)


def test_exports_are_imported_again(served: Path, recorded: Path, home: Path, tmp_path: Path) -> None:
    """Exported multiple prices are a file that `import csv` takes, and give the same series."""
    copied = write_folder(tmp_path / "again")
    target = copied / "multiple_prices_csv" / "WHEAT.csv"
    right(served, "prices", "export", "WHEAT", "--kind", "multiple", "--out", str(target))
    first = target.read_bytes()
    assert right(home, "import", "csv", str(copied), "--instruments", "WHEAT", "--json").json["problems"] == []
    right(home, "prices", "export", "WHEAT", "--kind", "multiple", "--out", str(target))
    assert target.read_bytes() == first


def test_an_older_version_stays_readable(own: Path, recorded: Path, tmp_path: Path) -> None:
    """After an import up to a later day, --as-of tells what the series was before."""
    right(own, "import", "csv", str(recorded))
    now, before = tmp_path / "now.csv", tmp_path / "before.csv"
    right(own, "prices", "export", "WHEAT", "--out", str(now))
    right(own, "prices", "export", "WHEAT", "--out", str(before), "--as-of", "0")
    assert len(pd.read_csv(before)) == WHOLE_HISTORY
    assert len(pd.read_csv(now)) == WHOLE_HISTORY + 4 * 4 + 1
    early = command(own, "prices", "show", "WHEAT", "--as-of", "2001-01-01")
    assert early.code == 1
    assert "has no adjusted prices as of 2001-01-01" in early.err


def test_rates_are_shown_and_crossed(served: Path) -> None:
    """Stored pairs, a cross through the dollar, and what is said of a pair that cannot be had."""
    assert [row["pair"] for row in right(served, "fx", "show", "--json").json] == ["EURUSD", "GBPUSD"]
    pairs = ("EURUSD", "GBPUSD", "EURGBP")
    eur, gbp, cross = (right(served, "fx", "show", p, "-n", "1", "--json").json[0]["rate"] for p in pairs)
    assert cross == pytest.approx(eur / gbp, rel=1e-12)
    unknown = command(served, "fx", "show", "EURCHF")
    assert unknown.code == 1
    assert "CHFUSD" in unknown.err
    assert command(served, "fx", "show", "euro").code == 1


def test_instruments_and_contracts_are_shown(own: Path) -> None:
    """Instruments with their costs, and contracts once they have been listed."""
    rows = right(own, "instruments", "show", "--json").json
    assert [(row["code"], row["point_size"], row["currency"]) for row in rows] == [
        ("BUND", 1000.0, "EUR"),
        ("WHEAT", 50.0, "USD"),
    ]
    assert "no contracts yet" in right(own, "contracts", "show").out
    right(own, "method", "run_daily_fx_and_contract_updates.update_sampled_contracts")
    contracts = right(own, "contracts", "show", "WHEAT", "--sampled", "--json").json
    assert [row["contract"] for row in contracts] == ["20230300", "20230600"]
    assert command(own, "contracts", "show", "WHEATT").code == 1


def test_a_method_runs_by_itself(own: Path) -> None:
    """`method` runs one method once and reports it, without a run in the history."""
    done = right(own, "method", "run_daily_prices_updates.update_fx_prices", "--json").json
    assert (done["items"], done["problems"]) == (2, [])
    assert "no problems" in right(own, "method", "run_daily_prices_updates.update_fx_prices").out
    assert right(own, "history", "--json").json == []


def test_logs_show_the_end_and_follow(own: Path) -> None:
    """The last lines of a log, then what is written to it; an unknown log is answered with the known ones."""
    log = own / "logs" / "supervisor.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert right(own, "logs", "-n", "2").out == "line 98\nline 99\n"
    assert right(own, "logs", "-n", "1", "--json").json == {"line": "line 99"}
    unknown = command(own, "logs", "nothing")
    assert unknown.code == 2
    assert "supervisor" in unknown.err
    with running(own, "logs", "-f", "-n", "1") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "line 99\n"
        with log.open("a") as more:
            more.write("line 100\n")
        assert following.stdout.readline() == "line 100\n"


def test_an_import_can_be_bounded_and_repeated(home: Path, recorded: Path) -> None:
    """--until and --instruments choose what is stored, and a second import changes nothing."""
    words = ("import", "csv", str(recorded), "--until", "2023-02-28T14:00:01", "--instruments", "WHEAT", "--json")
    first = right(home, *words).json
    assert right(home, *words).json == first
    assert first["problems"] == []
    row = right(home, "prices", "show", "WHEAT", "--kind", "multiple", "-n", "1", "--json").json[0]
    assert row["stamp"] == ROLL.isoformat()
    assert row["PRICE_CONTRACT"] == "20230600"
    assert [row["instrument"] for row in right(home, "prices", "show", "--json").json] == ["WHEAT"]


def test_a_corrupt_row_is_left_out_and_reported(home: Path, tmp_path: Path) -> None:
    """One bad row costs that row; the report names file, line and value, and the rest is stored."""
    folder = write_folder(tmp_path / "prices")
    spoil(folder / "multiple_prices_csv" / "WHEAT.csv", 7, "2023-01-03 14:00:00,1,20230600,abc,20230300,1,20230600")
    (folder / "multiple_prices_csv" / "UNKNOWN.csv").write_bytes(
        (folder / "multiple_prices_csv" / "BUND.csv").read_bytes()
    )
    problems = right(home, "import", "csv", str(folder), "--json").json["problems"]
    said = {problem["item"]: problem["reason"] for problem in problems}
    assert "WHEAT.csv line 7 PRICE is 'abc', expected a number; row skipped" in said["WHEAT"]
    assert "no row in instrumentconfig" in said["UNKNOWN"]
    rows = right(home, "prices", "show", "--json").json
    assert [row["instrument"] for row in rows] == ["BUND", "WHEAT"]


ONE_OFF = [
    ("status",),
    ("history",),
    ("startup",),
    ("doctor",),
    ("fx", "show"),
    ("stop", "all"),
    ("prices", "show", "NOTHING"),
    ("run", "run_daily_prices_updates", "--no-wait"),
]


def test_one_off_commands_leave_no_process(own: Path) -> None:
    """After each command, also a failing one, database and keeper have ended before it returned."""
    for words in ONE_OFF:
        command(own, *words)
        assert processes_of(own) == [], words


def test_commands_share_a_database(own: Path) -> None:
    """Of commands that run at once, the first starts the database and the last stops it."""
    with running(own, "status") as one, running(own, "history") as two, running(own, "doctor") as three:
        codes = [process.wait(60) for process in (one, two, three)]
    assert codes == [0, 0, 0]
    await_true(lambda: processes_of(own) == [], 2.0)


def test_status_is_quick_with_a_database_up(served: Path) -> None:
    """With the database up, `status` is quick and waits for nothing."""
    done = min((right(served, "status") for _ in range(3)), key=lambda done: done.seconds)
    assert done.cpu_seconds <= 1.0  # the benchmark has the bound of half a second
    assert done.seconds <= 2.0


def test_json_is_only_json(served: Path) -> None:
    """Every reading command with --json writes one JSON value to standard output and nothing else."""
    reading = [
        "status", "history", "schedule", "doctor", "startup", "check", "config show", "instruments show",
        "contracts show", "prices show", "prices show WHEAT", "prices rejected", "fx show", "fx show EURGBP",
        "history --methods",
    ]  # fmt: skip
    for words in reading:
        done = right(served, *words.split(), "--json")
        json.loads(done.out)
        assert done.err == "", words


def test_help_tells_the_exit_codes(home: Path) -> None:
    """--help lists every command and what the exit codes mean."""
    shown = right(home, "--help").out
    for word in ("up", "down", "run", "status", "import", "Exit codes", "refused"):
        assert word in shown
