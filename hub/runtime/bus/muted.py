"""A bus that carries nothing, to show that everything drains without one."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import override

from hub.runtime.bus.base import Handler, WakeBus


class MutedBus(WakeBus):
    """Swallows every wake-up. Work is then found by the sweep alone."""

    @override
    def wake(self, groups: Iterable[str]) -> None:
        """Forget it."""

    @override
    def wake_surely(self, groups: Iterable[str], timeout: float = 5.0) -> bool:
        """Forget it; never taken."""
        return False

    @override
    def subscribe(self, group: str, handler: Handler, threads: int = 1) -> None:
        """Accept the handler, and never call it."""

    def start(self) -> None:
        """Nothing to start."""

    @override
    def stop(self, timeout: float = 10.0) -> None:
        """Nothing to stop."""

    @property
    def healthy(self) -> bool:
        """Always: there is nothing that could fail."""
        return True
