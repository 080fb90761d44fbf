"""Translate, merge, guard and route a batch of claimed messages, and write what became of them in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.pipeline.context import Context
from hub.store import ClaimedMessage, Store


@dataclass(slots=True)
class ProcessReport:
    """What became of a batch of messages, and which targets have new deliveries to wake up for."""

    done: int = 0
    filtered: int = 0
    waiting: int = 0
    exceptions: int = 0
    again: int = 0
    targets: set[str] = field(default_factory=set)


def process_batch(store: Store, context: Context, claimed: Sequence[ClaimedMessage]) -> ProcessReport:
    """Process claimed messages; one that fails never harms its neighbours. Only `StoreError` is raised."""
    raise NotImplementedError
