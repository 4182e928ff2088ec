"""Processes with a method for each strategy."""

from datetime import time
from pathlib import Path

from sysproduction.processes import signatures
from tests.unit.config.test_loading import PRICES, STRATEGIC, load_text, problems, process

TREND = "strategies:\n  trend:\n    system: chapter15\n"


def test_each_strategy_has_a_method_of_its_own(tmp_path: Path) -> None:
    """Called like it, with what each_strategy says and its own key laid over that."""
    more = "  carry:\n    system: chapter15\nprocess_configuration_methods:\n  run_systems:\n"
    config = load_text(tmp_path, TREND + more + "    carry:\n      timeout_minutes: 5\n", registry=signatures())
    systems, orders = (process(config, name) for name in STRATEGIC)
    methods = [(method.name, method.max_executions, method.timeout_minutes) for method in systems.methods]
    assert methods == [("trend", 1, 60.0), ("carry", 1, 5)]
    assert (systems.start_time, systems.previous_process) == (time(20, 5), PRICES)
    assert [method.name for method in orders.methods] == ["trend", "carry"]
    assert (orders.start_time, orders.previous_process) == (time(20, 10), "run_systems")


def test_what_is_wrong_with_strategies_is_told(tmp_path: Path) -> None:
    """A name that is nearly one, a key that is none, a weight that the other has not, and who waits for nobody."""
    methods = "process_configuration_methods:\n  run_systems:\n    trnd:\n      max_executions: 2\n"
    [found] = problems(tmp_path, TREND + methods, registry=signatures())
    assert "run_systems.trnd: unknown method of run_systems; did you mean trend?" in found
    [found] = problems(tmp_path, TREND + "    wieght: 1\n")
    assert "strategies.trend.wieght: unknown key; did you mean weight?" in found
    [found] = problems(tmp_path, TREND + "    weight: 1\n  carry:\n    system: chapter15\n")
    assert "strategies.carry: give every strategy a weight, or none" in found
    [found] = problems(tmp_path, "strategies:\n  _roll:\n    system: chapter15\n")
    assert "is not a strategy's name" in found
    waits = "process_configuration:\n  run_backups:\n    previous_process: run_systems\n"
    [found] = problems(tmp_path, waits)
    assert "run_systems runs once there are strategies" in found
