"""Render, send and settle a batch of claimed deliveries. No transaction is open while a target is called."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from hub.pipeline.context import Context
from hub.store import ClaimedDelivery, Store


@dataclass(slots=True)
class WorkReport:
    """What became of a batch of deliveries, how the calls went (for the circuit breaker), and which targets have more to do."""

    done: int = 0
    skipped: int = 0
    retried: int = 0
    waiting: int = 0
    failed: int = 0
    fenced: int = 0
    targets: set[str] = field(default_factory=set)


def work_batch(
    store: Store, context: Context, claimed: Sequence[ClaimedDelivery], executor: Executor | None = None
) -> WorkReport:
    """Work claimed deliveries: one transaction freezes their requests, the calls run on ``executor`` (or one by one), and each
    outcome is settled as soon as its group is in. Moves the circuit breaker, pauses on `AuthFailed`. Only `StoreError` is raised.
    """
    raise NotImplementedError
