"""What each trading rule would have earned alone, with the same instruments, weights and risk."""

import numpy as np

from sysproduction.systems.accounts import Account, account
from sysproduction.systems.portfolio import portfolio_position
from sysproduction.systems.sizing import subsystem_position
from sysproduction.systems.smoothing import forward_filled, zero_filled
from sysproduction.systems.system import SystemResult


def rule_account(result: SystemResult, rule: str) -> Account:
    """The account of a portfolio whose forecasts are this rule's alone, in fractions of contracts and without a buffer.
    `run` must have kept the rules; raises KeyError for a rule that is not among them."""
    covered = result.prices.rows.mask(len(result.prices.days))
    forecast = np.where(covered, zero_filled(forward_filled(result.forecasts.capped[rule])), np.nan)
    subsystem = subsystem_position(result.sizes.vol_scalar, forecast)
    positions = portfolio_position(subsystem, result.positions.weights, result.positions.multiplier[:, None])
    config = result.config
    return account(positions, result.positions.average, result.ledger, config.costs, config.reproduce)
