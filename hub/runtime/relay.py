"""The relay of a cluster: it sees what is due in the database and publishes a wake-up for it. Run two of them, or more."""

from __future__ import annotations

import threading
import time

from hub.errors import StoreError
from hub.runtime.bus import WakeBus
from hub.runtime.bus.base import INBOUND, deliveries
from hub.runtime.connections import Connections
from hub.store import Store
from hub.telemetry import get_logger

log = get_logger(__name__)

LOOK_EVERY = 0.2
"""Seconds between two looks at what is due. New messages are announced, so only retries and lost wake-ups wait for a look."""
SPACING = 0.01
"""Seconds between two wake-ups for new messages: a busy worker goes on by itself."""
REAP_EVERY = 5.0
FIRST_REPEAT = 0.1
LONGEST_REPEAT = 2.0


class Relay:
    """Publishes wake-ups for due work, and returns the leases of dead workers. It may die at any time: the next one goes on."""

    def __init__(self, store: Store, connections: Connections, bus: WakeBus) -> None:
        self._store = store
        self._connections = connections
        self._bus = bus
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._repeats: dict[str, _Repeat] = {}
        self._reaped_at = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the present round."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        notices = self._store.notices()
        look_at = 0.0
        try:
            while not self._stop.is_set():
                now = time.monotonic()
                try:
                    if now >= look_at:
                        look_at = now + LOOK_EVERY
                        self.round()
                    if notices.wait(max(0.0, look_at - time.monotonic())):
                        self._bus.wake([INBOUND])
                        self._stop.wait(SPACING)
                except StoreError as error:
                    log.warning("relay.store", code=error.code)
                    self._stop.wait(1.0)
                except Exception:
                    log.exception("relay.bug", code="HUB-BUG")
                    self._stop.wait(1.0)
        finally:
            notices.close()

    def round(self) -> bool:
        """Look once; True when there was something to publish."""
        now = time.monotonic()
        if now - self._reaped_at >= REAP_EVERY:
            self._reaped_at = now
            self._store.reap(self._connections.settle())
        due = {deliveries(target.name) for target in self._store.due_targets(1)}
        if self._store.due_messages(1):
            due.add(INBOUND)
        for group in set(self._repeats) - due:
            del self._repeats[group]
        groups = [group for group in due if self._repeats.setdefault(group, _Repeat()).now(now)]
        if groups and not self._bus.wake_surely(groups):
            self._stop.wait(1.0)  # the workers find the work by themselves meanwhile
        return bool(due)


class _Repeat:
    """Repeats a wake-up while its group stays due: a queue that was purged, or a worker that died, costs a moment only."""

    def __init__(self) -> None:
        self._pause = FIRST_REPEAT
        self._next = 0.0

    def now(self, now: float) -> bool:
        """Whether to publish again now."""
        if now < self._next:
            return False
        self._next = now + self._pause
        self._pause = min(LONGEST_REPEAT, self._pause * 1.5)
        return True
