"""A price's course in one line."""

from sysproduction.ops.sparkline import sparkline


def test_prices_are_bars_on_their_own_scale_and_the_odd_one_an_arrow() -> None:
    """However far it lies from the others they stay readable."""
    assert sparkline([1.0, 2.0, 8.0], 1000.0, [4.0]) == "▁▂█↑▄"
    assert sparkline([1.0, 8.0], -3.0, []) == "▁█↓"
    assert sparkline([1.0, 8.0], 3.0, []) == "▁█→"


def test_flat_or_missing_neighbours_are_no_error() -> None:
    """A line without ups and downs, and an arrow alone."""
    assert sparkline([5.0, 5.0], 9.0, [5.0]) == "▁▁↑▁"
    assert sparkline([], 9.0, []) == "→"
