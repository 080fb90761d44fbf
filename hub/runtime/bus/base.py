"""What every wake bus does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

Handler = Callable[[str], None]
"""Does the due work of one lane group, named by its argument. Called from the bus's threads; it must not raise."""

INBOUND = "inbound"
"""The lane group of accepted messages that wait to be translated."""


def deliveries(connection: str) -> str:
    """The lane group of the deliveries that wait for one connection."""
    return f"deliver.{connection}"


class WakeBus(ABC):
    """Carries wake-ups: the names of lane groups that have work, and nothing else."""

    @abstractmethod
    def wake(self, groups: Iterable[str]) -> None:
        """Say that these groups have work. Never blocks and never raises: a lost wake-up costs seconds, not messages."""

    @abstractmethod
    def wake_surely(self, groups: Iterable[str], timeout: float = 5.0) -> bool:
        """Say it, and wait until the bus has taken every one of them; False when it did not."""

    @abstractmethod
    def subscribe(self, group: str, handler: Handler, threads: int = 1) -> None:
        """Have ``handler`` called for wake-ups of this group, at most ``threads`` times at once. Before `start` only."""

    @abstractmethod
    def start(self) -> None:
        """Begin to call the handlers."""

    @abstractmethod
    def stop(self, timeout: float = 10.0) -> None:
        """Take no more wake-ups, and wait for running handlers, up to ``timeout`` seconds. May be called twice."""

    @property
    @abstractmethod
    def healthy(self) -> bool:
        """Whether wake-ups get through at present."""
