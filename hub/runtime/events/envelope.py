"""A canonical change as a CloudEvents 1.0 message in the JSON format (structured mode).

The id is the record's id and version, so a repetition has the same one. ``sequence`` is the place in the installation's stream of
events: it sorts as text, and the REST API takes it as ``after``. A record of more than a megabyte is left out, and ``dataref`` says
where it can be fetched (the CloudEvents extension for claim checks).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from hub.store import Event

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
VERSION = 1
"""The version in the events' types. It changes when a record of an old type could be misread as one of the new."""
LARGEST = 1024 * 1024
"""The most bytes of a record in a message: far below what brokers take, and small enough to hold many in memory."""


def as_cloud_event(event: Event, installation: str, *, largest: int | None = LARGEST, base: str = "") -> bytes:
    """The message. ``base`` is the address at which the hub can be reached, for ``dataref``; none = a relative reference."""
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id(event),
        "source": f"/{installation}/{event.connection}",
        "type": event_type(event.entity, event.verb),
        "subject": event.record_id,
        "time": datetime.fromtimestamp(event.at, UTC).isoformat().replace("+00:00", "Z"),
        "dataschema": f"hub:canonical/{event.entity}@1",
        "recordversion": event.record_version,
        "sequence": f"{event.id:020d}",
        "correlationid": str(event.correlation_id),
        "causationid": str(event.message_id),
    }
    if event.changed:
        said["changed"] = event.changed
    if event.body is None:  # retention dropped it
        return orjson.dumps(said)
    if largest is not None and len(event.body) > largest:
        return orjson.dumps({**said, "dataref": f"{base.rstrip('/')}/api/events/{event.id}"})
    # the record is canonical JSON text already, so it is put in as it is
    return orjson.dumps({**said, "datacontenttype": "application/json"})[:-1] + b',"data":' + event.body + b"}"


def event_id(event: Event) -> str:
    """What a consumer recognises a repetition by."""
    return f"{event.record_id}-{event.record_version}"


def event_type(entity: str, verb: str) -> str:
    """The CloudEvents type."""
    return f"hub.{entity}.{verb}.v{VERSION}"


def routing_key(event: Event) -> str:
    """What queues are bound by: ``<entity>.<verb>.<connection>``."""
    return f"{event.entity}.{event.verb}.{event.connection}"
