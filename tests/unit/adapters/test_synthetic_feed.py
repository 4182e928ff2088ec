"""The synthetic feed: believable markets, the same for one seed, with flaws that are known."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.synthetic_contracts import Planted
from sysproduction.adapters.synthetic_feed import SyntheticFeed
from sysproduction.adapters.synthetic_markets import MARKETS, SESSIONS, Market
from sysproduction.domain.bars import Frequency
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.rolls import Roll, contracts_at, desired_roll_date

NOW = datetime(2024, 11, 20, 12, 30, tzinfo=UTC)
Truth = dict[tuple[str, str | None], list[Planted]]
CODES = [market.code for market in MARKETS]


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    """One market for all tests."""
    return SyntheticFeed(3)


def frame(feed: SyntheticFeed, code: str, contract: str, frequency: Frequency = Frequency.DAILY) -> pd.DataFrame:
    """All bars of a contract up to now."""
    return feed.bars(code, contract, frequency, after=None, until=NOW)


@pytest.fixture(scope="module")
def truth(feed: SyntheticFeed) -> Truth:
    """The bad daily ticks since 2019, by instrument and contract."""
    found: Truth = defaultdict(list)
    for tick in feed.planted(datetime(2019, 1, 1, tzinfo=UTC), NOW):
        if tick.frequency is Frequency.DAILY:
            found[tick.instrument, tick.contract].append(tick)
    return found


def clean(feed: SyntheticFeed, truth: Truth, code: str, contract: str) -> pd.Series:
    """True daily closes since 2019."""
    closes = frame(feed, code, contract)["close"]["2019":]
    for tick in truth[code, contract]:
        closes[pd.Timestamp(tick.stamp)] = tick.true
    return closes


def rolls(feed: SyntheticFeed, code: str) -> list[Roll]:
    """All rolls up to now."""
    return list(feed.rolls(code, after=None, until=NOW))


def test_the_markets_are_varied() -> None:
    """There are ten markets in at least seven asset classes, three regions and four currencies."""
    instruments = [market.listing.instrument for market in MARKETS]
    assert len(instruments) == 10
    assert len({i.asset_class for i in instruments}) >= 7
    assert {i.region for i in instruments} == set(SESSIONS)
    assert {i.currency for i in instruments} == {"USD", "EUR", "GBP", "JPY"}


def test_every_foreign_currency_has_a_pair(feed: SyntheticFeed) -> None:
    """Each currency of a market has its rate against the dollar."""
    currencies = {market.listing.instrument.currency for market in MARKETS} - {"USD"}
    assert set(feed.currency_pairs()) == {currency + "USD" for currency in currencies}


def test_another_seed_is_another_market(feed: SyntheticFeed) -> None:
    """Two seeds share no path."""
    contract = rolls(feed, "GOLD")[-1].price
    assert not frame(feed, "GOLD", contract).equals(frame(SyntheticFeed(4), "GOLD", contract))


def test_a_market_is_the_same_in_any_company(feed: SyntheticFeed) -> None:
    """A market alone has the bars that it has among the others, also after years were asked for that are far ahead."""
    alone = SyntheticFeed(3, ["GOLD"])
    alone.rolls("GOLD", after=None, until=NOW + timedelta(days=4000))
    alone.fx("EURUSD", after=None, until=NOW + timedelta(days=4000))
    assert [listing.instrument.code for listing in alone.instruments()] == ["GOLD"]
    for contract in [listing.contract for listing in feed.chain("GOLD", NOW)]:
        for frequency in Frequency:
            pd.testing.assert_frame_equal(
                frame(alone, "GOLD", contract, frequency), frame(feed, "GOLD", contract, frequency)
            )
    pd.testing.assert_frame_equal(
        alone.fx("EURUSD", after=None, until=NOW), feed.fx("EURUSD", after=None, until=NOW), check_freq=False
    )


@pytest.mark.parametrize("code", CODES)
def test_a_fresh_store_gets_a_year_of_priced_bars(feed: SyntheticFeed, code: str) -> None:
    """The chain's contracts cover every trading day of the last 300 days with a price and a forward contract."""
    chain = {listing.contract for listing in feed.chain(code, NOW)}
    ends = [*rolls(feed, code)[1:], None]
    spans = [
        (roll, end)
        for roll, end in zip(rolls(feed, code), ends, strict=True)
        if end is None or end.stamp > NOW - timedelta(days=300)
    ]
    covered = 0
    for roll, end in spans:
        assert {roll.price, roll.forward} <= chain
        until = end.stamp if end else NOW
        price, forward = (
            feed.bars(code, name, Frequency.DAILY, after=roll.stamp, until=until) for name in (roll.price, roll.forward)
        )
        assert len(price.index.symmetric_difference(forward.index)) == 0
        covered += len(price)
    assert covered > 180


@pytest.mark.parametrize("code", CODES)
def test_rolls_happen_when_the_parameters_say(feed: SyntheticFeed, code: str) -> None:
    """A roll comes one second after the last bar of the first trading day from the desired date on."""
    market = next(market for market in MARKETS if market.code == code)
    parameters = market.listing.roll_parameters
    for before, roll in pairwise(rolls(feed, code)):
        late = (roll.stamp.date() - desired_roll_date(before.price, parameters)).days
        assert 0 <= late <= 5
        assert roll.stamp.hour == market.session[-1]
        assert (roll.stamp.minute, roll.stamp.second) == (0, 1)
        assert (roll.price, roll.forward, roll.carry) == contracts_at(roll.stamp.date(), parameters)


@pytest.mark.parametrize("code", CODES)
def test_both_contracts_of_a_roll_have_the_bar_before_it(feed: SyntheticFeed, code: str) -> None:
    """Right before each roll there is a bar of the old and of the new price contract, so the step between is known."""
    history = rolls(feed, code)
    for before, roll in list(pairwise(history))[-8:]:
        for contract in (before.price, roll.price):
            last = frame(feed, code, contract, Frequency.INTRADAY)[: pd.Timestamp(roll.stamp)].index[-1]
            assert last == roll.stamp - timedelta(seconds=1)


@pytest.mark.parametrize("code", CODES)
def test_volume_moves_on_with_the_roll(feed: SyntheticFeed, code: str) -> None:
    """Two weeks before a roll the old contract trades more than the new one; two weeks after, less."""
    history = rolls(feed, code)
    before, roll = history[-3], history[-2]
    fortnight = timedelta(days=14)
    for shift, busy, quiet in ((-fortnight, before.price, roll.price), (fortnight, roll.price, before.price)):
        window = slice(pd.Timestamp(roll.stamp + shift - timedelta(days=4)), pd.Timestamp(roll.stamp + shift))
        volumes = [frame(feed, code, contract)[window]["volume"].sum() for contract in (busy, quiet)]
        assert volumes[0] > 2 * volumes[1]


@pytest.mark.parametrize("market", MARKETS, ids=CODES)
def test_prices_move_as_much_as_the_market_does(feed: SyntheticFeed, truth: Truth, market: Market) -> None:
    """The true daily moves of five years are of the market's volatility, whole ticks, and cluster in time."""
    moves = []
    for before, roll in pairwise(rolls(feed, market.code)):
        if roll.stamp.year >= 2019:
            closes = clean(feed, truth, market.code, before.price)[
                pd.Timestamp(before.stamp) : pd.Timestamp(roll.stamp)
            ]
            moves.append(np.log(closes).diff().dropna())
            ticks = closes / market.behaviour.tick
            assert np.allclose(ticks, ticks.round(), atol=1e-3)
    yearly = float(pd.concat(moves).std()) * 16
    damping = np.exp(-market.behaviour.damping * 0.2)
    assert 0.6 < yearly / (market.behaviour.volatility * damping) < 1.5


def test_weekends_and_holidays_are_off(feed: SyntheticFeed) -> None:
    """No bar falls on a weekend or on the first of January."""
    for code in CODES:
        for listing in feed.chain(code, NOW):
            stamps = frame(feed, code, listing.contract, Frequency.INTRADAY).index
            days = {stamp.date() for stamp in stamps}
            assert all(day.weekday() < 5 for day in days)
            assert date(2024, 1, 1) not in days


def test_some_bars_and_some_days_are_missing(feed: SyntheticFeed) -> None:
    """A few intraday bars lack in a year, and a few days have no bar of a market at all."""
    short, dark = 0, 0
    for market in MARKETS:
        for roll, end in zip(rolls(feed, market.code)[-6:], rolls(feed, market.code)[-5:], strict=False):
            stamps = feed.bars(market.code, roll.price, Frequency.INTRADAY, after=roll.stamp, until=end.stamp).index
            counts = Counter(stamp.date() for stamp in stamps)
            short += sum(count < len(market.session) for count in counts.values())
            weekdays = np.busday_count(roll.stamp.date(), end.stamp.date())
            dark += int(weekdays) - len(counts)
    assert 20 < short < 600
    assert 0 < dark < 200


def test_every_week_day_has_a_bad_tick(feed: SyntheticFeed) -> None:
    """In a year of trading days hardly one is without a bad tick somewhere."""
    days = {tick.stamp.date() for tick in feed.planted(NOW - timedelta(days=365), NOW) if tick.contract}
    assert len(days) > 245


def test_planted_bad_ticks_are_what_the_feed_serves(feed: SyntheticFeed) -> None:
    """Each planted tick is the close served at its stamp, within its bar's bounds and far from the truth."""
    ticks = feed.planted(NOW - timedelta(days=60), NOW)
    assert {type(tick) for tick in ticks} == {Planted}
    assert {tick.frequency for tick in ticks} == set(Frequency)
    for tick in ticks:
        if tick.contract is None:
            assert feed.fx(tick.instrument, after=None, until=NOW)["rate"][pd.Timestamp(tick.stamp)] == tick.bad
        else:
            bar = frame(feed, tick.instrument, tick.contract, tick.frequency).loc[pd.Timestamp(tick.stamp)]
            assert bar["close"] == tick.bad
            assert bar["low"] <= bar["close"] <= bar["high"]
        assert not 0.2 < tick.bad / tick.true < 5


def test_all_other_prices_are_good(feed: SyntheticFeed, truth: Truth) -> None:
    """Apart from the planted ticks no daily close differs from the one before by as much as a third."""
    for code in CODES:
        contract = rolls(feed, code)[-1].price
        assert clean(feed, truth, code, contract).pct_change().abs().max() < 0.34


def test_planted_ticks_obey_the_range(feed: SyntheticFeed) -> None:
    """Ticks in pieces of time add up to the ticks of the whole, each in its half-open range."""
    start, cut = NOW - timedelta(days=90), NOW - timedelta(days=33)
    whole = list(feed.planted(start, NOW))
    assert [*feed.planted(start, cut), *feed.planted(cut, NOW)] == whole
    assert all(start < tick.stamp <= NOW for tick in whole)
    moment = whole[5].stamp
    assert all(tick.stamp > moment for tick in feed.planted(moment, NOW))
    assert any(tick.stamp == moment for tick in feed.planted(start, moment))


def test_quotes_ignore_bad_ticks(feed: SyntheticFeed) -> None:
    """A quote right after a bad tick is around the true price."""
    tick = next(t for t in feed.planted(NOW - timedelta(days=60), NOW) if t.frequency is Frequency.INTRADAY)
    assert tick.contract is not None
    quote = feed.quote(tick.instrument, tick.contract, tick.stamp + timedelta(minutes=5))
    assert quote is not None
    assert quote.at == tick.stamp
    assert quote.bid <= tick.true <= quote.ask


def test_there_is_a_term_structure(feed: SyntheticFeed) -> None:
    """Later contracts are dearer on the whole for gold and volatility, and cheaper for euro bonds."""
    steps = {}
    for code in ("GOLD", "VOL_EU", "BOND_EU"):
        later = [(roll, pd.Timestamp(roll.stamp) + timedelta(days=9)) for roll in rolls(feed, code)[1:-1]]
        prices = [[frame(feed, code, c)["close"].asof(t) for c in (r.price, r.forward)] for r, t in later]
        steps[code] = float(np.median([np.log(forward / price) for price, forward in prices]))
    assert min(steps["GOLD"], steps["VOL_EU"]) > 0.001
    assert steps["BOND_EU"] < -0.001


def test_wrong_settings_are_config_errors() -> None:
    """An unknown instrument is refused with the nearest name, a negative seed with what is expected."""
    with pytest.raises(ConfigError, match=r"no instrument 'GOLDD'; did you mean GOLD\?"):
        SyntheticFeed(1, ["GOLDD"])
    with pytest.raises(ConfigError, match="expected 0 or more"):
        SyntheticFeed(-1)
