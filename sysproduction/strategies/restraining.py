"""What restrains trading: the configured lists and the states of rolls."""

from collections.abc import Mapping

from sysproduction.domain.required_trades import Restraints
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.strategies import TradingLists
from sysproduction.stores.roll_states import RollStanding


def restraints_of(instrument: str, *, lists: TradingLists, standings: Mapping[str, RollStanding]) -> Restraints:
    """By the lists, and by the roll state No_Open, which lets positions only become smaller."""
    standing = standings.get(instrument)
    no_trade = "listed in trading.no_trade" if instrument in lists.no_trade else None
    reduce_only = "listed in trading.reduce_only" if instrument in lists.reduce_only else None
    if standing is not None and standing.state is RollState.NO_OPEN:
        reduce_only = reduce_only or "its roll state is No_Open"
    return Restraints(no_trade=no_trade, reduce_only=reduce_only)
