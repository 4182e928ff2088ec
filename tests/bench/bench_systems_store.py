"""`sysproduction backtest system` from the Arctic store: at most 2 s for 6 instruments, 12 s for 208 of 50 years.

Seconds are CPU seconds of the command, for the machine may be busy; the wall clock stands beside them. The database
server that holds the instruments' definitions is a process of its own and not counted.
"""

import os
from pathlib import Path
from statistics import median

import made_panel
import yaml
from measuring import fresh_home, measured, row, shared_data

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import ADJUSTED, MULTIPLE

RUNS = 3
SMALL_TARGET, LARGE_TARGET = 2.0, 12.0
PEAK_TARGET_MB = 1000.0


def main() -> None:
    """Chapter 15 on recorded prices, then the made-up panel."""
    data = shared_data("chapter 15 from the store")
    if data is not None:
        with fresh_home("environment: demo\n") as home:
            measured(home, "import", "csv", str(data), "--json")
            costs = [measured(home, "backtest", "system", "chapter15", "--json") for _ in range(RUNS)]
        wall = median(cost.wall_seconds for cost in costs)
        cpu = median(cost.cpu_seconds for cost in costs)
        row(f"chapter 15 from the store ({wall:.1f} s wall)", cpu, "CPU s", SMALL_TARGET)
    with fresh_home("environment: demo\n") as home:
        market = made_panel.made_panel()
        system = home / "system.yaml"
        system.write_text(written(made_panel.made_system(market)), encoding="utf-8")
        store(home, market)
        del market
        cost = measured(home, "backtest", "system", str(system), "--json")
        name = f"208 instruments x 50 years from the store ({cost.wall_seconds:.1f} s wall)"
        row(name, cost.cpu_seconds, "CPU s", LARGE_TARGET)
        row("208 instruments x 50 years from the store, peak memory", cost.peak_mb, "MB", PEAK_TARGET_MB)


def store(path: Path, market: MarketData) -> None:
    """Fill a home's stores with the market."""
    home = Home(path)
    with wiring.outside(home, loading.load(home, environ=os.environ)) as ports:
        for history in market.histories.values():
            Instruments(ports.documents).put(history.listing)
        unused = {"FORWARD": 0.0, "FORWARD_CONTRACT": "20300300"}
        ports.series.replace_many(MULTIPLE, {c: h.multiple.assign(**unused) for c, h in market.histories.items()})
        ports.series.replace_many(ADJUSTED, {c: h.adjusted.to_frame("price") for c, h in market.histories.items()})
        for currency, rate in market.rates.items():
            FxRates(ports.series).replace(f"{currency}USD", rate.to_frame("rate"))


def written(config: SystemConfig) -> str:
    """The system as a file."""
    rules = {r.name: {"function": r.function, "arguments": dict(r.arguments), "scalar": r.scalar} for r in config.rules}
    said = {
        "rules": rules,
        "forecast_weights": dict(config.forecast_weights),
        "instrument_weights": dict(config.instrument_weights),
        "forecast_div_multiplier": config.forecast_div_multiplier,
        "instrument_div_multiplier": config.instrument_div_multiplier,
        "capital": config.capital,
        "base_currency": config.base_currency,
        "percentage_vol_target": config.percentage_vol_target,
    }
    return yaml.safe_dump(said)


if __name__ == "__main__":
    main()
