"""The rules of tests/test_tidy.py, each on a file that breaks it: a rule that cannot fail protects nothing."""

from collections.abc import Callable, Iterator

import pytest

from tests.test_tidy import (
    Source,
    Violation,
    ambient,
    broad_handlers,
    dead,
    docstrings,
    imports,
    names,
    relative_imports,
    sizes,
    world_is_local,
)


@pytest.mark.parametrize(
    ("rule", "path", "text", "sentence"),
    [
        (imports, "domain/a.py", "import pymongo", "domain must not import the library pymongo"),
        (imports, "markets/a.py", "def f():\n    from sysproduction import adapters", "must not import adapters"),
        (imports, "supervisor/a.py", "import numpy as np", "supervisor must not import the library numpy"),
        (imports, "stranger/a.py", "", "sysproduction/stranger is not in the import table"),
        (relative_imports, "domain/a.py", "from . import b", "a relative import"),
        (sizes, "domain/a.py", "def f():\n" + "    x = 1\n" * 60, "f has 61 lines"),
        (sizes, "domain/a.py", "x = 1\n" * 401, "the file has 401 lines"),
        (ambient, "domain/a.py", "from time import monotonic as m\nm()", "time.monotonic is ambient"),
        (ambient, "domain/a.py", "import datetime as d\nf = d.datetime.now", "datetime.datetime.now is ambient"),
        (ambient, "domain/a.py", "import numpy as np\nnp.random.normal()", "numpy.random.normal is ambient"),
        (ambient, "domain/a.py", "from random import Random\nRandom()", "random.Random() has no seed"),
        (broad_handlers, "domain/a.py", "try:\n    f()\nexcept (OSError, Exception):\n    g()", "a broad exception"),
        (broad_handlers, "domain/a.py", "try:\n    f()\nexcept:\n    g()", "a broad exception"),
        (names, "domain/price_utils.py", "", "the name price_utils says nothing"),
        (names, "domain/a.py", "class OrderManager: ...", "OrderManager says nothing with manager"),
        (world_is_local, "markets/a.py", "from sysproduction.ports import World", "markets names World"),
        (docstrings, "domain/a.py", "x = 1", "the module does not open with a sentence"),
    ],
)
def test_each_rule_bites(rule: Callable[[Source], Iterator[Violation]], path: str, text: str, sentence: str) -> None:
    """A file that breaks the rule is reported with a sentence that says what is wrong."""
    assert sentence in "; ".join(sentence for _, sentence in rule(Source(f"sysproduction/{path}", text)))


def test_a_dead_file_is_found() -> None:
    """A module that nobody imports is reported; one imported lazily, named in a string or configured is not."""
    user = Source(
        "sysproduction/ops/main.py", "def f():\n    from sysproduction.domain import a\n'sysproduction.domain.b:f'"
    )
    others = [
        Source(f"sysproduction/{name}.py", "") for name in ("domain/a", "domain/b", "domain/c", "processes/run_x")
    ]
    assert list(dead([user, *others], "run_x")) == ["sysproduction/domain/c.py:1: nothing imports this file"]


def test_seeded_and_injected_sources_pass() -> None:
    """A seeded generator, datetime.time and a clock that is passed in are not ambient."""
    text = (
        "from random import Random\nfrom datetime import time\nRandom(1).random()\ntime(9)\ndef f(clock): clock.now()"
    )
    assert not list(ambient(Source("sysproduction/domain/a.py", text)))


def test_only_an_adapter_lives_by_its_tests() -> None:
    """A shipped fake that tests import is used; any other module that only tests import is dead."""
    test = Source(
        "tests/a.py", "from sysproduction.adapters.memory import Memory\nfrom sysproduction.domain.a import f"
    )
    others = [Source(f"sysproduction/{name}.py", "") for name in ("adapters/memory", "domain/a")]
    assert list(dead([test, *others], "")) == ["sysproduction/domain/a.py:1: nothing imports this file"]
