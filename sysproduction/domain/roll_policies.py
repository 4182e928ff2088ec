"""Roll policies: which rule decides about an instrument's rolls, and its thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sysproduction.domain.roll_rules import RollRule, RollThresholds


@dataclass(frozen=True, slots=True)
class RollPolicy:
    """The rule of one instrument, and the thresholds of its suggestions."""

    rule: RollRule = RollRule.RECORDED
    thresholds: RollThresholds = field(default_factory=RollThresholds)


@dataclass(frozen=True, slots=True)
class RollPolicies:
    """The usual policy, and those of single instruments by code."""

    usual: RollPolicy = field(default_factory=RollPolicy)
    single: Mapping[str, RollPolicy] = field(default_factory=dict)

    def of(self, instrument: str) -> RollPolicy:
        """The policy of an instrument."""
        return self.single.get(instrument, self.usual)
