"""The control shell: every command, with completion, history, and a line that always tells how things stand."""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import typer

from sysproduction import wiring
from sysproduction.control.glance import Onlooker
from sysproduction.domain.errors import SysproductionError
from sysproduction.ops.kept_session import KeptSession
from sysproduction.ops.session import Session

_LOOK_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 2.0
_REASON: Final = "why"
_INTERRUPTED: Final = 130
_CLEAR: Final = "\x1b[2J\x1b[H"
_LEAVE: Final = ("exit", "quit")

Run = Callable[[list[str], Session], int]


class Shell:
    """Runs lines of commands in one session."""

    def __init__(self, kept: KeptSession) -> None:
        from sysproduction.ops.main import commands, main

        self._kept = kept
        self._tree = commands()
        self._main: Run = main
        self._clock = wiring.machine_clock()
        self._ask: Callable[[str], str] | None = None

    def read(self, lines: Iterable[str]) -> int:
        """Run lines of a script; the exit code of the last one that failed."""
        failed = 0
        with suppress(EOFError):
            for line in lines:
                failed = self.run(line) or failed
        return failed

    def run(self, line: str) -> int:
        """Run one line; raises EOFError for `exit`."""
        import shlex

        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            return _say(f"error: {error}: {line.strip()}", 2)
        match words:
            case []:
                return 0
            case [word] if word in _LEAVE:
                raise EOFError
            case ["help", *rest]:
                return self._command([*rest, "--help"])
            case ["watch", *rest]:
                return self._watch(rest)
            case _:
                return self._command(words)

    def _command(self, words: list[str]) -> int:
        from sysproduction.ops.shell_words import unknown

        if words[0] not in self._tree.commands and not words[0].startswith("-"):
            return _say(f"error: {unknown(self._tree, words[0])}", 2)
        if words[0] == "shell":
            return _say("refused: this is the shell already", 4)
        return self._main(self._with_reason(words), self._kept)

    def _with_reason(self, words: list[str]) -> list[str]:
        """At a terminal whoever does something dangerous is asked why; the answer goes to the audit log."""
        from sysproduction.ops.shell_words import reached

        command, rest = reached(self._tree, words)
        wants = any(p.name == _REASON and p.required for p in getattr(command, "params", ()))
        if not wants or self._ask is None or {f"--{_REASON}", "--help"} & {w.partition("=")[0] for w in rest}:
            return words
        return [*words, f"--{_REASON}", self._ask("the reason, for the audit log: ")]

    def _watch(self, words: list[str]) -> int:
        """A command every two seconds, or every `-n` seconds, until Ctrl-C; once where nobody looks."""
        seconds = _WATCH_SECONDS
        if words[:1] == ["-n"]:
            try:
                seconds, words = float(words[1]), words[2:]
            except (IndexError, ValueError):
                return _say("error: watch -n SECONDS COMMAND", 2)
        if not words:
            return _say("error: watch [-n SECONDS] COMMAND", 2)
        while True:
            if self._ask is not None:
                typer.echo(f"{_CLEAR}{' '.join(words)}, every {seconds:g} s; Ctrl-C ends it\n")
            code = self._command(words)
            if code or self._ask is None:
                return code
            try:
                self._clock.sleep(seconds)
            except KeyboardInterrupt:
                return _INTERRUPTED

    def talk(self) -> int:
        """At a terminal, until Ctrl-D or `exit`."""
        from prompt_toolkit import PromptSession, prompt
        from prompt_toolkit.history import FileHistory
        from prompt_toolkit.patch_stdout import patch_stdout

        from sysproduction.ops.shell_words import Words

        home = self._kept.home
        home.create()
        history = home.path / "shell_history"
        os.close(os.open(history, os.O_CREAT | os.O_WRONLY, 0o600))
        self._ask = lambda question: prompt(question).strip()
        line = StatusLine(self._kept)
        talking: Any = PromptSession(
            history=FileHistory(str(history)),
            completer=Words(self._tree, names_of(self._kept), self._clock),
            complete_while_typing=False,
            bottom_toolbar=line.text,
            refresh_interval=_LOOK_SECONDS,
        )
        typer.echo("Every command of `sysproduction`; Tab completes, `help` and `help COMMAND` explain, Ctrl-D leaves.")
        with line:
            while True:
                try:
                    with patch_stdout():
                        text = talking.prompt("sysproduction> ")
                    if self.run(text) == _INTERRUPTED:
                        typer.echo()  # ^C stands on the line
                except KeyboardInterrupt:
                    continue
                except EOFError:
                    return 0


class StatusLine:
    """Looked at beside the prompt, so that a slow store never holds a key press."""

    def __init__(self, kept: KeptSession) -> None:
        self._kept = KeptSession(kept.home)
        self._text = "..."
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="status-line", daemon=True)

    def text(self) -> str:
        """What the line says now."""
        return f" {self._text} | {self._kept.home.path} "

    def _look(self) -> None:
        while not self._done.is_set():
            try:
                with self._kept.outside() as ports:
                    self._text = onlooker(ports).line(str(ports.config.settings.environment))
            except SysproductionError as error:
                self._text = str(error).splitlines()[0]
            self._done.wait(_LOOK_SECONDS)

    def __enter__(self) -> "StatusLine":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()
        self._kept.close()


def onlooker(ports: Any) -> Onlooker:
    """Looks at this home."""
    from sysproduction.stores.kill_switch import KillSwitch
    from sysproduction.wiring import hosting

    return Onlooker(ports.documents, KillSwitch(ports.documents, ports.home.run), ports.config.processes, hosting.alive)


def names_of(kept: KeptSession) -> dict[str, Callable[[], Iterable[str]]]:
    """What a parameter of each name may be in this home."""
    from sysproduction.control.orders import order_rows
    from sysproduction.stores.instruments import Instruments
    from sysproduction.stores.order_stack import OrderStack

    def processes() -> list[str]:
        return [spec.name for spec in kept.config().processes]

    def instruments() -> list[str]:
        with kept.outside() as ports:
            return [listing.instrument.code for listing in Instruments(ports.documents).all()]

    def orders() -> list[str]:
        with kept.outside() as ports:
            return [row["order_id"] for row in order_rows(OrderStack(ports.documents))]

    def reports() -> list[str]:
        from sysproduction.control.reporting import REPORTS

        return list(REPORTS)

    def strategies() -> list[str]:
        return list(kept.config().settings.strategies)

    by_kind = (
        (processes, ("process", "names", "logs name")),
        (reports, ("report name",)),
        (instruments, ("instrument", "instruments")),
        (strategies, ("strategy",)),
        (orders, ("order", "client_order")),
    )
    return {name: source for source, parameters in by_kind for name in parameters}


def _say(text: str, code: int) -> int:
    typer.echo(text, err=True)
    return code
