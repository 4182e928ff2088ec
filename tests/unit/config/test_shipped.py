"""What is shipped: the owner's processes, and how trading is set up."""

from datetime import time
from pathlib import Path

import pytest

from sysproduction.config.home import Home
from sysproduction.config.loading import Config, InvalidConfig, load
from sysproduction.domain.broker_faults import FaultKind, PlannedFault

PRICES = "run_daily_prices_updates"
LATE = "run_daily_update_multiple_adjusted_prices"
STACK_METHODS = [
    "refresh_additional_sampling_all_instruments",
    "check_external_position_break",
    "spawn_children_from_new_instrument_orders",
    "generate_force_roll_orders",
    "create_broker_orders_from_contract_orders",
    "process_fills_stack",
    "handle_completed_orders",
    "safe_stack_removal",
]


BACKUPS = [
    "backup_arctic_to_csv",
    "backup_files",
    "backup_mongo_data_as_dump",
    "copy_backups_off_site",
    "verify_backups",
]
CLEANERS = [
    *("clean_backtest_states", "clean_echo_files", "clean_log_files"),
    *("clean_run_history", "clean_temporary_files"),
]
REPORTS = [
    *("costs_report", "liquidity_report", "status_report", "roll_report", "daily_pandl_report", "reconcile_report"),
    *("trade_report", "risk_report", "instrument_risk_report", "minimum_capital_report", "slippage_report"),
    *("market_monitor_report", "account_curve_report", "strategy_report"),
]


def loaded(folder: Path, text: str = "") -> Config:
    home = Home(folder)
    if text:
        home.private_config.write_text(text)
    return load(home, environ={})


def test_the_shipped_processes_are_the_owners(tmp_path: Path) -> None:
    """Start and stop times, methods in order, counts and dependencies, with no private file at all."""
    config = loaded(tmp_path)
    daily = ["update_fx_prices", "update_sampled_contracts"]
    late = ["update_historical_prices", "update_multiple_adjusted_prices"]
    assert [(s.name, s.start_time, [m.name for m in s.methods], s.previous_process) for s in config.processes] == [
        ("run_paper_exchange", time(0), ["serve_orders"], None),
        ("run_stack_handler", time(0, 1), STACK_METHODS, None),
        ("run_capital_update", time(1), ["update_total_capital", "strategy_allocation"], None),
        ("run_daily_fx_and_contract_updates", time(7), daily, None),
        (PRICES, time(20), daily + late, None),
        ("run_backups", time(20, 15), BACKUPS, None),
        ("run_cleaners", time(20, 20), CLEANERS, None),
        ("run_reports", time(20, 25), REPORTS, None),
        (LATE, time(23), ["update_sampled_contracts", *late], PRICES),
    ]
    exchange, stack, capital, *others = config.processes
    assert {(s.timezone, s.days) for s in config.processes[1:]} == {("UTC", frozenset(range(5)))}
    assert (exchange.timezone, exchange.days, exchange.stop_time) == ("UTC", frozenset(range(7)), time(23, 59))
    assert stack.stop_time == time(19, 45)
    counts = {(m.frequency, m.max_executions) for m in stack.methods[1:] if not m.run_on_completion_only}
    assert counts == {(0.0, -1)}
    assert (stack.methods[0].frequency, stack.methods[-1].run_on_completion_only) == (60.0, True)
    assert (capital.stop_time, {s.stop_time for s in others}) == (time(19, 50), {time(23, 50)})
    assert {(m.frequency, m.max_executions) for s in others for m in s.methods} == {(60.0, 1)}
    assert [(m.frequency, m.max_executions) for m in capital.methods] == [(120.0, 10), (60.0, 1)]
    assert config.warnings == ()


def test_the_paper_exchange_is_set_up_as_written(tmp_path: Path) -> None:
    """Its account, its nightly restart and the faults that it is to commit, with their usual numbers."""
    assert loaded(tmp_path).settings.broker.kind == "paper"
    text = "paper: {value: 5, restart_at: 23:45, faults: {reject: {within: 3}, lost_ack: {count: 2}}}"
    rules = loaded(tmp_path, text).settings.paper.rules()
    assert (rules.value, rules.currency, rules.restart_at) == (5.0, "USD", time(23, 45))
    assert rules.faults == (
        PlannedFault(FaultKind.REJECT, 1, 3),
        PlannedFault(FaultKind.LOST_ACK, 2, 10),
    )


def test_a_fault_that_does_not_exist_is_told_with_the_nearest(tmp_path: Path) -> None:
    """At its line."""
    with pytest.raises(InvalidConfig) as raised:
        loaded(tmp_path, "paper:\n  faults:\n    lost_akc: {count: 1}\n")
    [problem] = raised.value.problems
    assert (problem.line, problem.key, problem.suggestion) == (3, "paper.faults.lost_akc", "lost_ack")
