"""Positions in their bands."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.trading_systems import Buffering, BufferMethod
from sysproduction.systems.buffers import band, buffered_position
from sysproduction.systems.prices import Rows

paths = st.lists(st.floats(-50.0, 50.0) | st.just(float("nan")), min_size=1, max_size=60)
methods = st.sampled_from([BufferMethod.FORECAST, BufferMethod.POSITION])


def held_along(path: list[float], buffering: Buffering, average: float = 10.0) -> tuple[np.ndarray, ...]:
    """Optimum, upper and lower edge and what is held, by day."""
    optimum = np.array(path)[:, None]
    edges = band(optimum, np.full_like(optimum, average), buffering)
    held = buffered_position(optimum, edges, buffering, Rows(np.array([0]), np.array([len(path)])))
    rounded = (lambda v: np.rint(v)) if buffering.round else (lambda v: v)
    return tuple(v[:, 0] for v in (rounded(optimum), rounded(edges.top), rounded(edges.bottom), held))


@given(path=paths, method=methods, size=st.floats(0.0, 1.0), to_edge=st.booleans(), whole=st.booleans())
def test_nothing_is_traded_inside_the_band(
    path: list[float], method: BufferMethod, size: float, to_edge: bool, whole: bool
) -> None:
    """What is held stays while it lies in the band or an edge is missing; else it moves to the edge or the optimum."""
    optimum, top, bottom, held = held_along(path, Buffering(method, size, to_edge, whole))
    assert held[0] == (0.0 if np.isnan(optimum[0]) else optimum[0])
    for row in range(1, len(held)):
        before = held[row - 1]
        if np.isnan(top[row]) or bottom[row] <= before <= top[row]:
            assert held[row] == before
        elif to_edge:
            assert held[row] == (top[row] if before > top[row] else bottom[row])
        else:
            assert held[row] == optimum[row]
    assert not whole or np.array_equal(held, np.rint(held))


@given(path=paths)
def test_without_a_buffer_the_optimum_is_held(path: list[float]) -> None:
    """Method none holds the rounded optimum of each day, missing ones included."""
    optimum, _, _, held = held_along(path, Buffering(BufferMethod.NONE))
    np.testing.assert_array_equal(held, optimum)


def test_halves_are_rounded_to_even() -> None:
    """As the reference does: 2.5 contracts are 2, 3.5 are 4."""
    held = held_along([2.5], Buffering(size=0.0))[3], held_along([3.5], Buffering(size=0.0))[3]
    assert [h[0] for h in held] == [2.0, 4.0]
