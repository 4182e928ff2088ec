"""The evening's prices: FX, contracts, bars of every sampled contract, then multiple and adjusted prices."""

from sysproduction.domain.results import MethodResult
from sysproduction.markets import fx, historical_prices, multiple_adjusted, sampling, spreads
from sysproduction.markets.rolls import RollDesk
from sysproduction.ports import World
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.rejections import Rejections
from sysproduction.stores.roll_states import RollStates
from sysproduction.stores.spreads import Spreads

__all__ = [  # noqa: RUF022 (the order in which they run)
    "update_fx_prices",
    "update_sampled_contracts",
    "update_historical_prices",
    "update_multiple_adjusted_prices",
    "update_sampled_spreads",
]


def update_fx_prices(world: World, *, pairs: list[str] | None = None) -> MethodResult:
    """Add the feed's exchange rates, of some `pairs` only if given."""
    return fx.update_fx_prices(
        world.feed,
        FxRates(world.series),
        Rejections(world.documents),
        now=world.clock.now(),
        threshold=world.max_price_spike,
        stale_after_days=world.stale_after_days,
        pairs=pairs,
    )


def update_sampled_contracts(world: World, *, instruments: list[str] | None = None) -> MethodResult:
    """Refresh instrument definitions and decide which contracts are sampled."""
    return sampling.update_sampled_contracts(
        world.feed,
        Instruments(world.documents),
        Contracts(world.documents),
        Prices(world.series),
        now=world.clock.now(),
        only=instruments,
    )


def update_historical_prices(world: World, *, instruments: list[str] | None = None) -> MethodResult:
    """Add the feed's bars of sampled contracts."""
    return historical_prices.update_historical_prices(
        world.feed,
        Contracts(world.documents),
        Prices(world.series),
        Rejections(world.documents),
        now=world.clock.now(),
        threshold=world.max_price_spike,
        stale_after_days=world.stale_after_days,
        instruments=instruments,
    )


def update_multiple_adjusted_prices(world: World, *, instruments: list[str] | None = None) -> MethodResult:
    """Extend multiple prices with stored bars, roll as each instrument's rule says, and stitch adjusted prices."""
    contracts, prices = Contracts(world.documents), Prices(world.series)
    states = RollStates(world.documents)
    return multiple_adjusted.update_multiple_adjusted_prices(
        world.feed,
        contracts,
        prices,
        now=world.clock.now(),
        stale_after_days=world.stale_after_days,
        instruments=instruments,
        desk=RollDesk(Instruments(world.documents), contracts, prices, states, world.rolls, turn=world.turn),
    )


def update_sampled_spreads(world: World, *, instruments: list[str] | None = None) -> MethodResult:
    """Store the present spread of each priced contract; runs where the configuration names it."""
    return spreads.update_sampled_spreads(
        world.feed,
        Contracts(world.documents),
        Prices(world.series),
        Spreads(world.series),
        now=world.clock.now(),
        instruments=instruments,
    )
