"""One thread that publishes wake-ups, so that nobody else ever waits for the broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

PAUSE_AFTER_FAILURE = 1.0
IDLE = 2.0


class Receipt:
    """Whether the broker has taken the wake-ups of one post."""

    def __init__(self, outstanding: int) -> None:
        self._lock = threading.Lock()
        self._outstanding = outstanding
        self._all_taken = True
        self._settled = threading.Event()
        if not outstanding:
            self._settled.set()

    def settle(self, taken: bool) -> None:
        """Note the outcome of one of them."""
        with self._lock:
            self._outstanding -= 1
            self._all_taken = self._all_taken and taken
            if self._outstanding == 0:
                self._settled.set()

    def wait(self, timeout: float) -> bool:
        """True when all were taken in time."""
        return self._settled.wait(timeout) and self._all_taken


class Publisher:
    """Publishes each waiting group once, however often it was posted. After a failure it drops what waits and pauses."""

    def __init__(self, publish: Callable[[str], bool], idle: Callable[[], None], close: Callable[[], None]) -> None:
        self._publish = publish
        self._idle = idle
        self._close = close
        self._waiting: dict[str, list[Receipt]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.healthy = True

    def post(self, groups: Iterable[str]) -> Receipt:
        """Have these groups published soon."""
        names = set(groups)
        receipt = Receipt(len(names))
        with self._changed:
            if self._stopping:
                for _ in names:
                    receipt.settle(False)
                return receipt
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wake-publisher", daemon=True)
                self._thread.start()
            for name in names:
                self._waiting.setdefault(name, []).append(receipt)
            self._changed.notify()
        return receipt

    def stop(self, timeout: float) -> None:
        """Publish what waits, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            batch = self._take()
            for name, receipts in batch.items():
                taken = self._publish(name) if self.healthy or name == next(iter(batch)) else False
                self.healthy = taken
                for receipt in receipts:
                    receipt.settle(taken)
            if not batch:
                if self._stopping:
                    break
                self._idle()
            elif not self.healthy and not self._stopping:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, PAUSE_AFTER_FAILURE)
        self._close()

    def _take(self) -> dict[str, list[Receipt]]:
        with self._changed:
            if not self._waiting and not self._stopping:
                self._changed.wait(IDLE)
            batch, self._waiting = self._waiting, {}
            return batch
