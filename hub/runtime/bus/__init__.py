"""The wake bus: it tells workers that there is something to do, and carries nothing that matters.

Every fact is in the database. A wake-up that is lost, doubled or late changes only the moment of the work: each worker
also looks by itself every few seconds. See docs/adr for why the broker may not carry more.
"""

from __future__ import annotations

from hub.runtime.bus.base import Handler, WakeBus
from hub.runtime.bus.local import InProcessBus
from hub.runtime.bus.muted import MutedBus

__all__ = ["Handler", "InProcessBus", "MutedBus", "WakeBus", "open_bus"]


def open_bus(url: str | None, *, installation: str, quorum: bool = True) -> WakeBus:
    """The bus for this broker address: in-process without one, ``muted:`` for none at all, RabbitMQ for ``amqp://``."""
    if not url:
        return InProcessBus()
    if url.startswith("muted:"):
        return MutedBus()
    from hub.runtime.bus.rabbit import RabbitBus

    return RabbitBus(url, installation=installation, quorum=quorum)
