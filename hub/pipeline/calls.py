"""The calls of one batch, made by as many threads as the target's slowness needs and not by more."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor

from hub.pipeline.prepare import Job

LOOK_EVERY = 0.004
QUICK = 0.001
"""Seconds a call; where calls end more slowly than that, more threads join in. A thread costs a quick call half its time again."""


class Calls:
    """One thread begins and takes one job after another; others join, up to ``most``, while the target keeps them waiting."""

    def __init__(self, jobs: Sequence[Job], send: Callable[[Job], None], executor: Executor, most: int) -> None:
        self._send = send
        self._executor = executor
        self._most = most
        self._left = deque(jobs)
        self._under_way = {id(job): job for job in jobs}
        self._ended: list[Job] = []
        self._changed = threading.Condition()
        self._threads = 0
        self._looked_at = time.monotonic()
        self._since_look = 0
        if jobs:
            self._join_in(1)

    @property
    def under_way(self) -> Collection[Job]:
        """What has not been given back by `ended`."""
        return self._under_way.values()

    def ended(self, linger: float, patience: float) -> list[Job]:
        """The jobs that have ended; once there is one, up to ``linger`` seconds for more. None after ``patience`` seconds."""
        until = time.monotonic() + patience
        lingering = False
        with self._changed:
            while True:
                now = time.monotonic()
                if self._ended and not lingering:
                    until, lingering = min(until, now + linger), True
                if now >= until or len(self._ended) == len(self._under_way):
                    break
                self._look(now)
                self._changed.wait(min(LOOK_EVERY, until - now) if self._left else until - now)
            ended, self._ended = self._ended, []
        for job in ended:
            del self._under_way[id(job)]
        return ended

    def _look(self, now: float) -> None:
        """Have more threads join in where calls end slowly."""
        took = now - self._looked_at
        if took < LOOK_EVERY:
            return
        if self._left and self._since_look * QUICK < took and self._threads < self._most:
            self._join_in(min(self._threads, self._most - self._threads, len(self._left)))
        self._looked_at, self._since_look = now, 0

    def _join_in(self, count: int) -> None:
        self._threads += count
        for _ in range(count):
            self._executor.submit(self._take)

    def _take(self) -> None:
        while True:
            try:
                job = self._left.popleft()
            except IndexError:
                return
            try:
                self._send(job)
            finally:
                with self._changed:
                    self._ended.append(job)
                    self._since_look += 1
                    if len(self._ended) == 1 or len(self._ended) == len(self._under_way):
                        self._changed.notify()
