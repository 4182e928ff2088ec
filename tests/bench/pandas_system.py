"""The same system in plain vectorised pandas, instrument by instrument: what ours is measured and checked against.

It reproduces the reference implementation, its quirks included, and shares no code with sysproduction.systems.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Instrument
from sysproduction.domain.trading_systems import BufferMethod, CostMethod, RuleSpec, SystemConfig


@dataclass(frozen=True, slots=True)
class PandasRun:
    """Tables as the reference has them."""

    series: dict[str, pd.DataFrame]
    rules: dict[str, pd.DataFrame]
    portfolio: pd.DataFrame
    weights: pd.DataFrame


def run(config: SystemConfig, market: MarketData) -> PandasRun:
    """All steps for every instrument of the configuration, in alphabetical order."""
    codes = sorted(config.instruments)
    series, rules = {}, {}
    for code in codes:
        rate = market.rates.get(market.histories[code].listing.instrument.currency)
        series[code], rules[code] = subsystem(config, market.histories[code], rate)
    weights = instrument_weights(config, {code: series[code]["subsystem_position"] for code in codes})
    curves = {}
    for code in codes:
        history = market.histories[code]
        rate = market.rates.get(history.listing.instrument.currency)
        curves[code] = in_portfolio(config, history, rate, series[code], weights[code])
    return PandasRun(series, rules, portfolio(curves), weights.assign(IDM=config.instrument_div_multiplier))


def naive(series: pd.Series) -> pd.Series:
    """Stamps without their zone."""
    return series.set_axis(series.index.tz_localize(None))


def subsystem(config: SystemConfig, history: History, rate: pd.Series | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prices to the position of an instrument that had all the capital; its forecasts."""
    price = naive(history.adjusted).resample("1B").last()
    current = naive(history.multiple["PRICE"]).resample("1B").last()
    vol = volatility(price)
    roll = annual_roll(history.multiple)
    raw_carry = roll / (16 * vol)
    fx = pd.Series(1.0, price.index) if rate is None else naive(rate).reindex(price.index, method="ffill")
    point = history.listing.instrument.point_size
    block_value = current.ffill() * point * 0.01
    percentage_vol = 100 * vol / current.ffill().abs().reindex(vol.index)
    risk = block_value.reindex(vol.index) * percentage_vol * fx
    vol_scalar = config.capital * config.percentage_vol_target / 100 / 16 / risk
    forecasts, combined = combined_forecast(config, price, vol, raw_carry)
    position = vol_scalar.reindex(combined.index, method="ffill") * combined / 10
    columns = {
        "adj_price": price,
        "daily_vol": vol,
        "denom_price": current,
        "pct_vol": percentage_vol,
        "daily_ann_roll": roll,
        "raw_carry": raw_carry,
        "combined_forecast": combined,
        "fx": fx,
        "block_value": block_value,
        "instr_value_vol": risk,
        "vol_scalar": vol_scalar,
        "subsystem_position": position,
    }
    return pd.DataFrame(columns), forecasts


def volatility(price: pd.Series) -> pd.Series:
    """Mixed exponentially weighted volatility in points."""
    fast = price.diff().ewm(span=35, min_periods=10).std()
    return (0.3 * fast.ewm(span=2560).mean() + 0.7 * fast).clip(lower=1e-10)


def annual_roll(multiple: pd.DataFrame) -> pd.Series:
    """Price less carry price a year of distance, daily mean."""
    rows = multiple.set_axis(multiple.index.tz_localize(None))
    gap = rows["PRICE"] - rows["CARRY"]
    gap[gap == 0] = np.nan
    delivery = {
        role: rows[f"{role}_CONTRACT"].str[:4].astype(float) + rows[f"{role}_CONTRACT"].str[4:6].astype(float) / 12
        for role in ("PRICE", "CARRY")
    }
    years = delivery["CARRY"] - delivery["PRICE"]
    years = years.where(years.abs() >= 1 / 365.25, np.copysign(1 / 365.25, years))
    return (gap / years).resample("1B").mean()


def raw_forecast(rule: RuleSpec, price: pd.Series, vol: pd.Series, raw_carry: pd.Series) -> pd.Series:
    """One rule."""
    arguments = dict(rule.arguments)
    if rule.function == "carry":
        return raw_carry.ewm(com=arguments["smooth_days"]).mean()
    if rule.function == "breakout":
        lookback = arguments["lookback"]
        window = price.rolling(lookback, min_periods=int(np.ceil(lookback / 2)))
        high, low = window.max(), window.min()
        span = max(int(lookback / 4), 1)
        position = 40 * (price - (high + low) / 2) / (high - low)
        return position.ewm(span=span, min_periods=int(np.ceil(span / 2))).mean()
    fast = arguments["Lfast"]
    slow = 4 * fast if rule.function == "accel" else arguments["Lslow"]
    crossover = (price.ewm(span=fast).mean() - price.ewm(span=slow).mean()) / vol.ffill()
    return crossover - crossover.shift(fast) if rule.function == "accel" else crossover


def combined_forecast(
    config: SystemConfig, price: pd.Series, vol: pd.Series, raw_carry: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    """Every rule raw and capped with the weights, and the combination."""
    columns, cap = {}, config.forecast_cap
    for rule in config.rules:
        raw = raw_forecast(rule, price, vol, raw_carry)
        columns[f"raw_{rule.name}"] = raw.where(raw != 0)
        columns[f"capped_{rule.name}"] = (columns[f"raw_{rule.name}"] * rule.scalar).clip(-cap, cap)
    names = list(config.forecast_weights)
    frame = pd.DataFrame({name: columns[f"capped_{name}"] for name in names}).ffill()
    shares = np.array([config.forecast_weights[name] for name in names])
    weights = smoothed_weights(frame, shares)
    combined = ((frame.fillna(0) * weights).sum(axis=1) * config.forecast_div_multiplier).clip(-cap, cap)
    return pd.DataFrame(columns).join(weights.add_prefix("fwt_")), combined


def smoothed_weights(known: pd.DataFrame, shares: np.ndarray) -> pd.DataFrame:
    """Shares of what is known, smoothed and normalised."""
    there = known.notna()
    there[~there.any(axis=1)] = True
    weights = (there * shares).ewm(span=125).mean()
    return weights.mul(1 / weights.sum(axis=1), axis=0)


def instrument_weights(config: SystemConfig, positions: dict[str, pd.Series]) -> pd.DataFrame:
    """Weights by day."""
    frame = pd.DataFrame(positions).ffill()
    return smoothed_weights(frame, np.array([config.instrument_weights[code] for code in frame.columns]))


def in_portfolio(
    config: SystemConfig, history: History, rate: pd.Series | None, series: pd.DataFrame, weight: pd.Series
) -> pd.DataFrame:
    """Positions with buffers added to the instrument's series; its account."""
    share = weight.reindex(series.index) * config.instrument_div_multiplier
    series["notional_position"] = series["subsystem_position"] * share
    average = series["vol_scalar"].ffill() * share
    by_forecast = config.buffer.method is BufferMethod.FORECAST
    size = 0.0 if config.buffer.method is BufferMethod.NONE else config.buffer.size
    width = size * (average if by_forecast else series["notional_position"]).abs()
    series["buffer_top"] = series["notional_position"] + width
    series["buffer_bot"] = series["notional_position"] - width
    held = buffered(config, series)
    ended = series.index > series["adj_price"].last_valid_index()
    price = series["adj_price"].where(~ended, series["adj_price"].ffill())
    instrument = history.listing.instrument
    percent = 100 / config.capital
    moves = held.shift(1).ffill().shift(1) * price.ffill().diff()
    gross = in_base(moves.fillna(0) * instrument.point_size, rate)
    rolls = len(history.listing.roll_parameters.hold_cycle)
    if config.costs is CostMethod.SHARPE:
        costs = sharpe_costs(series, held, average, price, instrument, rolls)
    else:
        costs = cash_costs(held.shift(1), price, instrument, rolls)
    costs = in_base(costs, rate).resample("1B").sum()
    return pd.DataFrame({"gross": gross.fillna(0) * percent, "costs": -costs * percent, "bufpos": held})


def in_base(money: pd.Series, rate: pd.Series | None) -> pd.Series:
    """At the last rate known at each stamp."""
    return money if rate is None else money * naive(rate).reindex(money.index, method="ffill")


def buffered(config: SystemConfig, series: pd.DataFrame) -> pd.Series:
    """What is held because of the buffer."""
    columns = series[["notional_position", "buffer_top", "buffer_bot"]]
    columns = columns.round() if config.buffer.round else columns
    if config.buffer.method is BufferMethod.NONE:
        return columns["notional_position"]
    optimum, top, bottom = (columns[name].to_numpy() for name in columns)
    held = np.empty(len(optimum))
    held[0] = now = 0.0 if np.isnan(optimum[0]) else optimum[0]
    for row in range(1, len(optimum)):
        if now > top[row]:
            now = top[row] if config.buffer.trade_to_edge else optimum[row]
        elif now < bottom[row]:
            now = bottom[row] if config.buffer.trade_to_edge else optimum[row]
        held[row] = now
    return pd.Series(held, series.index)


def cash_costs(held: pd.Series, price: pd.Series, instrument: Instrument, rolls: int) -> pd.Series:
    """Costs of trades and rolls in the instrument's currency, by their dates."""
    trades = held.diff().abs()
    trades = trades[trades > 0]
    of_trades = charge(trades, price.reindex(trades.index), instrument, commissions=1)
    dates = [d for year in sorted(set(held.index.year)) for d in roll_dates(year, rolls)]
    before = [roll_dates(held.index[0].year - 1, rolls)[-1], *dates[:-1]]
    sizes = [held[start:end].abs().mean() for start, end in zip(before, dates, strict=True)]
    quantity = pd.Series(sizes, dates).fillna(0) * 0.5
    quantity = quantity[(quantity > 0) & (quantity.index <= held.index[-1])]
    known = price.ffill()
    prices = pd.Series([known[known.index < date].iloc[-1] for date in quantity.index], quantity.index, dtype=float)
    of_rolls = charge(quantity, prices, instrument, commissions=2)
    moving = price.ffill().diff().rolling(180, min_periods=3).std().ffill()
    costs = pd.concat([of_trades, of_rolls]).sort_index(kind="stable")
    costs = costs.groupby(costs.index).sum()
    return costs * (moving / moving.iloc[-1]).reindex(costs.index, method="ffill")


def charge(quantity: pd.Series, price: pd.Series, instrument: Instrument, *, commissions: int) -> pd.Series:
    """One spread side and so many commissions."""
    value = quantity * price * instrument.point_size * instrument.percentage
    commission = np.fmax(np.maximum(quantity * instrument.per_block, instrument.per_trade), value)
    return quantity * instrument.spread_cost * instrument.point_size + commissions * commission


def roll_dates(year: int, rolls: int) -> list[pd.Timestamp]:
    """Equally spaced dates of a year."""
    gap = int(365.25 / rolls)
    first = pd.Timestamp(year, 1, 1) + pd.Timedelta(days=gap // 2)
    return [first + pd.Timedelta(days=gap * number) for number in range(rolls)]


def sharpe_costs(
    series: pd.DataFrame,
    held: pd.Series,
    average: pd.Series,
    price: pd.Series,
    instrument: Instrument,
    rolls: int,
) -> pd.Series:
    """A steady drag in the instrument's currency."""
    usual = average.ewm(com=250, min_periods=2).mean()
    turnover = (held / usual.ffill()).diff().abs().mean() * 256
    daily = series["adj_price"].loc[: series["adj_price"].last_valid_index()]
    year = daily.index[-1] - pd.DateOffset(years=1)
    mean_price, mean_vol = daily[year:].mean(), series["daily_vol"].loc[year : daily.index[-1]].mean()
    one = charge(pd.Series([1.0]), pd.Series([mean_price]), instrument, commissions=1).iloc[0]
    sharpe = one / (mean_vol * instrument.point_size * 16)
    risk = (series["daily_vol"] * 16 * average).ffill().bfill()
    years = price.index.to_series().diff().dt.total_seconds() / (365.25 * 86_400)
    points = (turnover + 2 * rolls) * sharpe * risk * years
    return points.where(held.shift(1).ffill().notna(), 0.0) * instrument.point_size


def portfolio(curves: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Accounts side by side, and their sums."""
    columns = {}
    for code, curve in curves.items():
        columns[f"{code}_gross"] = curve["gross"]
        columns[f"{code}_net"] = curve["gross"].add(curve["costs"], fill_value=0)
        columns[f"{code}_bufpos"] = curve["bufpos"]
    frame = pd.DataFrame(columns)
    costs = pd.DataFrame({code: curve["costs"] for code, curve in curves.items()})
    total = costs.sum(axis=1)
    known = costs.notna().any(axis=1)
    total[(total.index < known.idxmax()) | (total.index > known[::-1].idxmax())] = np.nan
    sums = {f"TOTAL_{kind}": frame.filter(regex=f"_{kind}$").sum(axis=1) for kind in ("gross", "net")}
    return pd.DataFrame({**sums, "TOTAL_costs": total}).join(frame)
