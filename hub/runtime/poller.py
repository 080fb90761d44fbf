"""Reads a connected system by polling: pages in, the cursor moving in the transaction that accepts the page."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.errors import AuthFailed, HubError, OutcomeUnknown, RateLimited, RetryLater
from hub.pipeline import as_new_message
from hub.runtime.bus import WakeBus
from hub.runtime.bus.base import INBOUND
from hub.runtime.connections import Connections
from hub.store import CursorMove, DueSchedule, Store
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

PAGE = 100
WHILE_CLOSED = 5.0
WHILE_FULL = 60.0


class Poller:
    """The job behind ``poll:<connection>:<stream>`` schedules."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        bus: WakeBus,
        stopping: Callable[[], bool] = bool,
        full: Callable[[str], bool] | None = None,
    ) -> None:
        self._store = store
        self._connections = connections
        self._bus = bus
        self._stopping = stopping
        self._full = full or (lambda _: False)

    def __call__(self, schedule: DueSchedule, until: float) -> float | None:
        """Poll until there is nothing more, or until the monotonic time ``until``."""
        name, stream = schedule.connection, schedule.stream
        state = self._store.connection_states().get(name)
        if state is not None and (closed := state.closed_for(self._store.now(), WHILE_CLOSED)):
            metrics.POLLED.labels(name, stream, "skipped").inc()
            return closed
        if self._full(name):
            metrics.POLLED.labels(name, stream, "full").inc()
            return WHILE_FULL
        try:
            finished = self._pages(name, stream, until)
        except HubError as error:
            metrics.POLLED.labels(name, stream, error.code).inc()
            self._note(name, error)
            raise
        metrics.POLLED.labels(name, stream, "ok").inc()
        if state is not None and (state.failures or state.breaker != "closed"):
            self._store.note_calls(name, good=1)
        return None if finished else 0.0

    def _pages(self, name: str, stream: str, until: float) -> bool:
        connector = self._connections.get(name)
        cursor = self._store.cursor(name, stream)
        while True:
            page = connector.poll(stream, cursor, PAGE)
            if page.messages or page.cursor != cursor:
                messages = [as_new_message(name, raw) for raw in page.messages]
                accepted = self._store.accept(messages, CursorMove(name, stream, page.cursor))
                fresh = sum(not item.duplicate for item in accepted)
                if fresh:
                    metrics.ACCEPTED.labels(name, "accepted").inc(fresh)
                    self._bus.wake([INBOUND])
                if len(accepted) > fresh:
                    metrics.ACCEPTED.labels(name, "duplicate").inc(len(accepted) - fresh)
            if not page.more:
                return True
            if page.cursor == cursor:
                log.warning("poll.stuck", connection=name, stream=stream)
                return True
            cursor = page.cursor
            if self._stopping() or time.monotonic() >= until:
                return False

    def _note(self, name: str, error: HubError) -> None:
        """Tell the other workers what this call has shown."""
        if isinstance(error, AuthFailed):
            self._store.pause(name, error.code, error.message)
        elif isinstance(error, RateLimited):
            self._store.hold_rate(name, error.after or WHILE_CLOSED)
        elif isinstance(error, (RetryLater, OutcomeUnknown)):
            self._store.note_calls(name, bad=1)
