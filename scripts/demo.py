"""The demo: a fresh home, some trading days through the real supervisor and its processes, then what the stores hold.

It only runs commands that a user has. The exit code is 0 only if every configured process succeeded.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COMMAND = [str(Path(sys.executable).with_name("sysproduction"))]

REPORTS = "reports"

CONFIGURATION = """\
environment: demo
feed:
  kind: {kind}
  folder: {folder}
  seed: 7
strategies:
  trend:
    system: {system}
    order_type: market
risk:
  quote_age_seconds_max: 3600 # of market time: a second or two of ours
paper:
  value: 300000
  margin_rate: 0.02
  seed: 7
  faults: # the paper exchange fails on purpose, early on
    partial: {{within: 2}}
    lost_ack: {{within: 3}}
    reject: {{within: 6}}
    disconnect: {{within: 400}}
clock:
  start: {start}
  speed: 60 # while a process works, a second of real time is a minute of the market's
  trading_speed: 1800 # while only orders wait, it is half an hour
  fast_speed: 14400 # while nothing works, it is four hours
"""


def main() -> int:
    """Set up the home, walk the days, sum up."""
    arguments = _arguments()
    home = Path(tempfile.mkdtemp(prefix="sysproduction-demo-"))
    try:
        return _walk(home, arguments)
    finally:
        if arguments.keep:
            print(f"The demo's home is kept: sysproduction --home {home} status")
        else:
            _clear(home)


def _clear(home: Path) -> None:
    """Leave the reports alone."""
    for path in home.iterdir():
        if path.is_dir() and path.name != REPORTS:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)
    if not (home / REPORTS).is_dir():
        home.rmdir()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of recorded prices; without it a made-up market")
    parser.add_argument("--days", type=int, default=3, help="trading days to walk")
    parser.add_argument("--keep", action="store_true", help="keep the home afterwards, to look around in it")
    return parser.parse_args()


def _walk(home: Path, arguments: argparse.Namespace) -> int:
    data = arguments.data.resolve() if arguments.data else None
    # The recorded files end on Thursday 2023-08-31; the made-up market goes on for ever.
    start = "2023-08-29" if data else "2026-01-06"
    (home / "private_config.yaml").write_text(
        CONFIGURATION.format(
            kind="csv" if data else "synthetic",
            folder=data or "null",
            start=start,
            system="diversified" if data else "synthetic",
        )
    )
    _say(f"A fresh home in {home}, its market clock at {start}")
    _run(home, "check")
    if data:
        _say("Import the recorded history up to the evening before")
        _run(home, "import", "csv", str(data), "--until", f"{start}T00:00")
    _say("What is going to run")
    _run(home, "schedule", "--hours", "24")
    _say(f"Walk {arguments.days} trading days")
    walked = _run(home, "up", "--watch", "--days", str(arguments.days), check=False)
    _say("What the stores hold now")
    _run(home, "prices", "show", check=False)
    _name_caught(home)
    _say("Capital, what the strategy wants to hold, the orders that followed, and what is held now")
    for words in (("capital", "show"), ("positions", "optimal"), ("orders", "history"), ("positions", "show")):
        _run(home, *words, check=False)
    _say("The account as the paper exchange has it, and the faults that it committed on purpose")
    _run(home, "exchange", "show", check=False)
    backtested = _backtest(home)
    summed = _run(home, "summary", check=False)
    _name_reports(home)
    failed = walked or backtested or summed
    _tell_end(failed)
    return failed


def _name_caught(home: Path) -> None:
    """The bad ticks of the walked days, which the spike filter caught."""
    caught = _json(home, "prices", "rejected")
    recent = [tick for tick in caught if tick["accepted_at"] is None]
    latest = sorted(recent, key=lambda tick: str(tick["stamp"]))[-5:]
    _say(f"Bad ticks caught by the spike filter: {len(recent)}; the latest of them")
    for tick in latest:
        print(f"  {tick['item']}: {tick['price']:g} at {tick['stamp']}, after {tick['last_good']:g}")


def _name_reports(home: Path) -> None:
    """The pages of the last day, which stay."""
    days = sorted((home / REPORTS).glob("*"))
    _say("The last day's reports, which stay when the demo is over")
    for path in sorted(days[-1].glob("*/*.html")) if days else ():
        print(f"  {path}")


def _backtest(home: Path) -> int:
    """A strategy on bars over what the store holds now, recorded event by event."""
    _say("A shipped strategy over the stored bars, event by event, and its record")
    code = _json(home, "prices", "show")[0]["instrument"]
    words = ("--symbols", code, "--param", "fast=3", "--param", "slow=8")
    failed = _run(home, "backtest", "bars", "MovingAverageCross", *words, check=False)
    return failed or _run(home, "runs", "list", check=False)


def _tell_end(failed: int) -> None:
    if failed:
        _say("The demo FAILED; see above")
    else:
        _say("Every process succeeded on every day")


def _run(home: Path, *words: str, check: bool = True) -> int:
    print(f"$ sysproduction {' '.join(words)}", flush=True)
    code = subprocess.run([*COMMAND, "--home", str(home), *words], check=False).returncode
    if check and code:
        raise SystemExit(code)
    return code


def _json(home: Path, *words: str) -> Any:
    done = subprocess.run([*COMMAND, "--home", str(home), *words, "--json"], check=False, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout)


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    os.environ.pop("SYSPRODUCTION_HOME", None)
    sys.exit(main())
