"""How many deliveries a worker takes at once: many from a fast target, few from a slow one."""

from __future__ import annotations

MOST = 100
FAST = 0.5
SLOW = 3.0


class BatchSize:
    """Starts at one per thread, doubles while batches are quick, and falls back when one was slow.

    A batch is leased as a whole, so it must be worked off well before its lease ends.
    """

    def __init__(self, threads: int) -> None:
        self._least = threads
        self._size = threads

    @property
    def size(self) -> int:
        """How many to claim next."""
        return self._size

    def worked(self, count: int, seconds: float) -> None:
        """Learn from a batch."""
        if seconds > SLOW:
            self._size = self._least
        elif seconds < FAST and count >= self._size:
            self._size = min(MOST, self._size * 2)
