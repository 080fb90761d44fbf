"""For how long payloads are kept, and the count of what was written.

A keeper is who wrote them: a connection for its messages, a flow for its deliveries.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_DAYS = 30


def flow_keeper(flow: str) -> str:
    """The keeper of what the deliveries of a flow write. The keeper of a message's payloads is its connection's name."""
    return f"flow:{flow}"


@dataclass(frozen=True, slots=True)
class Keeping:
    """The days that payloads are kept after the day on which they were written: for all, and for single keepers."""

    days: int = DEFAULT_DAYS
    special: Mapping[str, int] = field(default_factory=dict)
    move_after: int = 2
    """Days after which a shelf moves to the object store, where there is one. At least one: today's and yesterday's stay."""

    def of(self, keeper: str) -> int:
        """The days for one keeper."""
        return self.special.get(keeper, self.days)

    @property
    def different(self) -> frozenset[int]:
        """Every number of days that is in use."""
        return frozenset({self.days, *self.special.values()})


Counts = dict[tuple[int, str], tuple[int, int]]
"""Bytes and payloads by shelf number and keeper."""


class Counter:
    """What this process has written since it was last added up. Safe to use from any thread."""

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._lock = threading.Lock()

    def add(self, counts: Mapping[tuple[int, str], tuple[int, int]]) -> None:
        """Count what a transaction has committed."""
        with self._lock:
            for key, (size, payloads) in counts.items():
                before = self._counts.get(key, (0, 0))
                self._counts[key] = (before[0] + size, before[1] + payloads)

    def take(self) -> Counts:
        """Everything counted, which begins anew at nothing."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts
