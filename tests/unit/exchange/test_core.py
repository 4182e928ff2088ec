"""The exchange core: what trades, at what price and how much of it, and what it never does."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.broker import OrderTicket, ReportedStatus, Session, Submitted
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrderType as Kind
from sysproduction.domain.orders import Leg
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules, Terms

T0 = datetime(2024, 3, 5, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEAR, FAR = "20240600", "20240900"


def exchange(*, latency: float = 0, cash: float = 1e6, terms: Terms | None = None) -> Exchange:
    made = Exchange(ExchangeRules(latency=timedelta(seconds=latency), cash=cash))
    made.know("CORN", terms or Terms(point_size=50.0, per_contract=2.0))
    return made


def order(name: str = "SP1", quantity: int = 3, kind: Kind = Kind.MARKET, **more: object) -> OrderTicket:
    return replace(OrderTicket(name, "CORN", (Leg(NEAR, quantity),), kind), **more)  # type: ignore[arg-type]


def spread(quantity: int, kind: Kind = Kind.MARKET, limit: float | None = None) -> OrderTicket:
    return OrderTicket("SPREAD", "CORN", (Leg(NEAR, -quantity), Leg(FAR, quantity)), kind, limit)


def show(core: Exchange, bid: float, ask: float, size: int = 10, *, at: datetime = T0, contract: str = NEAR) -> None:
    core.tick("CORN", contract, Quote(at, bid, ask, size, size), at)


def traded(core: Exchange) -> list[tuple[int, float]]:
    return [(one.execution.quantity, one.execution.price) for one in core.recorded]


def status(core: Exchange, name: str = "SP1") -> ReportedStatus:
    report = core.find(name)
    assert report is not None
    return report.status


@pytest.mark.parametrize(("quantity", "price"), [(3, 101.0), (-3, 100.0)])
def test_a_market_order_takes_the_other_side(quantity: int, price: float) -> None:
    """Buys pay the ask, sells get the bid."""
    core = exchange()
    show(core, 100, 101)
    assert core.submit(order(quantity=quantity), T0) == Submitted("X000000001")
    assert traded(core) == [(quantity, price)]
    assert status(core) is ReportedStatus.FILLED


def test_an_order_above_the_quoted_size_fills_in_parts() -> None:
    """A quote's size trades once; only another quote offers more."""
    core = exchange()
    core.submit(order(quantity=5), T0)
    show(core, 100, 101, 2)
    show(core, 100, 101, 2)
    assert traded(core) == [(2, 101.0)]
    show(core, 100, 102, 9, at=T0 + SECOND)
    assert traded(core) == [(2, 101.0), (3, 102.0)]


@pytest.mark.parametrize(
    ("quantity", "kind", "limit", "stop", "ticks", "expected"),
    [
        (1, Kind.LIMIT, 100.5, None, [(100, 101), (99, 100)], [(1, 100.0)]),
        (-1, Kind.LIMIT, 100.5, None, [(100, 101), (101, 102)], [(-1, 101.0)]),
        (1, Kind.STOP, None, 102.0, [(100, 101), (102, 103)], [(1, 103.0)]),
        (-1, Kind.STOP, None, 99.0, [(100, 101), (98, 99)], [(-1, 98.0)]),
        (1, Kind.STOP_LIMIT, 102.0, 102.0, [(100, 101), (102, 103), (100, 101)], [(1, 101.0)]),
        (-1, Kind.STOP_LIMIT, 99.0, 99.0, [(100, 101), (97, 98), (99, 100)], [(-1, 99.0)]),
    ],
)
def test_limits_and_stops_wait_for_their_price(
    quantity: int,
    kind: Kind,
    limit: float | None,
    stop: float | None,
    ticks: list[tuple[float, float]],
    expected: list[tuple[int, float]],
) -> None:
    """A limit trades at its price or better, a stop once its price is reached, a stop-limit when both are true."""
    core = exchange()
    core.submit(order(quantity=quantity, kind=kind, limit_price=limit, stop_price=stop), T0)
    for number, (bid, ask) in enumerate(ticks):
        show(core, bid, ask, at=T0 + number * SECOND)
        assert traded(core) == (expected if number == len(ticks) - 1 else [])


def test_a_snap_order_holds_the_price_that_it_found() -> None:
    """What the first quote did not fill waits for that price and does not chase the market."""
    core = exchange()
    core.submit(order(quantity=3, kind=Kind.SNAP), T0)
    show(core, 100, 101, 1)
    show(core, 101, 102, at=T0 + SECOND)
    assert traded(core) == [(1, 101.0)]
    show(core, 100, 101, 9, at=T0 + 2 * SECOND)
    assert traded(core) == [(1, 101.0), (2, 101.0)]


def test_the_legs_of_a_spread_trade_together_or_not_at_all() -> None:
    """As many units as the thinnest leg allows, both legs at once."""
    core = exchange()
    core.submit(spread(4), T0)
    show(core, 100, 101, 9)
    assert traded(core) == []
    show(core, 103, 104, 3, contract=FAR)
    assert traded(core) == [(-3, 100.0), (3, 104.0)]


def test_a_spread_limit_is_about_the_first_leg_counted_positive() -> None:
    """Selling the near and buying the far one at a difference of -4 or better."""
    core = exchange()
    core.submit(spread(2, Kind.LIMIT, -3.5), T0)
    show(core, 100, 101)
    show(core, 103, 104, contract=FAR)
    assert traded(core) == []
    show(core, 101, 102, at=T0 + SECOND)
    assert traded(core) == [(-2, 101.0), (2, 104.0)]


def test_an_order_and_its_cancel_travel() -> None:
    """Nothing trades before the order has arrived; until its cancel arrives it may still trade."""
    core = exchange(latency=2)
    core.submit(order(quantity=5), T0)
    show(core, 100, 101, 1)
    assert traded(core) == []
    show(core, 100, 101, 2, at=T0 + 2 * SECOND)
    assert core.cancel("SP1", T0 + 2 * SECOND) is None
    show(core, 100, 101, 1, at=T0 + 3 * SECOND)
    core.advance(T0 + 4 * SECOND)
    assert traded(core) == [(2, 101.0), (1, 101.0)]
    assert status(core) is ReportedStatus.CANCELLED
    assert core.watched() == [("CORN", NEAR)]


def test_the_same_order_again_is_the_same_order() -> None:
    """One id, one order and one answer; another order under that id is refused."""
    core = exchange()
    first = core.submit(order(), T0)
    show(core, 100, 101)
    assert core.submit(order(), T0 + SECOND) == first
    assert isinstance(core.submit(order(quantity=4), T0 + SECOND), Refused)
    assert traded(core) == [(3, 101.0)]


def test_a_refused_order_stays_refused() -> None:
    """Even when the reason has gone."""
    core = exchange()
    assert core.submit(order(), T0, veto="no") == Refused("no")
    assert core.submit(order(), T0) == Refused("no")
    assert status(core) is ReportedStatus.REJECTED


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        (order(instrument="GOLD"), "GOLD: this instrument is not traded here"),
        (order(account="OTHER"), "OTHER: this account is not held here"),
        (order(quantity=0), "an order needs legs"),
        (order(legs=()), "an order needs legs"),
        (order(legs=(Leg(NEAR, 1), Leg(NEAR, -1))), "an order needs legs"),
        (order(legs=(Leg("20240300", 1),)), "CORN/20240300: this contract is not listed here, or has expired"),
        (order(expires_at=T0), "it had expired when it came"),
        (order(kind=Kind.LIMIT), "a limit order needs a limit price"),
        (order(limit_price=1.0), "a market order has no limit price"),
        (order(kind=Kind.STOP), "a stop order needs a stop price"),
        (order(kind=Kind.LIMIT, limit_price=float("nan")), "limit price nan: is not a number"),
        (order(kind=Kind.LIMIT, limit_price=100.1), "limit price 100.1: is not a multiple of the tick 0.25"),
        (order(quantity=10_000, kind=Kind.LIMIT, limit_price=100.0), "it needs a margin of 5000000 USD"),
    ],
)
def test_bad_orders_are_refused_with_the_reason(ticket: OrderTicket, reason: str) -> None:
    """In words, and remembered."""
    core = exchange(
        terms=Terms(50.0, tick_size=0.25, expiries={"20240300": date(2024, 3, 4), "20240600": date(2024, 6, 14)})
    )
    answer = core.submit(ticket, T0)
    assert isinstance(answer, Refused)
    assert reason in answer.reason


def test_outside_the_session_limits_wait_and_market_orders_are_refused() -> None:
    """Until it opens."""
    core = exchange(terms=Terms(50.0, sessions=(Session(T0 + SECOND, T0 + 9 * SECOND),)))
    assert core.submit(order("A"), T0) == Refused("CORN: the market is closed")
    core.submit(order("B", kind=Kind.LIMIT, limit_price=101.0), T0)
    show(core, 100, 101)
    assert traded(core) == []
    core.tick("CORN", NEAR, Quote(T0, 100, 101, 9, 9), T0 + SECOND)
    assert traded(core) == [(3, 101.0)]


def test_an_order_ends_when_its_time_is_over() -> None:
    """And trades no more; cancel and change are refused."""
    core = exchange()
    core.submit(order(kind=Kind.LIMIT, limit_price=99.0, expires_at=T0 + SECOND), T0)
    core.advance(T0 + SECOND)
    show(core, 97, 98, at=T0 + SECOND)
    assert (status(core), traded(core)) == (ReportedStatus.EXPIRED, [])
    assert isinstance(core.cancel("SP1", T0 + SECOND), Refused)
    assert isinstance(core.modify("SP1", 100.0, T0 + SECOND), Refused)


def test_a_new_limit_counts_from_its_arrival() -> None:
    """And may trade at once."""
    core = exchange()
    core.submit(order(kind=Kind.LIMIT, limit_price=99.0), T0)
    show(core, 100, 101)
    assert core.modify("SP1", 101.0, T0) is None
    assert traded(core) == [(3, 101.0)]


def test_the_account_is_worth_what_the_marks_say_across_settlements() -> None:
    """Cash, commission and open positions; a settlement moves money, and no value."""
    core = exchange()
    show(core, 100, 101)
    core.submit(order(quantity=2), T0)
    assert core.account(T0).value == 1e6 - 2 * 2.0 - 2 * 0.5 * 50
    show(core, 109, 111, at=T0 + timedelta(days=1))
    account = core.account(T0 + timedelta(days=1))
    assert account.value == pytest.approx(1e6 - 4 + 2 * 9 * 50)
    assert account.margin_used == pytest.approx(2 * 110 * 50 * 0.1)
    core.submit(order("SP2", -2), T0 + timedelta(days=1))
    assert core.account(T0 + timedelta(days=1)).value == pytest.approx(1e6 - 8 + 2 * 8 * 50)
    assert core.changes().cash == pytest.approx(1e6 - 8 + 2 * 8 * 50)


def test_a_revised_execution_changes_position_and_value() -> None:
    """Taken back, it leaves only its commission."""
    core = exchange()
    show(core, 100, 101)
    core.submit(order(quantity=2), T0)
    core.revise("E000000001", 0, 101.0, T0)
    assert core.positions() == []
    assert core.account(T0).value == 1e6 - 4
    assert [one.execution.revision for one in core.recorded] == [0, 1]
    with pytest.raises(DataError):
        core.revise("E000000009", 0, 1.0, T0)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "tick", "cancel", "again", "modify"]),
        st.integers(-6, 6).filter(bool),
        st.sampled_from(list(Kind)),
        st.integers(95, 105),
        st.integers(0, 4),
        st.sampled_from([NEAR, FAR, "both"]),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(ACTIONS, st.integers(0, 2))
def test_nothing_is_ever_overfilled_invented_or_worse_than_its_limit(actions: list[tuple], latency: int) -> None:  # type: ignore[type-arg]
    """Executions sum to positions, stay within each order and each quote's size, and respect limits."""
    core = exchange(latency=latency)
    tickets: list[OrderTicket] = []
    limits: dict[str, set[float]] = {}
    offered: Counter[str] = Counter()
    for number, (what, quantity, kind, price, size, contract) in enumerate(actions):
        now = T0 + number * SECOND
        if what == "tick" and contract != "both":
            core.tick("CORN", contract, Quote(now, price, price + 1.0, size, size), now)
            offered[contract] += size
        elif what == "submit":
            legs = (Leg(NEAR, -quantity), Leg(FAR, quantity)) if contract == "both" else (Leg(contract, quantity),)
            limit = float(price) if kind in (Kind.LIMIT, Kind.STOP_LIMIT) else None
            stop = float(price) if kind in (Kind.STOP, Kind.STOP_LIMIT) else None
            tickets.append(OrderTicket(f"SP{number}", "CORN", legs, kind, limit, stop))
            limits[f"SP{number}"] = {limit} if limit is not None else set()
            core.submit(tickets[-1], now)
        elif tickets:
            chosen = tickets[abs(quantity) % len(tickets)]
            if what == "again":
                core.submit(chosen, now)
            elif what == "cancel":
                core.cancel(chosen.client_order_id, now)
            elif core.modify(chosen.client_order_id, float(price), now) is None:
                limits[chosen.client_order_id].add(float(price))
    filled: Counter[tuple[str | None, str]] = Counter()
    held: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    for one in core.recorded:
        execution = one.execution
        filled[execution.client_order_id, execution.contract] += execution.quantity
        held[execution.contract] += execution.quantity
        bought[execution.contract] += max(execution.quantity, 0)
    assert {p.contract: p.quantity for p in core.positions()} == {c: q for c, q in held.items() if q}
    assert all(bought[contract] <= offered[contract] for contract in bought)
    for ticket in tickets:
        shares = {filled[ticket.client_order_id, leg.contract] / leg.quantity for leg in ticket.legs}
        assert len(shares) == 1
        assert 0 <= shares.pop() <= 1
        if len(ticket.legs) == 1 and limits[ticket.client_order_id]:
            prices = [o.execution.price for o in core.recorded if o.execution.client_order_id == ticket.client_order_id]
            worst = (
                max(limits[ticket.client_order_id])
                if ticket.legs[0].quantity > 0
                else -min(limits[ticket.client_order_id])
            )
            assert all(p <= worst if ticket.legs[0].quantity > 0 else -p <= worst for p in prices)
