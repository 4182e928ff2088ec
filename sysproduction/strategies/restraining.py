"""What restrains trading: an operator's overrides, limits and locks, the configured lists, and the states of rolls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sysproduction.domain.limits import PositionLimit, applies
from sysproduction.domain.overrides import OverrideKind
from sysproduction.domain.required_trades import Restraints
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.strategies import TradingLists
from sysproduction.ports import Documents
from sysproduction.stores.order_controls import Limits, Lock, Locks, Overrides, SetLimit, SetOverride, applying
from sysproduction.stores.roll_states import RollStanding, RollStates


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that restrains strategies, as it stands now; roll states by instrument."""

    overrides: Sequence[SetOverride] = ()
    limits: Sequence[SetLimit] = ()
    locks: Sequence[Lock] = ()
    lists: TradingLists = field(default_factory=TradingLists)
    rolls: Mapping[str, RollStanding] = field(default_factory=dict)


def stored_controls(documents: Documents, lists: TradingLists) -> Controls:
    """What restrains trading now, by the store and by the configured lists."""
    return Controls(
        Overrides(documents).all(), Limits(documents).all(), Locks(documents).all(), lists, RollStates(documents).all()
    )


def restraints_of(controls: Controls, strategy: str, instrument: str) -> Restraints:
    """What holds for a strategy in an instrument: a lock, a list or an override may forbid trading, or all that
    enlarges a position (so does the roll state No_Open); factors scale; the smallest limit binds."""
    override = applying(list(controls.overrides), strategy, instrument)
    kind = override.effective
    locked = [f"locked ({lock.kind}: {lock.word.why})" for lock in controls.locks if lock.instrument == instrument]
    listed = ["listed in trading.no_trade"] if instrument in controls.lists.no_trade else []
    refused = ["an override forbids trading"] if kind is OverrideKind.NO_TRADE else []
    standing = controls.rolls.get(instrument)
    reducing = ["listed in trading.reduce_only"] if instrument in controls.lists.reduce_only else []
    reducing += ["an override lets it only become smaller"] if kind is OverrideKind.REDUCE_ONLY else []
    reducing += ["its roll state is No_Open"] if standing and standing.state is RollState.NO_OPEN else []
    limits = [one.limit for one in controls.limits if isinstance(one.limit, PositionLimit)]
    mine = [limit for limit in limits if applies(limit, instrument, strategy)]
    return Restraints(
        factor={OverrideKind.FACTOR: override.factor, OverrideKind.CLOSE: 0.0}.get(kind, 1.0),
        no_trade=_said([*locked, *listed, *refused]),
        reduce_only=_said(reducing),
        limit=min((limit.contracts for limit in mine if limit.strategy is not None), default=None),
        limit_of_all=min((limit.contracts for limit in mine if limit.strategy is None), default=None),
    )


def _said(reasons: Iterable[str]) -> str | None:
    return "; ".join(reasons) or None
