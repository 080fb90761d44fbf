"""The wake bus within one process: a condition variable and a few threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override

from hub.runtime.bus.base import Handler, WakeBus
from hub.telemetry import get_logger

log = get_logger(__name__)


@dataclass
class _Group:
    handler: Handler
    threads: int
    waiting: int = 0


class InProcessBus(WakeBus):
    """Wakes threads of this process. Wake-ups of a group that is already waiting are one wake-up."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def wake(self, groups: Iterable[str]) -> None:
        """Let a thread of each group look for work at once."""
        with self._changed:
            for name in groups:
                group = self._groups.get(name)
                if group is not None and group.waiting < group.threads:
                    group.waiting += 1
            self._changed.notify_all()

    @override
    def wake_surely(self, groups: Iterable[str], timeout: float = 5.0) -> bool:
        """The same as `wake`: within a process nothing gets lost."""
        self.wake(groups)
        return True

    def subscribe(self, group: str, handler: Handler, threads: int = 1) -> None:
        """Give the group its handler and its number of threads."""
        self._groups[group] = _Group(handler, threads)

    def start(self) -> None:
        """Start the threads of every group."""
        for name, group in self._groups.items():
            for number in range(group.threads):
                thread = threading.Thread(target=self._run, args=(name, group), name=f"{name}#{number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let running handlers end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    @property
    def healthy(self) -> bool:
        """Whether it has not been stopped."""
        return not self._stopping

    def _run(self, name: str, group: _Group) -> None:
        while self._next(group):
            try:
                group.handler(name)
            except Exception:
                log.exception("handler.failed", group=name)

    def _next(self, group: _Group) -> bool:
        with self._changed:
            while not group.waiting and not self._stopping:
                self._changed.wait()
            if self._stopping:
                return False
            group.waiting -= 1
            return True
