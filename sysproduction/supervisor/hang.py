"""Whether a process hangs, judged by its last heartbeat, and when it could at the earliest."""

import math

from sysproduction.domain.heartbeats import Beat
from sysproduction.domain.processes import ProcessSpec


def is_hung(beat: Beat, now_monotonic: float, idle_seconds_max: float) -> str | None:
    """Why the process counts as hung, in words that follow "it", or None.

    It is in a method for longer than the method's time-out, or it is between methods and has not beaten for more
    than `idle_seconds_max`. Stamps later than now are of another boot and say nothing. Whose beat it is, the caller
    compares: beat.pid and beat.start_ticks.
    """
    if max(beat.at, beat.since) > now_monotonic:
        return None
    if not beat.method:
        silent = now_monotonic - beat.at
        if silent > idle_seconds_max:
            return f"gave no sign of life for {silent:.1f} s between methods, {idle_seconds_max:g} s are allowed"
        return None
    spent = now_monotonic - beat.since
    if 0 < beat.timeout < spent:
        return f"has been in {beat.method} for {spent:.1f} s, whose time-out is {beat.timeout:g} s"
    return None


def next_look(spec: ProcessSpec, beat: Beat, now_monotonic: float) -> float:
    """Machine seconds until which a process whose last heartbeat was this one cannot hang: until then it need not be
    looked at again. A method may begin right after this look, so its time-out bounds that as well."""
    shortest = min(
        (60.0 * method.timeout_minutes for method in spec.methods if method.timeout_minutes > 0), default=math.inf
    )
    if not beat.method:
        return min(beat.at + spec.limits.silence_seconds, now_monotonic + shortest)
    ends = beat.since + beat.timeout if beat.timeout > 0 else math.inf
    return min(ends, now_monotonic + min(shortest, spec.limits.silence_seconds))
