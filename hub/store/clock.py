"""Two clocks: one that never stands still nor jumps, for leases inside a process, and a time of day that is as steady as that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FOLLOW = 0.02


def steady() -> float:
    """Seconds that only go forward, also while the machine sleeps: whoever slept through a lease knows it."""
    return time.clock_gettime(_STEADY) if _STEADY is not None else time.monotonic()


_STEADY = getattr(time, "CLOCK_BOOTTIME", None)


class SteadyClock:
    """The time of day, in seconds since 1970, for the only process of a hub. When the system's clock is set, it does not jump along.

    A jump forward would end every lease and every settle time at once, a jump back would make everything wait. It follows by two
    seconds in a hundred, and begins anew with the system's time when the process does.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steadily: Callable[[], float] = steady) -> None:
        self._wall = wall
        self._steadily = steadily
        self._lock = threading.Lock()
        self._at = steadily()
        self._time = wall()

    def __call__(self) -> float:
        """Now."""
        with self._lock:
            at = self._steadily()
            passed = max(0.0, at - self._at)
            now = self._time + passed
            now += min(passed * FOLLOW, max(-passed * FOLLOW, self._wall() - now))
            self._at, self._time = at, now
            return now
