"""So many calls a second, with a short burst: for the threads of one process, or for all workers of an installation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_SECONDS = 1.0
SHARE_SECONDS = 0.2


class Pace:
    """Lets callers pass at ``rate`` a second; they wait their turn in order of arrival. No rate = no waiting."""

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = max(1.0, (rate or 0.0) * BURST_SECONDS)
        self._free = self._burst
        self._clock = clock
        self._sleep = sleep
        self._at = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            self._free = min(self._burst, self._free + (now - self._at) * self._rate)
            self._at = now
            self._free -= 1.0
            pause = -self._free / self._rate
        if pause > 0:
            self._sleep(pause)


class SharedPace:
    """The same for all workers together: each speaks for a fifth of a second's calls at a time, in the database.

    ``reserve`` is `Store.reserve_calls` for one connection: (count, rate, burst) to seconds of waiting.
    """

    def __init__(
        self, rate: float, reserve: Callable[[int, float, float], float], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate = rate
        self._reserve = reserve
        self._sleep = sleep
        self._portion = max(1, int(rate * SHARE_SECONDS))
        self._left = 0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            if self._left == 0:
                pause = self._reserve(self._portion, self._rate, max(1.0, self._rate * BURST_SECONDS))
                self._left = self._portion
                if pause > 0:
                    self._sleep(pause)
            self._left -= 1
