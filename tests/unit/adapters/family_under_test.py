"""A process that scatters others: `python -m tests.unit.adapters.family_under_test TOKEN HOW`; each prints its pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from sysproduction.adapters.families import TOKEN_VARIABLE, carry, leave

SLEEPER = "echo $$; exec sleep 1000"


def say() -> None:
    os.write(1, f"{os.getpid()}\n".encode())


def linger() -> None:
    say()
    while True:
        signal.pause()


def orphan(then: Callable[[], None]) -> None:
    """Run `then` in a grandchild by plain forks, alone in a session and without a living parent of ours."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    then()
    os._exit(0)


def twice_setsid() -> None:
    inner = f"setsid --fork sh -c '{SLEEPER}'; {SLEEPER}"
    subprocess.run(["setsid", "--fork", "sh", "-c", inner], check=True)


def cleared() -> None:
    subprocess.Popen(["sh", "-c", SLEEPER], env={})


def cleared_alone() -> None:
    subprocess.Popen(["sh", "-c", SLEEPER], env={}, start_new_session=True)


def left_behind() -> None:
    """Two in the leader's session, of which one shows no token."""
    cleared()
    if os.fork() == 0:
        linger()


def spawner() -> None:
    """Goes on starting processes that are known by their parent only."""

    def spawn() -> None:
        say()
        for _ in range(2000):
            cleared_alone()
            time.sleep(0.001)

    orphan(spawn)


def cleared_and_away() -> None:
    """Seen as a child until it is told to go."""
    if os.fork() == 0:
        environment = {"PATH": os.environ["PATH"]}
        os.execve(sys.executable, [sys.executable, "-c", FAREWELL, str(os.getpid())], environment)


FAREWELL = (
    "import os, signal\nos.write(1, b'%d\\n' % os.getpid())\nsignal.sigwait({signal.SIGUSR2})\nos.setsid()\n"
    "while True: signal.pause()"
)


def gone_for_good() -> None:
    """Leaves the run while it is still a child, and has a child of its own."""
    if os.fork() == 0:
        leave()
        subprocess.Popen(["sh", "-c", SLEEPER])
        linger()


def bomb() -> None:
    """Two hundred, every other one a session leader that was re-parented."""
    for _ in range(100):
        if os.fork() == 0:
            linger()
        orphan(linger)


def hydra() -> None:
    """For each head that is cut off, another one is there already."""

    def head() -> None:
        say()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.002)
            if os.fork():
                os._exit(0)
            os.setsid()

    orphan(head)


def main(arguments: list[str]) -> None:
    token, how = arguments
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    assert carry(token)
    assert os.environ[TOKEN_VARIABLE] == token
    ways: dict[str, Callable[[], None]] = {
        "twice setsid": twice_setsid,
        "orphan": lambda: orphan(linger),
        "cleared": cleared,
        "cleared alone": cleared_alone,
        "left behind": left_behind,
        "spawner": spawner,
        "cleared and away": cleared_and_away,
        "gone for good": gone_for_good,
        "bomb": bomb,
        "hydra": hydra,
        "alone": lambda: None,
    }
    ways[how]()
    linger()


if __name__ == "__main__":
    main(sys.argv[1:])
