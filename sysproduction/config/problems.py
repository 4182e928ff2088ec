"""What is wrong with a configuration, said so that it can be mended without reading code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sysproduction.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing to mend. `source` is a file, an environment variable or an option; `line` is None outside files;
    `key` is a dotted path ("" for the whole source); `suggestion` is what was probably meant."""

    source: str
    line: int | None
    key: str
    reason: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        said = f"{self.key}: {self.reason}" if self.key else self.reason
        return f"{where}: {said}; did you mean {self.suggestion}?" if self.suggestion else f"{where}: {said}"


class InvalidConfig(ConfigError):
    """The configuration cannot be used; `problems` lists everything that is wrong with it, in reading order."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Unfit(ValueError):
    """A value that a rule refuses: raised inside a model. `reason` None lets the field's own description speak;
    `at` are the keys, relative to the model, of which the one written last is to blame."""

    def __init__(self, reason: str | None = None, *, suggestion: str | None = None, at: Sequence[str] = ()) -> None:
        super().__init__(reason or "")
        self.reason = reason
        self.suggestion = suggestion
        self.at = tuple(at)


def closest(word: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The option that `word` most resembles, if any does; case and hyphens do not count."""
    folded = {option.casefold(): option for option in options}
    wanted = word.strip().casefold()
    begun = [option for option in folded if option.startswith(f"{wanted}_")]
    if len(begun) == 1:
        return folded[begun[0]]
    for spelling in (wanted.replace("-", "_"), wanted):
        if found := get_close_matches(spelling, folded, n=1, cutoff=cutoff):
            return folded[found[0]]
    return None
