"""An evening's `run_systems` for 208 instruments of 50 years after one more day of prices: at most 5 CPU s.

Seconds are CPU seconds of the command, for the machine may be busy; the wall clock stands beside them.
"""

import os
from datetime import timedelta
from pathlib import Path

import made_panel
from bench_systems_store import store, written
from measuring import fresh_home, measured, row

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.histories import History, MarketData
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.prices import ADJUSTED, MULTIPLE

TARGET, SAME_TARGET = 5.0, 2.5


def main() -> None:
    """The whole history but its last day, a first decision, the last day, and the run that counts."""
    market = made_panel.made_panel()
    last = next(iter(market.histories.values())).adjusted.index[-1]
    with fresh_home("environment: demo\n") as home:
        (home / "system.yaml").write_text(written(made_panel.made_system(market)), encoding="utf-8")
        start = (last + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
        settings = (
            f"environment: demo\nclock: {{start: {start}}}\nstrategies: {{made: {{system: {home}/system.yaml}}}}\n"
        )
        (home / "private_config.yaml").write_text(settings, encoding="utf-8")
        store(home, but_last(market))
        measured(home, "capital", "init", "--json")
        measured(home, "method", "run_capital_update.strategy_allocation", "--json")
        measured(home, "method", "run_systems.made", "--json")
        append_last(home, market)
        cost = measured(home, "method", "run_systems.made", "--json")
        row(
            f"run_systems, 208 instruments, one day more ({cost.wall_seconds:.1f} s wall)",
            cost.cpu_seconds,
            "CPU s",
            TARGET,
        )
        cost = measured(home, "method", "run_systems.made", "--json")
        assert decisions(home) == [len(made_panel.made_system(market).instruments)] * 2, "two evenings decided"
        row("run_systems, 208 instruments, nothing new", cost.cpu_seconds, "CPU s", SAME_TARGET)


def decisions(path: Path) -> list[int]:
    """How many instruments each stored decision has a target for."""
    home = Home(path)
    with wiring.outside(home, loading.load(home, environ=os.environ)) as ports:
        return [len(decision.positions) for decision in OptimalPositionStore(ports.documents).history("made")]


def but_last(market: MarketData) -> MarketData:
    """Without the last day's prices."""
    histories = {
        code: History(h.listing, h.adjusted.iloc[:-1], h.multiple.iloc[:-1]) for code, h in market.histories.items()
    }
    return MarketData(histories, market.rates)


def append_last(path: Path, market: MarketData) -> None:
    """The last day's prices, as an evening appends them."""
    home = Home(path)
    unused = {"FORWARD": 0.0, "FORWARD_CONTRACT": "20300300"}
    with wiring.outside(home, loading.load(home, environ=os.environ)) as ports:
        for code, history in market.histories.items():
            ports.series.append(MULTIPLE, code, history.multiple.iloc[-1:].assign(**unused))
            ports.series.append(ADJUSTED, code, history.adjusted.iloc[-1:].to_frame("price"))


if __name__ == "__main__":
    main()
