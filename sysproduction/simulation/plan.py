"""The processes of a simulated platform: ten, with the windows, chains and kinds of work that a real one has."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from sysproduction.domain.processes import UNLIMITED, Limits, MethodSpec, Missed, ProcessSpec, RestartPolicy

BEGINNINGS: Final = tuple(
    datetime(year, month, day, 6, tzinfo=UTC)
    for year, month, day in ((2024, 2, 27), (2024, 3, 8), (2024, 10, 25), (2025, 3, 7), (2025, 12, 28))
)
"""Moments shortly before clocks change in some of the zones, a leap day, or the end of a year."""

_LONDON: Final = "Europe/London"
_EVERY_DAY: Final = frozenset(range(7))
_RESTART: Final = RestartPolicy(crashes_max=3, period_minutes=30)


@dataclass(frozen=True, slots=True)
class _Line:
    """One process: its window, and what it does."""

    name: str
    start: str
    stop: str
    methods: tuple[MethodSpec, ...]
    zone: str = _LONDON
    previous: str | None = None
    days: frozenset[int] = frozenset(range(5))
    missed: Missed = Missed.RUN

    def spec(self) -> ProcessSpec:
        """As the configuration would give it."""
        return ProcessSpec(
            self.name,
            time.fromisoformat(self.start),
            time.fromisoformat(self.stop),
            self.zone,
            self.methods,
            previous_process=self.previous,
            days=self.days,
            restart=_RESTART,
            limits=Limits(memory_mb=1000, stop_seconds=20.0),
            missed=self.missed,
        )


def _once(*names: str) -> tuple[MethodSpec, ...]:
    return tuple(MethodSpec(name) for name in names)


_STACK: Final = (
    MethodSpec("refresh_additional_sampling", 60, UNLIMITED),
    MethodSpec("check_external_position_break", 0, UNLIMITED),
    MethodSpec("generate_force_roll_orders", 0),
    MethodSpec("process_fills_stack", 0, UNLIMITED),
    MethodSpec("safe_stack_removal", run_on_completion_only=True),
)
_CAPITAL: Final = (MethodSpec("update_total_capital", 120, 10), MethodSpec("strategy_allocation"))
_PRICES: Final = _once("update_fx_prices", "update_sampled_contracts", "update_historical_prices")
_EVENING: Final = "run_daily_prices_updates"

SPECS: Final = tuple(
    line.spec()
    for line in (
        _Line("run_stack_handler", "00:01", "23:50", _STACK),
        _Line("run_capital_update", "01:00", "23:50", _CAPITAL, days=_EVERY_DAY),
        _Line(
            "run_daily_fx_and_contract_updates", "07:00", "23:50", _once("update_fx_prices"), zone="Australia/Lord_Howe"
        ),
        _Line(_EVENING, "20:00", "23:50", _PRICES),
        _Line("run_systems", "20:05", "23:50", _once("run_backtest"), previous=_EVENING),
        _Line("run_strategy_order_generator", "20:10", "23:50", _once("generate_orders"), previous="run_systems"),
        _Line("run_backups", "22:15", "03:00", _once("backup_files", "backup_mongo"), previous=_EVENING),
        _Line(
            "run_cleaners", "02:20", "03:10", _once("clean_logs"), "America/New_York", None, _EVERY_DAY, Missed.ALERT
        ),
        _Line("run_reports", "20:25", "02:30", _once("status", "roll", "trades"), previous="run_systems"),
        _Line("run_daily_update_multiple_adjusted_prices", "23:00", "04:00", _PRICES[:1], missed=Missed.SKIP),
    )
)
