"""Simulated trading days of orders with all kinds of fault, in one process: at most 50 ms of CPU a day, 20 a second."""

import time

from measuring import row

from sysproduction.ops.trading_days import chosen_faults, play

DAYS = 200
TARGET_MS = 50.0


def main() -> None:
    """The first 200 seeds, after one that loads everything."""
    names = chosen_faults("all")
    play([0], names)
    begun = time.process_time()
    played = play(range(1, DAYS + 1), names)
    spent = time.process_time() - begun
    assert not any(one.violations for one in played)
    row(f"simulated trading day ({DAYS} seeds, CPU)", spent / DAYS * 1000, "ms", TARGET_MS)


if __name__ == "__main__":
    main()
