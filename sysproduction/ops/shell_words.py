"""What may come next on the shell's command line: commands, options, and the names that only a home knows."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from sysproduction.domain.errors import SysproductionError
from sysproduction.ports import Clock

Names = Callable[[], Iterable[str]]

BUILT_IN: Final = {"help": "help of a command", "watch": "a command again and again", "exit": "leave the shell"}
_REMEMBERED_SECONDS: Final = 5.0


class Words(Completer):
    """`tree` is the group of all commands; `names` gives what a parameter may be in this home, by its name or, where
    that is not enough, by "COMMAND NAME"."""

    def __init__(self, tree: Any, names: Mapping[str, Names], clock: Clock) -> None:
        self._tree = tree
        self._names = {name: remembered(source, clock) for name, source in names.items()}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """As prompt_toolkit asks."""
        text = document.text_before_cursor
        words = typed(text)
        begun = "" if not text or text[-1].isspace() else (words.pop() if words else "")
        for word, about in self._following(words, begun):
            if word.startswith(begun):
                yield Completion(f"{word} ", start_position=-len(begun), display=word, display_meta=about)

    def _following(self, words: list[str], begun: str) -> Iterator[tuple[str, str]]:
        if words and words[0] in ("help", "watch"):
            words = words[1:]
        elif not words:
            yield from BUILT_IN.items()
        command, rest = reached(self._tree, words)
        if hasattr(command, "commands"):
            yield from ((name, one.get_short_help_str()) for name, one in command.commands.items() if not rest)
        elif begun.startswith("-"):
            yield from ((option, p.help or "") for p in command.params for option in p.opts if option.startswith("--"))
        else:
            yield from ((name, "") for name in self._values(command, rest))

    def _values(self, command: Any, rest: Sequence[str]) -> Iterable[str]:
        parameter = expected(command, rest)
        if parameter is None:
            return ()
        source = self._names.get(f"{command.name} {parameter.name}") or self._names.get(parameter.name)
        return source() if source else ()


def typed(text: str) -> list[str]:
    """The words so far, an open quotation closed."""
    for end in ("", '"', "'"):
        try:
            return shlex.split(text + end)
        except ValueError:
            continue
    return text.split()


def reached(tree: Any, words: Sequence[str]) -> tuple[Any, list[str]]:
    """The group or command that these words lead to, and the words that are left for it."""
    rest = list(words)
    while rest and rest[0] in getattr(tree, "commands", {}):
        tree = tree.commands[rest.pop(0)]
    return tree, rest


def expected(command: Any, rest: Sequence[str]) -> Any:
    """The parameter whose value comes after these words; None if there is none."""
    options = {name: p for p in command.params for name in p.opts if name.startswith("-")}
    last = options.get(rest[-1]) if rest else None
    if last is not None and not last.is_flag:
        return last
    arguments = [p for p in command.params if not any(name.startswith("-") for name in p.opts)]
    given, skip = 0, False
    for word in rest:
        if skip or word in options:
            skip = not skip and not options[word].is_flag
        else:
            given += 1
    if arguments and given >= len(arguments) and arguments[-1].nargs == -1:
        return arguments[-1]
    return arguments[given] if given < len(arguments) else None


def unknown(tree: Any, word: str) -> str:
    """What to say of a first word that is no command."""
    near = get_close_matches(word, [*tree.commands, *BUILT_IN], n=1)
    return f"there is no command {word}" + (f"; did you mean {near[0]}?" if near else "; `help` lists them")


def remembered(source: Names, clock: Clock) -> Names:
    """The same names for some seconds; none while they cannot be had."""
    known: list[str] = []
    until = 0.0

    def names() -> list[str]:
        nonlocal known, until
        if clock.monotonic() > until:
            try:
                known = sorted(source())
            except SysproductionError:
                known = []
            until = clock.monotonic() + _REMEMBERED_SECONDS
        return known

    return names
