"""The `sysproduction` command: global options, the error boundary and the exit codes."""

import errno
import gc
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from sysproduction.domain.errors import SysproductionError, Unavailable

if TYPE_CHECKING:
    from sysproduction.ops.session import Session

EXIT_CODES: Final = {
    0: "done",
    1: "failed",
    2: "wrong usage, configuration or file: mend it and try again",
    3: "a store, the disk or another service is unavailable",
    4: "refused: the state of things forbids it",
    130: "interrupted",
}

_OBJECTS_MAX: Final = 20_000
"""New objects between two looks for garbage: importing makes very many and drops few."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

app = typer.Typer(
    name="sysproduction",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A production platform for systematic futures trading.",
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
)


@app.callback()
def _global_options(
    context: typer.Context,
    home: Annotated[
        str | None,
        typer.Option(help="Folder of private configuration, data and logs.", envvar="SYSPRODUCTION_HOME"),
    ] = None,
) -> None:
    from sysproduction.config.home import resolve_home
    from sysproduction.ops.session import Session

    if context.obj is None:  # else a shell has given its own
        context.obj = Session(resolve_home(home, os.environ))


def _register() -> None:
    from sysproduction.ops import (
        account_commands,
        backtest_commands,
        backup_commands,
        capital_commands,
        clean_command,
        daemon_commands,
        exchange_commands,
        init_command,
        market_commands,
        order_commands,
        process_commands,
        reconcile_commands,
        report_commands,
        risk_commands,
        roll_commands,
        run_commands,
        secmaster_commands,
        service_commands,
        settings_commands,
        shell_commands,
        simulation_commands,
    )

    for module in (
        init_command,
        daemon_commands,
        process_commands,
        capital_commands,
        market_commands,
        order_commands,
        account_commands,
        reconcile_commands,
        report_commands,
        exchange_commands,
        risk_commands,
        roll_commands,
        backtest_commands,
        run_commands,
        secmaster_commands,
        settings_commands,
        simulation_commands,
        backup_commands,
        clean_command,
        service_commands,
        shell_commands,
    ):
        module.register(app)


@cache
def commands() -> TyperGroup:
    """The whole tree of commands, made once; the template makes it for its children."""
    _register()
    tree = get_command(app)
    assert isinstance(tree, TyperGroup)
    return tree


def rehearse(home: str) -> None:
    """Do once, in the template, what each of its children would do first: parse the command line and read the
    configuration of `home`. What this leaves in memory they share."""
    from sysproduction.config import remembered
    from sysproduction.config.home import resolve_home

    words = ["run", "NAME", "--no-wait", "--accepted"]
    with commands().make_context("sysproduction", ["--home", home, *words]) as context:
        _name, command, rest = commands().resolve_command(context, words)
        assert command is not None
        command.make_context("run", rest, parent=context)
    with suppress(SysproductionError):  # each child says what is wrong
        remembered.load(resolve_home(home, os.environ).as_accepted(), environ=os.environ)


def main(arguments: Sequence[str] | None = None, kept: "Session | None" = None) -> int:
    """Run one command, in a session that is kept open if there is one; its exit code. Every expected error becomes one
    message on standard error."""
    try:
        commands()(args=list(arguments) if arguments is not None else None, prog_name="sysproduction", obj=kept)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1
    except SysproductionError as error:
        return _tell(str(error), error.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return _tell(f"{error.filename or 'the disk'}: no space left; make room and try again", Unavailable.exit_code)
    return 0


def program() -> NoReturn:
    """The console script: one command, then the end of this process at once, for the interpreter would wait half a
    second for threads of the database driver that have nothing left to do."""
    gc.set_threshold(_OBJECTS_MAX)
    code = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        code = code or _tell(f"standard output: {error.strerror}", Unavailable.exit_code)
    logging.shutdown()
    os._exit(code)


def _tell(text: str, code: int) -> int:
    typer.echo(f"error: {text}", err=True)
    return code


if __name__ == "__main__":
    program()
