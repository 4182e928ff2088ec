"""The production step of dynamic optimisation: from what is really held, on the last day."""

from dataclasses import replace

import numpy as np
import pytest

from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.dynamic import Constraint
from sysproduction.systems.next_contracts import UNUSABLE, Chosen, Start, choose
from sysproduction.systems.system import SystemResult, run
from tests.system_market import invented_market, invented_system

CODES = ("ONE", "SIX", "TWO")
FREE = Dynamic(shadow_cost=0.0, tracking_error_buffer=0.0)
SETTINGS = Dynamic(shadow_cost=10.0, tracking_error_buffer=0.02)


@pytest.fixture(scope="module")
def result() -> SystemResult:
    """Three invented instruments of 500 days, a few dozen contracts each."""
    return run(invented_system(CODES, 5e6), invented_market(5, 500, CODES))


def positions(chosen: Chosen) -> dict[str, int]:
    return dict(zip(chosen.portfolio.instruments, chosen.optimised.positions.tolist(), strict=True))


def test_from_yesterdays_contracts_it_is_the_simulated_day() -> None:
    """Who holds what the simulation held yesterday is told what the simulation holds today."""
    market, system = invented_market(5, 500, CODES), replace(invented_system(CODES, 5e6), dynamic=SETTINGS)
    simulated = run(system, market).positions.held
    plain = run(replace(system, dynamic=None), market)
    starts = {code: Start(int(held)) for code, held in zip(plain.prices.instruments, simulated[-2], strict=True)}
    assert positions(choose(plain, starts, SETTINGS)) == dict(
        zip(plain.prices.instruments, simulated[-1].astype(int).tolist(), strict=True)
    )
    assert len({*positions(choose(plain, starts, SETTINGS)).values()}) > 1


def test_the_buffer_is_measured_from_what_is_really_held(result: SystemResult) -> None:
    """Within the buffer of the best contracts nothing is traded; from further away only the share that leads to its
    edge, so that two who hold different contracts get different targets."""
    best = choose(result, {}, FREE)
    ideal = dict(zip(best.portfolio.instruments, best.optimised.best.tolist(), strict=True))
    near = {code: Start(contracts + (1 if contracts > 0 else -1)) for code, contracts in ideal.items()}
    kept = choose(result, near, Dynamic(0.0, 0.02))
    assert 0.0 < kept.optimised.distance < 0.02
    assert positions(kept) == {code: start.held for code, start in near.items()}
    far = choose(result, {}, Dynamic(0.0, 0.02))
    share = (far.optimised.distance - 0.02) / far.optimised.distance
    assert 0.0 < share < 1.0
    assert positions(far) == {code: round(share * contracts) for code, contracts in ideal.items()}
    assert positions(far) != positions(kept)


@pytest.mark.parametrize("held", [-60, -3, 0, 3, 60])
@pytest.mark.parametrize("settings", [FREE, SETTINGS])
def test_constraints_bind_one_instrument(result: SystemResult, held: int, settings: Dynamic) -> None:
    """Limits, what others leave of one, reduce-only, close and no-trade hold from any position, with a buffer too."""

    def chosen(**restraint: object) -> int:
        starts = {"SIX": Start(held, constraint=Constraint(**restraint))}  # type: ignore[arg-type]
        return positions(choose(result, starts, settings))["SIX"]

    assert abs(chosen(limits=(2,))) <= 2
    assert -1 <= chosen(room=(-1, 2)) <= 2
    assert min(held, 0) <= chosen(reduce_only=True) <= max(held, 0)
    assert abs(chosen(reduce_only=True, room=(-2, 2))) <= min(abs(held), 2)
    assert chosen(close=True) == 0
    assert chosen(no_trade=True) == held


def test_an_unrestrained_choice_is_beyond_those_limits(result: SystemResult) -> None:
    """The limits above are tighter than what the optimum asks for."""
    assert min(abs(contracts) for contracts in positions(choose(result, {}, FREE)).values()) > 2


def test_an_override_scales_the_optimum(result: SystemResult) -> None:
    """Half a factor is half of the optimum that is followed; the other instruments' stays."""
    plain = choose(result, {}, FREE).portfolio
    scaled = choose(result, {"ONE": Start(factor=0.5)}, FREE)
    assert scaled.portfolio.optimum == pytest.approx(plain.optimum * [0.5, 1.0, 1.0])
    assert scaled.portfolio.instruments == CODES
    assert abs(positions(scaled)["ONE"]) == pytest.approx(abs(plain.optimum[0]) / 2, abs=1.0)


def test_an_instrument_of_unknown_risk_is_named(result: SystemResult) -> None:
    """It gets no contracts, and the others are optimised without it."""
    risk = result.sizes.instrument_value_vol.copy()
    risk[:, 1] = np.nan
    chosen = choose(replace(result, sizes=replace(result.sizes, instrument_value_vol=risk)), {}, FREE)
    assert chosen.unusable == {"SIX": UNUSABLE}
    assert set(positions(chosen)) == {"ONE", "TWO"}
