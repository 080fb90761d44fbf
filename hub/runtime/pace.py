"""A token bucket: so many calls a second, with a short burst, for all threads of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_SECONDS = 1.0


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
