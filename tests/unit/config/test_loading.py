"""Layers, origins, shipped values and everything that is accepted."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sysproduction.config.each_strategy import EACH
from sysproduction.config.home import Home
from sysproduction.config.loading import Config, InvalidConfig, Override, load
from sysproduction.domain.processes import OnError, ProcessSpec

ROOT = Path(__file__).resolve().parents[3]
PRICES = "run_daily_prices_updates"
LATE = "run_daily_update_multiple_adjusted_prices"
STRATEGIC = ("run_systems", "run_strategy_order_generator")


def load_text(folder: Path, text: str | bytes = "", environ: Mapping[str, str] | None = None, **named: Any) -> Config:
    home = Home(folder)
    if text:
        home.private_config.write_bytes(text.encode() if isinstance(text, str) else text)
        home.private_config.chmod(0o600)
    return load(home, environ=environ or {}, **named)


LIVE = {"SYSPRODUCTION__ENVIRONMENT": "live", "SYSPRODUCTION__FEED__KIND": "csv"}


def process(config: Config, name: str) -> ProcessSpec:
    return next(spec for spec in config.processes if spec.name == name)


def origin(config: Config, key: str) -> str:
    return next(row.origin for row in config.rows if row.key == key)


def problems(folder: Path, text: str | bytes = "", **named: Any) -> list[str]:
    with pytest.raises(InvalidConfig) as raised:
        load_text(folder, text, **named)
    return [str(problem).replace(f"{folder}/", "") for problem in raised.value.problems]


def test_each_layer_overrides_the_one_below_and_is_named_as_the_origin(tmp_path: Path) -> None:
    """Shipped file, private file, environment, option: the highest wins, and every value knows where it is from."""
    text = "# mine\nfeed:\n  seed: 1\nprices:\n  max_spike: 9\nclock: {speed: 2, fast_speed: 50}\n"
    environ = {"SYSPRODUCTION__FEED__SEED": "2", "sysproduction__clock__speed": "3"}
    config = load_text(tmp_path, text, environ, overrides=[Override("clock.speed", 4.0, "--speed")])
    assert (config.settings.prices.max_spike, config.settings.feed.seed, config.settings.clock.speed) == (9.0, 2, 4.0)
    assert config.settings.prices.stale_after_days == 5
    assert origin(config, "prices.max_spike") == f"{tmp_path}/private_config.yaml:5"
    assert origin(config, "feed.seed") == "environment variable SYSPRODUCTION__FEED__SEED"
    assert origin(config, "clock.speed") == "option --speed"
    assert re.search(r"config/defaults\.yaml:\d+$", origin(config, "prices.stale_after_days"))
    assert origin(config, f"process_configuration_methods.{PRICES}.update_fx_prices.frequency") == "built in"
    assert re.search(r"processes\.yaml:\d+$", origin(config, f"process_configuration.{PRICES}.stop_time"))


def test_maps_merge_lists_replace_and_empty_sections_change_nothing(tmp_path: Path) -> None:
    """A section left empty keeps the shipped values, a method left empty its own."""
    text = f"feed:\nprocess_configuration_methods:\n  {PRICES}:\n    update_fx_prices:\nclock: {{}}\n"
    config = load_text(tmp_path, text, {"SYSPRODUCTION__FEED__INSTRUMENTS": "[NO, GOLD]"})
    assert config.settings.feed.kind == "synthetic"
    assert config.settings.feed.instruments == ("NO", "GOLD")
    assert len(process(config, PRICES).methods) == 4


def test_a_private_file_changes_and_switches_off_processes_and_methods(tmp_path: Path) -> None:
    """Keys of one method and one process change; what is disabled is gone; the rest stays."""
    text = f"""
process_configuration:
  default: {{timezone: Europe/London, days: [Monday, fri-sat]}}
  {PRICES}:
    start_time: 21:00:30
    stop_time: 2:00
    limits: {{memory_mb: 500}}
  {LATE}: {{enabled: off}}
  run_backups: {{enabled: off}}
  run_cleaners: {{enabled: off}}
  run_reports: {{enabled: off}}
process_configuration_methods:
  {PRICES}:
    update_fx_prices: {{frequency: 0, max_executions: -1, run_on_completion_only: yes, on_error: stop}}
    update_sampled_contracts: {{enabled: no}}
"""
    config = load_text(tmp_path, text)
    spec = process(config, PRICES)
    all_day = ["run_paper_exchange", "run_stack_handler", "run_capital_update"]
    assert [s.name for s in config.processes] == [*all_day, "run_daily_fx_and_contract_updates", PRICES]
    assert (spec.start_time, spec.stop_time, spec.timezone) == (time(21, 0, 30), time(2), "Europe/London")
    assert spec.days == {0, 4, 5}
    assert (spec.limits.memory_mb, spec.limits.stop_seconds) == (500, 30.0)
    first = spec.methods[0]
    assert (first.frequency, first.max_executions, first.run_on_completion_only) == (0.0, -1, True)
    assert first.on_error is OnError.STOP
    assert [m.name for m in spec.methods] == [
        "update_fx_prices",
        "update_historical_prices",
        "update_multiple_adjusted_prices",
    ]


def test_the_general_time_zone_holds_where_a_process_names_none(tmp_path: Path) -> None:
    """A process's own zone wins; null means the general one."""
    text = f"timezone: Asia/Tokyo\nprocess_configuration: {{{LATE}: {{timezone: UTC}}, {PRICES}: {{timezone: null}}}}\n"
    config = load_text(tmp_path, text)
    assert (process(config, LATE).timezone, process(config, PRICES).timezone) == ("UTC", "Asia/Tokyo")


def test_a_process_of_ones_own_runs_after_the_shipped_ones(tmp_path: Path) -> None:
    """Both sections together make a process; a method with no keys takes the defaults."""
    text = "process_configuration_methods: {run_mine: {on: }}\nprocess_configuration: {run_mine: }\n"
    spec = load_text(tmp_path, text).processes[-1]
    assert (spec.name, spec.start_time) == ("run_mine", time(0, 1))
    assert [(m.name, m.frequency, m.max_executions) for m in spec.methods] == [("on", 60.0, 1)]


def test_windows_files_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    """CRLF line ends and a UTF-8 mark are no errors."""
    config = load_text(tmp_path, b"\xef\xbb\xbftimezone: Europe/Z\xc3\xbcrich\r\n".replace(b"Z\xc3\xbcrich", b"Zurich"))
    assert config.settings.timezone == "Europe/Zurich"


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("2023-08-01", datetime(2023, 8, 1, tzinfo=UTC)),
        ("2023-08-01 07:30", datetime(2023, 8, 1, 7, 30, tzinfo=UTC)),
        ("2023-08-01T07:30+02:00", datetime(2023, 8, 1, 5, 30, tzinfo=UTC)),
        ("null", None),
    ],
)
def test_the_clock_starts_at_a_date_or_a_moment(tmp_path: Path, written: str, start: datetime | None) -> None:
    """Without an offset it is UTC."""
    assert load_text(tmp_path, f"clock: {{start: {written}}}\n").settings.clock.start == start


def test_the_example_loads_as_it_is_and_with_every_line_in_use(tmp_path: Path) -> None:
    """private_config.yaml.example is nothing but comments, and a valid file once each # is taken away."""
    text = (ROOT / "private_config.yaml.example").read_text()
    assert load_text(tmp_path, text).settings == load_text(tmp_path).settings
    used = re.sub(r"^#(?!#)", "", text, flags=re.MULTILINE)
    config = load_text(tmp_path, used)
    assert process(config, PRICES).stop_time == time(2)
    assert config.settings.notify.slack.channel == "#trading"


def test_a_readable_secret_warns_and_is_refused_in_a_live_installation(tmp_path: Path) -> None:
    """A private file with a secret that others may read: a warning, with environment live an error."""
    text = "notify: {slack: {token: xoxb-1, channel: a}}\n"
    load_text(tmp_path, text)
    (tmp_path / "private_config.yaml").chmod(0o640)
    [warning] = load(Home(tmp_path), environ={}).warnings
    assert (warning.line, warning.key) == (1, "notify.slack.token")
    assert "chmod 600" in warning.reason
    with pytest.raises(InvalidConfig, match="chmod 600"):
        load(Home(tmp_path), environ=LIVE | {"SYSPRODUCTION__FEED__FOLDER": str(tmp_path)})


def test_a_live_installation_needs_real_prices(tmp_path: Path) -> None:
    """Made-up prices with environment live are an error; those of a folder are not."""
    with pytest.raises(InvalidConfig, match="needs real prices"):
        load(Home(tmp_path), environ={"SYSPRODUCTION__ENVIRONMENT": "live"})
    load(Home(tmp_path), environ=LIVE | {"SYSPRODUCTION__FEED__FOLDER": str(tmp_path)})


def test_days_on_which_a_process_would_only_wait_are_a_warning(tmp_path: Path) -> None:
    """The process waits for one that does not run on Saturday."""
    config = load_text(tmp_path, f"process_configuration: {{{LATE}: {{days: mon-sat}}}}\n")
    assert "will not run on sat" in config.warnings[0].reason


def test_other_peoples_variables_are_only_a_warning(tmp_path: Path) -> None:
    """A variable that begins with our name but resembles none of ours does not stop anything."""
    environ = {"SYSPRODUCTION_SERVICE_HOST": "10.0.0.1", "SYSPRODUCTION_TEST_MONGO": "x", "PATH": "/bin"}
    assert [w.source for w in load_text(tmp_path, environ=environ).warnings] == [
        "environment variable SYSPRODUCTION_SERVICE_HOST"
    ]


def test_a_variable_set_in_two_spellings_is_refused(tmp_path: Path) -> None:
    """Two variables that differ only in case name each other."""
    environ = {"SYSPRODUCTION__FEED__SEED": "1", "sysproduction__feed__seed": "2", "SYSPRODUCTION__FEED____SEED": "3"}
    found = problems(tmp_path, environ=environ)
    assert any("has an empty part" in text for text in found)
    assert any("is set by SYSPRODUCTION__FEED__SEED too" in text for text in found)
    assert len(found) == 2


def test_an_option_is_named_when_its_value_is_wrong(tmp_path: Path) -> None:
    """The problem's place is the option that the operator typed."""
    [text] = problems(tmp_path, overrides=[Override("feed.kind", "cvs", "--feed")])
    assert text == "option --feed: feed.kind: must be csv or synthetic, but is the text 'cvs'; did you mean csv?"


def prices(pairs: list[str] | None = None, days: int = 1, dry_run: "bool" = False, *, note: str | None = None) -> None:
    """A method with arguments, of the kinds that signatures have."""


def needs(pair: str, **more: object) -> None:
    """A method that cannot do without an argument."""


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
    [
        ("prices", "{pairs: [EURUSD], days: 3, dry_run: true, note: null}", None),
        ("prices", "", None),
        ("prices", "{pair: [EURUSD]}", "arguments.pair: unknown argument; the method takes pairs, days"),
        ("prices", "{days: '3'}", "arguments.days: must be a whole number, but is the text '3'"),
        ("prices", "{days: true}", "arguments.days: must be a whole number, but is true"),
        ("prices", "{dry_run: no}", "arguments.dry_run: must be true or false, but is the text 'no'"),
        ("prices", "{note: 5}", "arguments.note: must be a text or null, but is 5"),
        ("needs", "{}", "arguments: the method needs the argument pair"),
        ("needs", "{pair: EURUSD, anything: 1}", None),
    ],
)
def test_arguments_must_bind_to_the_method(tmp_path: Path, method: str, arguments: str, said: str | None) -> None:
    """Unknown, missing and mistyped arguments are told before anything starts."""
    shipped = load_text(tmp_path)
    empty = inspect.Signature()
    registry = {spec.name: {m.name: empty for m in spec.methods} for spec in shipped.processes}
    registry |= {name: {EACH: empty} for name in STRATEGIC}
    registry[PRICES] |= {"prices": inspect.signature(prices), "needs": inspect.signature(needs)}
    text = f"process_configuration_methods: {{{PRICES}: {{{method}: {{arguments: {arguments}}}}}}}\n"
    if said is None:
        assert process(load_text(tmp_path, text, registry=registry), PRICES).methods[-1].name == method
        return
    [found] = problems(tmp_path, text, registry=registry)
    assert said in found


def test_without_a_registry_a_process_in_one_section_only_names_its_counterpart(tmp_path: Path) -> None:
    """A typo in one of the two sections is found even when the methods in the code are not known."""
    text = (
        "process_configuration_methods: {run_mine: {a: }, run-x: {a: }}\nprocess_configuration: {run_nime: , run_x: }\n"
    )
    found = problems(tmp_path, text)
    assert any("run_mine: has no entry in process_configuration:" in t and t.endswith("run_nime?") for t in found)
    assert any(
        "run_nime: has no entry in process_configuration_methods" in t and t.endswith("run_mine?") for t in found
    )
    assert any("run-x: is not a process name" in t for t in found)


@pytest.mark.parametrize("place", ["folder", "pipe", "broken link", "too large", "empty", "utf-16", "forbidden"])
def test_a_private_file_that_cannot_be_read_is_one_clear_problem(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands in the file's place, the problem names it and nothing blocks or breaks."""
    path = tmp_path / "private_config.yaml"
    if place == "folder":
        path.mkdir()
    elif place == "pipe":
        os.mkfifo(path)
    elif place == "broken link":
        path.symlink_to(tmp_path / "nowhere")
    elif place == "forbidden":
        path.write_text("timezone: UTC\n")
        monkeypatch.setattr(Path, "read_bytes", forbid)
        with pytest.raises(InvalidConfig, match=r"config\.yaml:1: cannot be read: Permission denied"):
            load(Home(tmp_path), environ={})
        return
    else:
        content = {"too large": b"#" * 300_000, "empty": b"\n", "utf-16": "timezone: UTC".encode("utf-16")}[place]
        path.write_bytes(content)
    [text] = problems(tmp_path)
    words = {
        "folder": "is a folder",
        "pipe": "not an ordinary file",
        "broken link": "cannot be read: No such file",
        "too large": "is larger than",
        "empty": "is empty",
        "utf-16": "not UTF-8",
    }
    assert text.startswith("private_config.yaml:1: ")
    assert words[place] in text


def forbid(path: Path) -> bytes:
    """What the system says to a reader without permission (tests may run as root, whom no mode stops)."""
    raise PermissionError(13, "Permission denied", str(path))


def test_an_installed_package_reads_the_copy_of_the_shipped_files_that_it_carries(tmp_path: Path) -> None:
    """With the files in sysproduction/config/shipped, as a wheel has them, nothing beside the package is needed."""
    package = tmp_path / "sysproduction"
    skip = shutil.ignore_patterns("__pycache__", "adapters")
    shutil.copytree(ROOT / "sysproduction", package, ignore=skip)
    code = "from sysproduction.config.layers import shipped_folder; print(shipped_folder())"
    command = [sys.executable, "-P", "-c", code]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    bare = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "install sysproduction again" in bare.stderr
    shutil.copytree(ROOT / "config", package / "config" / "shipped")
    carried = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert carried.stdout.strip() == str(package / "config" / "shipped")


def test_loading_needs_neither_numpy_nor_pandas() -> None:
    """The supervisor and quick commands stay light."""
    code = "import sys, sysproduction.config.loading; sys.exit(len({'numpy', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    code = "import sys, sysproduction.config.home; sys.exit(len({'pydantic', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


SHIPPED = (ROOT / "config/defaults.yaml").read_text() + (ROOT / "config/processes.yaml").read_text()
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["20:00", "UTC", "csv", PRICES, "mon-fri", "embedded", [], {}, ["CORN"], {"default": 1}]),
)
PATHS = st.sampled_from([row.key for row in load(Home(Path("/nonexistent")), environ={}).rows])


@given(st.text(max_size=60) | st.binary(max_size=60), st.integers(0, len(SHIPPED)), st.integers(0, 30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_to_a_file_is_a_problem_or_harmless(tmp_path: Path, noise: str | bytes, at: int, cut: int) -> None:
    """Text written over any place of a good file never leads to anything but a configuration or problems in it."""
    damage = noise.encode("utf-8", "surrogatepass") if isinstance(noise, str) else noise
    private = tmp_path / "private_config.yaml"
    private.write_bytes(SHIPPED[:at].encode() + damage + SHIPPED[at + cut :].encode())
    outcome = attempt(Home(tmp_path), {})
    if isinstance(outcome, InvalidConfig):
        assert all(problem.source == str(private) and problem.line for problem in outcome.problems)


@given(st.lists(st.tuples(PATHS, st.integers(0, 3), VALUES), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_value_at_any_key_is_a_problem_or_a_valid_configuration(changes: list[tuple[str, int, Any]]) -> None:
    """Values of every type at every level never lead to anything but a configuration or problems."""
    overrides = [Override(path.rsplit(".", up)[0], value, "--x") for path, up, value in changes]
    outcome = attempt(Home(Path("/nonexistent")), {}, overrides)
    if isinstance(outcome, Config):
        assert all(spec.start_time != spec.stop_time and spec.methods for spec in outcome.processes)
    else:
        assert outcome.problems


@given(PATHS, st.text(max_size=20))
@example("environment", "0_")
@example("environment", "1__2")
@settings(max_examples=100, deadline=None)
def test_any_text_in_a_variable_is_a_problem_or_a_valid_configuration(path: str, value: str) -> None:
    """A variable's text is never anything worse than a problem of that variable."""
    name = "SYSPRODUCTION__" + path.replace(".", "__").upper()
    outcome = attempt(Home(Path("/nonexistent")), {name: value})
    if isinstance(outcome, InvalidConfig):
        assert {problem.source for problem in outcome.problems} == {f"environment variable {name}"}


def attempt(home: Home, environ: Mapping[str, str], overrides: list[Override] | None = None) -> Config | InvalidConfig:
    try:
        return load(home, environ=environ, overrides=overrides or [])
    except InvalidConfig as error:
        return error
