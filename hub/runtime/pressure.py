"""Whether the hub should take more in: when processing falls far behind, the receiver asks senders to come again later."""

from __future__ import annotations

import threading

from hub.errors import StoreError
from hub.store import Store
from hub.telemetry import get_logger

log = get_logger(__name__)

MOST_WAITING = 20_000
EVERY = 1.0


class Pressure:
    """Counts the waiting messages once a second. Call it to ask: True = take nothing in now."""

    def __init__(self, store: Store, most: int = MOST_WAITING) -> None:
        self._store = store
        self._most = most
        self._high = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pressure", daemon=True)

    def __call__(self) -> bool:
        """Whether to refuse."""
        return self._high

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop counting."""
        self._stop.set()
        self._thread.join(timeout)

    def look(self) -> None:
        """Count once. Once closed, the door opens again at four fifths of the limit."""
        limit = self._most * 4 // 5 if self._high else self._most
        high = self._store.due_messages(limit) >= limit
        if high != self._high:
            log.warning("receiver.pressure", high=high)
        self._high = high

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.look()
            except StoreError as error:
                log.warning("pressure.store", code=error.code)
