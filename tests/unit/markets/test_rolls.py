"""The roll of prices, its recovery after a crash at any write, and what the rules do by themselves."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.merging import merge
from sysproduction.domain.multiple_prices import Extended
from sysproduction.domain.results import ProblemKind
from sysproduction.domain.roll_rules import RollRule
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.rolls import Roll
from sysproduction.markets.multiple_adjusted import update_multiple_adjusted_prices
from sysproduction.markets.rolls import recover_rolls, roll_instrument, set_state
from sysproduction.simulation.faults import AtWrite
from sysproduction.stores.contracts import ContractRecord
from sysproduction.stores.roll_states import RollChange
from tests.fakes import ProgramDied
from tests.rolling_market import (
    DEC,
    JUN,
    LAST,
    MAR,
    NOW,
    SEP,
    assert_old_or_new,
    desk_on,
    put_market,
)

SECOND = timedelta(seconds=1)


def died() -> None:
    raise ProgramDied


@pytest.fixture
def ports():
    return MemoryDocuments(), MemorySeries(lambda: NOW)


def roll_corn(desk):
    return roll_instrument(desk, "CORN", by="me", now=NOW, reasons=("I say so",))


def update(feed, desk, now=NOW):
    return update_multiple_adjusted_prices(feed, desk.contracts, desk.prices, now=now, stale_after_days=90, desk=desk)


def sample(desk):
    desk.contracts.put(ContractRecord("CORN", JUN, True, date(2024, 6, 15), True, NOW, NOW))


def test_a_roll_rewrites_both_series_and_is_explained(ports) -> None:
    """One row just after the last, its price the old forward; the state it ends in and why are on record."""
    desk = desk_on(*ports)
    old = put_market(desk, "CORN")
    done = roll_corn(desk)
    assert isinstance(done, RollChange)
    assert (done.previous, done.roll, done.reasons, done.by) == (
        JUN,
        Roll(LAST + SECOND, SEP, DEC, DEC),
        ("I say so",),
        "me",
    )
    assert assert_old_or_new(desk, "CORN", old)
    before = desk.prices.adjusted("CORN", as_of=0)
    np.testing.assert_allclose(desk.prices.adjusted("CORN").iloc[:-1].diff()[1:], before.diff()[1:])


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_killed_at_any_write_the_series_are_old_or_new(ports, number: int, side: str) -> None:
    """And recovery, itself killed at any of its writes, ends in series, state and history that agree."""
    old = put_market(desk_on(*ports), "CORN")
    with pytest.raises(ProgramDied):
        roll_corn(desk_on(*ports, fault=AtWrite(number, side, died)))
    for again in range(5):
        try:
            recover_rolls(desk_on(*ports, fault=AtWrite(again, side, died)), NOW)
        except ProgramDied:
            continue
    desk = desk_on(*ports)
    assert recover_rolls(desk, NOW) == []
    assert assert_old_or_new(desk, "CORN", old) == ((number, side) != (0, "before"))


def test_a_roll_takes_five_writes(ports) -> None:
    """So that the crash at any of them is the crash at every one."""
    put_market(desk_on(*ports), "CORN")
    counter = AtWrite(-1, "after", died)
    assert isinstance(roll_corn(desk_on(*ports, fault=counter)), RollChange)
    assert counter.seen == 5


def test_two_programs_that_finish_the_same_roll_do_it_once(ports) -> None:
    """One that recovers in the midst of a roll is overtaken by nobody and disturbs nobody."""
    other = desk_on(*ports)
    old = put_market(other, "CORN")
    desk = desk_on(*ports, fault=AtWrite(1, "before", lambda: recover_rolls(other, NOW)))
    assert isinstance(roll_corn(desk), RollChange)
    assert assert_old_or_new(other, "CORN", old)
    assert len(other.states.history("CORN")) == 1


def test_a_roll_that_prices_have_overtaken_is_given_up(ports) -> None:
    """Rows stored after the intent but before its row end the roll, and the history says why."""
    desk = desk_on(*ports)
    old = put_market(desk, "CORN")
    with pytest.raises(ProgramDied):
        roll_corn(desk_on(*ports, fault=AtWrite(0, "after", died)))
    later = old.iloc[-1:].set_axis(old.index[-1:] + timedelta(hours=1))
    longer = pd.concat([old, later])
    desk.prices.save_multiple("CORN", Extended(longer, later, 1))
    assert recover_rolls(desk, NOW) == []
    pd.testing.assert_frame_equal(desk.prices.multiple("CORN"), longer, check_freq=False)
    assert desk.states.get("CORN").state is RollState.NO_ROLL
    [entry] = desk.states.history("CORN")
    assert "given up" in entry.reasons[0]


def test_a_refused_roll_writes_nothing(ports) -> None:
    """Neither a position nor prices that do not reach leave a trace."""
    put_market(desk_on(*ports), "CORN")
    held = desk_on(*ports, position=lambda _code: 3)
    assert "holds 3" in roll_corn(held).reason  # type: ignore[union-attr]
    assert held.states.get("CORN").version == 0
    empty = desk_on(MemoryDocuments(), MemorySeries(lambda: NOW))
    assert isinstance(roll_corn(empty), Refused)


def test_states_follow_the_table(ports) -> None:
    """A change that the table forbids is refused with what it allows; Roll_Adjusted is not to be had without a roll."""
    desk = desk_on(*ports)
    forced = set_state(desk, "CORN", RollState.FORCE, by="me", now=NOW, reasons=("x",))
    assert isinstance(forced, Refused)
    assert "possible: Roll_Adjusted, Passive" in forced.reason
    assert isinstance(set_state(desk, "CORN", RollState.ROLL_ADJUSTED, by="me", now=NOW, reasons=("x",)), Refused)
    done = set_state(desk, "CORN", RollState.PASSIVE, by="me", now=NOW, reasons=("near",))
    assert isinstance(done, RollChange)
    assert desk.states.get("CORN").state is RollState.PASSIVE


def test_the_update_finishes_what_a_crash_cut_off(ports, feed) -> None:
    """Before it extends anything."""
    desk = desk_on(*ports)
    old = put_market(desk, "CORN")
    sample(desk)
    with pytest.raises(ProgramDied):
        roll_corn(desk_on(*ports, fault=AtWrite(1, "after", died)))
    assert update(feed, desk).problems == ()
    assert assert_old_or_new(desk, "CORN", old)


@pytest.mark.parametrize("rule", [RollRule.AUTOMATIC, RollRule.MANUAL])
def test_only_the_automatic_rule_rolls_by_itself_and_says_why(ports, feed, rule: RollRule) -> None:
    """Without volumes from the desired roll date on; not a day earlier, not twice."""
    desk = desk_on(*ports, rule=rule)
    old = put_market(desk, "CORN")
    sample(desk)
    feed.recorded["CORN"] = [Roll(LAST, SEP, DEC, DEC)]
    assert update(feed, desk).problems == ()
    assert not assert_old_or_new(desk, "CORN", old)
    late = NOW + timedelta(days=32)
    for _twice in range(2):
        assert update(feed, desk, late).problems == ()
    assert assert_old_or_new(desk, "CORN", old) == (rule is RollRule.AUTOMATIC)
    if rule is RollRule.AUTOMATIC:
        [entry] = desk.states.history("CORN")
        assert entry.by == "automatic rule"
        assert any("calendar alone" in reason for reason in entry.reasons)


def test_a_held_position_is_not_rolled_but_forced_when_near(ports, feed) -> None:
    """The state changes as configured, the prices stay."""
    desk = desk_on(*ports, rule=RollRule.AUTOMATIC, position=lambda _code: 2)
    put_market(desk, "CORN")
    sample(desk)
    assert update(feed, desk, NOW + timedelta(days=32)).problems == ()
    assert desk.states.get("CORN").state is RollState.FORCE
    assert desk.prices.last_contracts("CORN", NOW)["PRICE"] == JUN


def test_an_automatic_roll_without_prices_is_a_problem(ports, feed) -> None:
    """It is reported at each run until the forward contract has a price; nothing is stored."""
    desk = desk_on(*ports, rule=RollRule.AUTOMATIC)
    old = put_market(desk, "CORN")
    sample(desk)
    later = old.iloc[-1:].set_axis(old.index[-1:] + timedelta(days=12)).assign(FORWARD=np.nan, CARRY=np.nan)
    bars = desk.prices.bars("CORN", JUN)
    added = bars.iloc[-1:].set_axis(later.index)
    desk.prices.add_bars("CORN", JUN, merge(bars, added))
    for _twice in range(2):
        [problem] = update(feed, desk, NOW + timedelta(days=32)).problems
        assert problem.kind is ProblemKind.MISSING
        assert "time to roll" in problem.reason
    assert desk.states.history("CORN") == []


def test_a_priced_contract_that_stopped_trading_is_left_early(ports, feed) -> None:
    """The automatic rule does not wait for the desired date when only the forward contract has prices."""
    desk = desk_on(*ports, rule=RollRule.AUTOMATIC)
    old = put_market(desk, "CORN")
    sample(desk)
    bars = desk.prices.bars("CORN", SEP)
    days = pd.DatetimeIndex([LAST + timedelta(days=day) for day in (3, 4, 5)])
    for count, priced in ((2, JUN), (3, SEP)):
        late = bars.iloc[-count:].set_axis(days[:count])
        desk.prices.add_bars("CORN", SEP, merge(desk.prices.bars("CORN", SEP), late))
        assert update(feed, desk, days[count - 1].to_pydatetime()).problems == ()
        assert desk.prices.last_contracts("CORN", NOW)["PRICE"] == priced
    assert desk.prices.multiple("CORN")["PRICE"].iloc[-1] == old["FORWARD"].iloc[-1]
    assert "has no price after" in desk.states.history("CORN")[0].reasons[0]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(6))
def test_recorded_rolls_are_explained_once_whatever_crashes(ports, feed, number: int, side: str) -> None:
    """The roll that the feed records is in the series and once in the history; those before are not."""
    desk = desk_on(*ports, rule=RollRule.RECORDED)
    old = put_market(desk, "CORN")
    sample(desk)
    feed.recorded["CORN"] = [Roll(LAST + timedelta(minutes=1), SEP, DEC, DEC)]
    try:
        update(feed, desk_on(*ports, rule=RollRule.RECORDED, fault=AtWrite(number, side, died)))
    except ProgramDied:
        assert update(feed, desk).problems == ()
    assert list(desk.prices.multiple("CORN")["PRICE_CONTRACT"].unique()) == [MAR, JUN, SEP]
    assert len(desk.prices.multiple("CORN")) == len(old) + 1
    [entry] = desk.states.history("CORN")
    assert (entry.previous, entry.by) == (JUN, "feed")
    assert SEP in entry.reasons[0]


def test_an_update_does_not_write_over_a_roll_that_was_made_meanwhile(ports, feed) -> None:
    """It read the series before the roll: it reports that and leaves them alone; the next run goes on."""
    desk = desk_on(*ports, rule=RollRule.RECORDED)
    old = put_market(desk, "CORN")
    sample(desk)
    asked = feed.rolls

    def rolls(instrument, **span):
        roll_corn(desk)
        return asked(instrument, **span)

    feed.rolls = rolls
    [problem] = update(feed, desk).problems
    assert "the next run" in problem.reason
    assert assert_old_or_new(desk, "CORN", old)
    feed.rolls = asked
    assert update(feed, desk).problems == ()


def test_facts_of_an_instrument_without_prices_are_an_error(ports) -> None:
    """Not an empty suggestion."""
    from sysproduction.markets.rolls import suggestion_of

    with pytest.raises(DataError, match="no multiple prices"):
        suggestion_of(desk_on(*ports), "CORN", NOW)
