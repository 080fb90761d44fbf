"""The pace of one connector: what the file says of the system's limit, and what the system's headers tell."""

from __future__ import annotations

import threading

from hub.errors import RateLimited
from hub.sdk.connector import Clock
from hub.sdk.declarative.file.answers import Rate
from hub.sdk.http import HttpResponse
from hub.sdk.ratelimit import FixedWindow, Hold, TokenBucket

PATIENCE = 2.0
"""Seconds that a call waits for its turn; what takes longer is told to the hub, which holds the connection for all workers."""
_EPOCH = 1_000_000_000


def calls_per_second(rate: Rate) -> float | None:
    """The pace that the hub keeps over all workers."""
    if rate.bucket is not None:
        return rate.bucket.rate
    return rate.window.calls / rate.window.seconds if rate.window is not None else None


class Pace:
    """Lets calls pass as fast as the system allows. Raises `RateLimited` where that takes longer than a moment."""

    def __init__(self, rate: Rate, clock: Clock, *, local: bool = True) -> None:
        self._clock = clock
        self._headers = rate.headers
        self._limit: TokenBucket | FixedWindow | None = None
        if local and rate.bucket is not None:
            self._limit = TokenBucket(rate.bucket.rate, rate.bucket.burst)
        elif local and rate.window is not None:
            self._limit = FixedWindow(rate.window.calls, rate.window.seconds)
        self._hold = Hold()
        self._lock = threading.Lock()
        self._idle = self._limit is None and self._headers is None

    def wait(self) -> None:
        """Return when the next call may be made."""
        if self._idle:
            return
        with self._lock:
            now = self._clock.monotonic()
            pause = self._hold.take(now)[1]
            if self._limit is not None:
                limit, turn = self._limit.take(now)
                pause = max(pause, turn)
                if pause <= PATIENCE:
                    self._limit = limit
        if pause > PATIENCE:
            raise RateLimited("the system's limit is used up", after=pause)
        if pause > 0:
            self._clock.sleep(pause)

    def learn(self, response: HttpResponse) -> None:
        """Take in what the system says is left."""
        if self._headers is None:
            return
        left = _number(response.headers.get(self._headers.left.lower()))
        if left is None:
            return
        reset = _number(response.headers.get(self._headers.reset.lower())) if self._headers.reset else None
        if reset is not None and reset > _EPOCH:
            reset = max(0.0, reset - self._clock.now().timestamp())
        with self._lock:
            now = self._clock.monotonic()
            if isinstance(self._limit, FixedWindow):
                self._limit = self._limit.learn(now, left, reset)
            elif self._limit is not None:
                self._limit = self._limit.learn(now, left)
            if left < 1 and reset is not None:
                self._hold = self._hold.learn(now, min(reset, 86_400.0))


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if value == value and value >= 0 else None
