"""Publishes canonical events from the store to the broker: at least once, and in order for every record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from hub.project import Events
from hub.runtime.bus.topic import Letter, TopicPublisher
from hub.runtime.events.envelope import CONTENT_TYPE, as_cloud_event, event_id, event_type, routing_key
from hub.store import DueSchedule, Event, Store
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

BATCH = 200
BUSY, IDLE = 0.01, 0.25
"""Seconds between two looks, right after an event and after a long time without any."""


class Publishing:
    """The job behind the schedule ``publish:events``, whose lease lets one hub publish at a time.

    Events go out in the order of their ids. How far is written down after the broker's confirmation: whoever dies in between leaves
    it to the next one to publish some again, with the same ids. Of one record only one event is under way at a time, so that no
    consumer ever sees a later one first.
    """

    def __init__(
        self, store: Store, events: Events, installation: str, broker: str, *, base: str = "",
        stopping: Callable[[], bool] = bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._events = events
        self._installation = installation
        self._base = base
        self._publisher = TopicPublisher(broker, events.exchange, CONTENT_TYPE)
        self._stopping = stopping
        self._heard = True

    def __call__(self, _schedule: DueSchedule, until: float) -> float | None:
        """Publish until the monotonic time ``until``. Raises the publisher's errors: the rows wait, and the next run goes on."""
        try:
            position = self._store.published_events()
            pause = BUSY
            while time.monotonic() < until and not self._stopping():
                found = self._store.events(position, BATCH)
                if found:
                    position = self._publish(found)
                    pause = BUSY
                else:
                    self._publisher.idle()
                    time.sleep(pause)
                    pause = min(IDLE, pause * 1.5)
        finally:
            self._publisher.close()
        return 0.0

    def _publish(self, found: Sequence[Event]) -> int:
        """Publish these, and return the id of the last."""
        for part in windows(found):
            unheard = self._publisher.publish([self._letter(event) for event in part])
            self._store.mark_events_published(part[-1].id)
            for event in part:
                outcome = "unrouted" if event_id(event) in unheard else "routed"
                metrics.EVENTS.labels(event.entity, outcome).inc()
            self._say(len(unheard) < len(part), part[0])
        return found[-1].id

    def _letter(self, event: Event) -> Letter:
        body = as_cloud_event(event, self._installation, base=self._base)
        return Letter(
            routing_key(event), body, event_id(event), event_type(event.entity, event.verb), int(event.at)
        )  # fmt: skip

    def _say(self, heard: bool, first: Event) -> None:
        """Log once that nobody listens: events without a bound queue are gone at the broker, as ever with a topic exchange."""
        if self._heard and not heard:
            log.warning("events.unheard", exchange=self._events.exchange, key=routing_key(first), fix="bind a queue")
        self._heard = heard


def windows(found: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in order, cut wherever a record comes a second time."""
    seen: set[str] = set()
    start = 0
    for index, event in enumerate(found):
        if event.record_id in seen:
            yield found[start:index]
            seen.clear()
            start = index
        seen.add(event.record_id)
    if start < len(found):
        yield found[start:]
