"""With all quirks, a system gives what the plain pandas implementation of the benchmarks gives, on any market."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import Buffering, BufferMethod, CostMethod, Quirk
from sysproduction.systems.system import run
from sysproduction.systems.tables import portfolio_table, rules_table, series_table, weights_table
from tests.bench import pandas_system
from tests.made_markets import made_system, markets
from tests.reference_runs import deviations

bufferings = st.builds(
    Buffering, st.sampled_from(BufferMethod), st.sampled_from([0.0, 0.1, 0.5]), st.booleans(), st.booleans()
)


@given(market=markets(), buffering=bufferings, costs=st.sampled_from([CostMethod.CASH, CostMethod.SHARPE]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_table_is_that_of_plain_pandas(market: MarketData, buffering: Buffering, costs: CostMethod) -> None:
    """Accounts, weights, series and rules agree to 1e-9, whatever starts, ends, lacks or is negative."""
    config = replace(made_system(market), buffer=buffering, costs=costs, reproduce=frozenset(Quirk))
    theirs = pandas_system.run(config, market)
    ours = run(config, market, keep_rules=True)
    assert not ours.excluded
    pairs = [(portfolio_table(ours), theirs.portfolio), (weights_table(ours), theirs.weights)]
    for code in ours.prices.instruments:
        pairs += [(series_table(ours, code), theirs.series[code]), (rules_table(ours, code), theirs.rules[code])]
    found = [deviation for mine, expected in pairs for deviation in deviations(mine, expected)]
    assert [d for d in found if not d.worst <= 1e-9] == []
    assert np.isfinite(ours.account.net_total).all()
