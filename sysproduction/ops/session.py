"""One command's view of its home: where it is, its validated configuration, its ports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from sysproduction.config.home import Home
from sysproduction.domain.errors import Refused

if TYPE_CHECKING:
    from sysproduction.config.loading import Config
    from sysproduction.wiring import Outside


@dataclass(frozen=True, slots=True)
class Session:
    """What the global options say."""

    home: Home

    def config(self, *, check_methods: bool = False, accepted: bool = False) -> "Config":
        """The configuration of this home; raises InvalidConfig with everything that is wrong in it. Checking the
        methods' arguments imports every process, and the feed is asked for its instruments: so only `check`, `up`
        and `doctor` ask for it. The supervisor's children ask for what it has accepted."""
        from sysproduction.config import remembered

        if not check_methods:
            return remembered.load(self.home.as_accepted() if accepted else self.home, environ=os.environ)
        from sysproduction import wiring
        from sysproduction.config import loading
        from sysproduction.config.surroundings import Surroundings
        from sysproduction.orders.hours import calendar_names
        from sysproduction.processes import signatures

        around = Surroundings(wiring.machine_clock().now(), wiring.feed_codes, calendar_names)
        config = loading.load(self.home, environ=os.environ, registry=signatures(), around=around)
        if config.settings.strategies:
            from sysproduction.processes.system_files import check_systems

            check_systems(config.settings.strategy_values())
        return config

    @contextmanager
    def outside(self) -> Iterator["Outside"]:
        """The ports of this home."""
        from sysproduction import wiring

        with wiring.outside(self.home, self.config()) as ports:
            yield ports


def session(context: typer.Context) -> Session:
    """The session of the running command."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def leave_refused(refused: Refused) -> typer.Exit:
    """Say why not; raise what this returns to end the command with the exit code of a refusal."""
    typer.echo(f"refused: {refused.reason}", err=True)
    return typer.Exit(Refused.exit_code)
