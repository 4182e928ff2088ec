"""What the children of test_programs do: the entry of a template, chosen by the first argument."""

import json
import os
import signal
import sys
import time


def main(arguments: list[str]) -> int:
    """Run the named behaviour with its arguments; returns the exit code."""
    name, *rest = arguments
    behaviours = {
        "exit": lambda: int(rest[0]),
        "leave": leave,
        "raise": fail,
        "sleep": sleep,
        "deaf": deaf,
        "family": family,
        "report": lambda: report(rest[0]),
    }
    return behaviours[name]() or 0


def leave() -> int:
    """End as argparse and typer do."""
    sys.exit("what and why")


def fail() -> int:
    """A bug."""
    raise KeyError("the bug")


def sleep() -> int:
    """Live until a signal."""
    print("sleeps", flush=True)
    time.sleep(600)
    return 0


def deaf() -> int:
    """Live until KILL."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return sleep()


def family() -> int:
    """Have a child of one's own in the same group."""
    if os.fork() == 0:
        time.sleep(600)
    return sleep()


def report(path: str) -> int:
    """Tell what this process looks like from inside."""
    print("a line without a flush")
    facts = {
        "descriptors": {n: os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if _is_open(n)},
        "preloaded": "decimal" in sys.modules,
        "session": os.getsid(0) == os.getpid(),
        "argv": sys.argv,
        "wakeup": signal.set_wakeup_fd(-1),
        "sigchld": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    }
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    os.rename(path + ".part", path)
    return 0


def _is_open(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
