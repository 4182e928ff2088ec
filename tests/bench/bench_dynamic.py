"""Dynamic optimisation of 200 instruments: CPU seconds of one optimisation, compiled code at hand."""

import time

import measuring
import numpy as np

from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.dynamic import Constraint, Portfolio, contract_risk, optimise

INSTRUMENTS, FACTORS = 200, 8
CPU_SECONDS_MAX = 2.0


def portfolio(seed: int, average: float) -> tuple[Portfolio, list[Constraint]]:
    """Instruments moved by a few factors, whose optimum is so many contracts on average; one in ten is restrained."""
    random = np.random.default_rng(seed)
    loads = random.normal(size=(INSTRUMENTS, FACTORS))
    matrix = loads @ loads.T + np.diag(random.uniform(1.0, 6.0, INSTRUMENTS))
    scale = np.sqrt(np.diag(matrix))
    optimum = random.normal(0.0, average, INSTRUMENTS)
    vol = random.uniform(0.001, 0.02, INSTRUMENTS)
    found = Portfolio(
        tuple(f"I{i}" for i in range(INSTRUMENTS)),
        optimum,
        np.rint(optimum + random.normal(0.0, average, INSTRUMENTS)).astype(np.int64),
        contract_risk(vol, matrix / np.outer(scale, scale)),
        random.uniform(1e-6, 2e-5, INSTRUMENTS),
    )
    free, limited, fixed = Constraint(), Constraint(limits=(2, None)), Constraint(no_trade=True)
    return found, [limited if i % 10 == 0 else fixed if i % 10 == 5 else free for i in range(INSTRUMENTS)]


def main() -> None:
    """Small accounts, whose optima are below one contract, and large ones."""
    optimise(*portfolio(0, 0.5), Dynamic())
    for average in (0.5, 50.0):
        worst = 0.0
        for seed in range(1, 6):
            wanted = portfolio(seed, average)
            begun = time.process_time()
            optimise(*wanted, Dynamic())
            worst = max(worst, time.process_time() - begun)
        name = f"dynamic optimisation, 200 instruments of {average:g} contracts"
        measuring.row(name, worst, "CPU s", CPU_SECONDS_MAX)


if __name__ == "__main__":
    main()
