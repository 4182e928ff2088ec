"""Other engines through their public interfaces, on the market and with the strategy that ours is measured on.

Run in an environment that has them: `engine_peers.py NAME CASE SYMBOLS BARS`; CASE is `cross` or `every` (an order on
every bar). Prints one JSON object: CPU seconds of the run, loading into the engine's own structures left out; fills;
final equity.
"""

import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from engine_market import COMMISSION, FAST, QUANTITY, SLOW, columns, stamps


def frame(symbol: int, length: int) -> pd.DataFrame:
    return pd.DataFrame(columns(symbol, length), index=pd.to_datetime(stamps(length)))


def backtrader(case: str, symbols: int, length: int) -> dict[str, Any]:
    import backtrader as bt

    spent: dict[str, Any] = {"fills": 0}

    class Cross(bt.Strategy):
        def __init__(self) -> None:
            self.averages = [
                (bt.indicators.SMA(d.close, period=FAST), bt.indicators.SMA(d.close, period=SLOW)) for d in self.datas
            ]

        def start(self) -> None:
            spent["began"] = time.process_time()

        def stop(self) -> None:
            spent["seconds"] = time.process_time() - spent["began"]

        def notify_order(self, order: Any) -> None:
            spent["fills"] += order.status == order.Completed

        def next(self) -> None:
            for data, (fast, slow) in zip(self.datas, self.averages, strict=True):
                held = self.getposition(data).size
                if fast[0] > slow[0]:
                    if held == 0:
                        self.buy(data, size=QUANTITY)
                elif fast[0] < slow[0] and held > 0:
                    self.sell(data, size=held)

    class Every(bt.Strategy):
        start, stop, notify_order = Cross.start, Cross.stop, Cross.notify_order

        def next(self) -> None:
            if self.position.size <= 0:
                self.buy(size=1)
            else:
                self.sell(size=1)

    cerebro = bt.Cerebro(preload=True, runonce=True, stdstats=False)
    for symbol in range(symbols):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame(symbol, length), timeframe=bt.TimeFrame.Minutes))
    cerebro.addstrategy(Cross if case == "cross" else Every)
    cerebro.broker.setcash(1_000_000.0)
    cerebro.broker.setcommission(commission=COMMISSION, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True)
    cerebro.run()
    return {"seconds": spent["seconds"], "fills": spent["fills"], "equity": cerebro.broker.getvalue()}


def nautilus_engine(case: str, symbols: int, length: int) -> tuple[Any, list[Any]]:
    """The engine with its venue, instruments and bars; and instrument and kind of bar of each symbol."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.backtest.models import FixedFeeModel
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
    from nautilus_trader.model.instruments import Equity
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.persistence.wranglers import BarDataWrangler

    venue = Venue("SIM")
    logging = LoggingConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=logging))
    fee = QUANTITY * COMMISSION if case == "cross" else COMMISSION
    engine.add_venue(
        venue,
        OmsType.NETTING,
        AccountType.CASH if case == "cross" else AccountType.MARGIN,
        [Money(1_000_000, USD)],
        base_currency=USD,
        fee_model=FixedFeeModel(Money(fee, USD)),
    )
    made = []
    for number in range(symbols):
        name = Symbol(f"S{number}")
        tick, lot = Price(0.015625, 6), Quantity(1, 0)
        instrument = Equity(InstrumentId(name, venue), name, USD, 6, tick, lot, 0, 0)
        engine.add_instrument(instrument)
        kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
        engine.add_data(BarDataWrangler(kind, instrument).process(frame(number, length)))
        made.append((instrument, kind))
    return engine, made


def nautilus_strategy(case: str, made: list[Any], fills: list[int]) -> Any:
    """The strategy, which counts its fills."""
    from nautilus_trader.indicators import SimpleMovingAverage
    from nautilus_trader.model.enums import OrderSide
    from nautilus_trader.model.objects import Quantity
    from nautilus_trader.trading.strategy import Strategy

    class Cross(Strategy):
        def on_start(self) -> None:
            self.averages, self.held = {}, {}
            for instrument, kind in made:
                self.held[instrument.id] = 0
                fast, slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
                self.register_indicator_for_bars(kind, fast)
                self.register_indicator_for_bars(kind, slow)
                self.averages[kind] = (instrument, fast, slow)
                self.subscribe_bars(kind)

        def on_order_filled(self, event: Any) -> None:
            fills[0] += 1
            quantity = int(event.last_qty)
            self.held[event.instrument_id] += quantity if event.order_side == OrderSide.BUY else -quantity

        def on_bar(self, bar: Any) -> None:
            instrument, fast, slow = self.averages[bar.bar_type]
            if not slow.initialized:
                return
            if fast.value > slow.value:
                if self.held[instrument.id] == 0:
                    self.trade(instrument, OrderSide.BUY, QUANTITY)
            elif fast.value < slow.value and self.held[instrument.id] > 0:
                self.trade(instrument, OrderSide.SELL, QUANTITY)

        def trade(self, instrument: Any, side: Any, quantity: int) -> None:
            self.submit_order(self.order_factory.market(instrument.id, side, Quantity(quantity, 0)))

    class Every(Cross):
        def on_bar(self, bar: Any) -> None:
            instrument = made[0][0]
            self.trade(instrument, OrderSide.BUY if self.held[instrument.id] <= 0 else OrderSide.SELL, 1)

    return Cross() if case == "cross" else Every()


def nautilus(case: str, symbols: int, length: int) -> dict[str, Any]:
    engine, made = nautilus_engine(case, symbols, length)
    fills = [0]
    engine.add_strategy(nautilus_strategy(case, made, fills))
    begun = time.process_time()
    engine.run()
    seconds = time.process_time() - begun
    account = engine.trader.generate_account_report(made[0][0].id.venue)
    cash = float(account["total"].iloc[-1]) if len(account) else 1_000_000.0
    held = sum(
        float(engine.portfolio.net_position(instrument.id)) * columns(number, length)["close"][-1]
        for number, (instrument, _) in enumerate(made)
    )
    engine.dispose()
    return {"seconds": seconds, "fills": fills[0], "equity": cash + (held if case == "cross" else 0.0)}


def onesecondtrader_source(source: Path, tables: list[dict[str, Any]]) -> None:
    """Its database of bars: columns of symbols S0, S1 and on."""
    from onesecondtrader.secmaster import utils

    utils.create_secmaster_db(source)
    with closing(sqlite3.connect(source)) as database:
        database.execute("INSERT INTO publishers VALUES (1, 'bench', 'bench', NULL)")
        for number, table in enumerate(tables, 1):
            database.execute("INSERT INTO instruments VALUES (?, 1, ?, NULL, NULL)", (number, number))
            dates = ("2000-01-01", "2100-01-01")
            words = (f"S{number - 1}", number, *dates)
            database.execute("INSERT INTO symbology VALUES (1, ?, 'raw_symbol', ?, ?, ?)", words)
            prices = [(table[name] * 1e9).astype("int64").tolist() for name in ("open", "high", "low", "close")]
            rows = zip(
                stamps(len(table["close"])).tolist(), *prices, table["volume"].astype("int64").tolist(), strict=True
            )
            database.executemany(f"INSERT INTO ohlcv VALUES ({number}, 33, ?, ?, ?, ?, ?, ?)", rows)
        database.commit()


def onesecondtrader(case: str, symbols: int, length: int) -> dict[str, Any]:
    from onesecondtrader import brokers, datafeeds, indicators, models, orchestrator, strategies

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "secmaster.db"
        onesecondtrader_source(source, [columns(number, length) for number in range(symbols)])

        class Broker(brokers.SimulatedBroker):
            commission_per_unit = COMMISSION

        class Feed(datafeeds.SimulatedDatafeed):
            db_path, publisher_name, dataset, symbol_type = str(source), "bench", "bench", "raw_symbol"

        names = [f"S{number}" for number in range(symbols)]

        class Cross(strategies.StrategyBase):
            name = "cross"
            symbols = names
            parameters: ClassVar = {"bar_period": strategies.ParamSpec(default=models.BarPeriod.MINUTE)}

            def setup(self) -> None:
                self.fast = self.add_indicator(indicators.SimpleMovingAverage(FAST))
                self.slow = self.add_indicator(indicators.SimpleMovingAverage(SLOW))
                self.wanted = dict.fromkeys(names, 0)  # its own position is a bar late

            def on_bar(self, event: Any) -> None:
                fast, slow = self.fast[event.symbol, -1], self.slow[event.symbol, -1]
                if fast > slow:
                    if self.wanted[event.symbol] == 0:
                        self.wanted[event.symbol] = QUANTITY
                        self.submit_order(models.OrderType.MARKET, models.TradeSide.BUY, QUANTITY)
                elif fast < slow and self.wanted[event.symbol] > 0:
                    self.wanted[event.symbol] = 0
                    self.submit_order(models.OrderType.MARKET, models.TradeSide.SELL, QUANTITY)

        class Run(orchestrator.Orchestrator):
            db_path = str(Path(folder) / "runs.db")

        begun = time.process_time()
        Run([Cross], Broker, Feed).run()
        seconds = time.process_time() - begun
        with closing(sqlite3.connect(Run.db_path)) as database:
            (fills,) = database.execute("SELECT count(*) FROM fills").fetchone()
    return {"seconds": seconds, "fills": fills, "equity": float("nan")}


def main() -> None:
    name, case, symbols, length = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    print(
        json.dumps(
            {"backtrader": backtrader, "nautilus": nautilus, "onesecondtrader": onesecondtrader}[name](
                case, symbols, length
            )
        )
    )


if __name__ == "__main__":
    main()
