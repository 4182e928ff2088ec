"""A progress bar for long work, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(verb: str) -> Iterator[Callable[[str, int, int], None]]:
    """Gives a function of (item that comes next, how many are done, how many there are)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda item, done, total: bar.update(task, description=f"{verb} {item}", completed=done, total=total)
