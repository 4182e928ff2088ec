"""`run_reports`, all reports: at most 20 CPU s and 400 MB for 200 instruments and 10,000 trades, 5 CPU s for recorded
prices of a demo's size; each page at most 2 MB.

Seconds are CPU seconds of the process, for the machine may be busy; the wall clock stands beside them. The database
server is a process of its own and not counted.
"""

import os
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

import made_panel
import pandas as pd
from bench_systems_store import store, written
from measuring import fresh_home, measured, row, shared_data

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.fills import Fill
from sysproduction.domain.histories import MarketData
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import (
    BrokerOrder,
    BrokerOrderType,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
    Reference,
)
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import BARS, DAILY

INSTRUMENTS, TRADES = 200, 10_000
CPU_TARGET, PEAK_TARGET_MB, DEMO_TARGET, PAGE_TARGET_MB = 20.0, 400.0, 5.0, 2.0
CONTRACTS = ("20990300", "20990600")
SETTINGS = """\
environment: demo
clock: {{start: {start}}}
strategies: {{made: {{system: {system}}}}}
broker: {{kind: none}}
"""


def main() -> None:
    """The made-up panel with its trades, then recorded prices."""
    with fresh_home("environment: demo\n") as home:
        # In a program of its own: a child's peak memory counts that of the program that started it.
        filling = get_context("spawn").Process(target=fill, args=(home,))
        filling.start()
        filling.join()
        assert filling.exitcode == 0
        measured(home, "capital", "init", "--json")
        measured(home, "method", "run_capital_update.strategy_allocation", "--json")
        measured(home, "method", "run_systems.made", "--json")
        reported(home, f"all reports, {INSTRUMENTS} instruments, {TRADES:,} trades", CPU_TARGET)
    data = shared_data("all reports of recorded prices")
    if data is not None:
        with fresh_home("environment: demo\nclock: {start: 2023-08-30T20:30}\nbroker: {kind: none}\n") as home:
            measured(home, "import", "csv", str(data), "--until", "2023-08-30T20:30", "--json")
            reported(home, "all reports of recorded prices", DEMO_TARGET)


def fill(home: Path) -> None:
    """Prices, a system, and a year of trades."""
    market = some(made_panel.made_panel(), INSTRUMENTS)
    last = next(iter(market.histories.values())).adjusted.index[-1]
    evening = last.normalize() + timedelta(hours=20, minutes=30)
    (home / "system.yaml").write_text(written(made_panel.made_system(market)), encoding="utf-8")
    text = SETTINGS.format(start=f"{evening:%Y-%m-%dT%H:%M}", system=home / "system.yaml")
    (home / "private_config.yaml").write_text(text, encoding="utf-8")
    store(home, market)
    trade(home, market, evening.to_pydatetime())


def reported(home: Path, name: str, target: float) -> None:
    """Run the process once, and look at what it wrote."""
    cost = measured(home, "run", "run_reports", "--no-wait")
    pages = [path.stat().st_size for path in (home / "reports").rglob("*.html")]
    assert len(pages) == 14, pages
    row(f"{name} ({cost.wall_seconds:.1f} s wall)", cost.cpu_seconds, "CPU s", target)
    row(f"{name}, peak memory", cost.peak_mb, "MB", PEAK_TARGET_MB)
    row(f"{name}, largest page", max(pages) / 1e6, "MB", PAGE_TARGET_MB)


def some(market: MarketData, count: int) -> MarketData:
    """The first instruments."""
    return MarketData(dict(list(market.histories.items())[:count]), market.rates)


def trade(path: Path, market: MarketData, now: datetime) -> None:
    """A year of trades in two contracts of each instrument, with all their orders, and bars of both contracts."""
    chance, codes = Random(1), list(market.histories)
    days = pd.bdate_range(end=now.replace(hour=0, minute=0), periods=260)
    home = Home(path)
    with wiring.outside(home, loading.load(home, environ=os.environ)) as ports:
        frames = {}
        for code in codes:
            closes = market.histories[code].multiple["PRICE"].iloc[-len(days) :].to_numpy()
            frame = pd.DataFrame({"close": closes, "volume": 1000.0}, index=days[-len(closes) :] + timedelta(hours=20))
            for contract in CONTRACTS:
                frames[f"{code}/{contract}"] = frame.reindex(columns=list(BAR_COLUMNS)).assign(**{DAILY: True})
        ports.series.replace_many(BARS, frames)
        stack, ledger = OrderStack(ports.documents), FillLedger(ports.documents)
        for number in range(TRADES):
            code, day = codes[number % len(codes)], number * len(days) // TRADES
            price = float(frames[f"{code}/{CONTRACTS[0]}"]["close"].iloc[day])
            put(stack, ledger, code, (days[day] + timedelta(hours=12)).to_pydatetime(), price, chance)


def put(stack: OrderStack, ledger: FillLedger, code: str, at: datetime, price: float, chance: Random) -> None:
    """One filled order on all levels."""
    contract, quantity = chance.choice(CONTRACTS), chance.choice((-2, -1, 1, 2))
    legs, reference = (Leg(contract, quantity),), Reference(price, contract, at)
    ended = {"active": False, "completed_at": at}
    decision = f"{at:%Y-%m-%dT%H%M%S}-{chance.random()}"
    order = InstrumentOrder(
        "made", code, decision, quantity, OrderType.MARKET, at, "bench", reference=reference, **ended
    )
    child = ContractOrder(
        *(order.order_id, 1, "made", code, legs, OrderType.MARKET, "market"), reference=reference, **ended
    )
    sent = BrokerOrder(
        *(child.order_id, 1, order.order_id, "made", code, legs, BrokerOrderType.MARKET, at),
        **({"bid": price - 0.01, "ask": price + 0.01, "status": BrokerStatus.FILLED} | ended),
    )
    stack.insert_instrument(order)
    stack.insert_contract(child)
    stack.insert_broker(sent)
    name = sent.client_order_id
    told = Fill(
        name, 0, "bench", "made", code, contract, quantity, price, at, 1.0, name, child.order_id, order.order_id
    )
    ledger.record(told)


if __name__ == "__main__":
    main()
