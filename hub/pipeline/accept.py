"""From a connector's raw message to a row of the store."""

from __future__ import annotations

from hub.sdk.jsonio import dump_json
from hub.sdk.records import RawMessage
from hub.store import NewMessage


def as_new_message(connection: str, raw: RawMessage, traceparent: str = "") -> NewMessage:
    """The row for one raw message. Its body is kept as it came, or written as JSON when it came as data."""
    return NewMessage(
        connection=connection,
        stream=raw.stream,
        external_id=raw.external_id,
        dedupe_key=raw.dedupe_key,
        body=raw.body if raw.body is not None else dump_json(raw.payload),
        topic=raw.topic,
        order_key=raw.order_key or raw.external_id,
        source_version=raw.source_version,
        occurred_at=raw.occurred_at,
        deleted=raw.deleted,
        refused=raw.refused,
        traceparent=traceparent,
    )


def refused_message(
    connection: str, body: bytes, code: str, detail: str, *, dedupe_key: str, topic: str = ""
) -> NewMessage:
    """The row for something authentic but unusable: it is kept, and becomes an exception (IN-UNUSABLE, IN-TOPIC) at once."""
    return NewMessage(
        connection=connection,
        stream="",
        external_id="",
        dedupe_key=dedupe_key,
        body=body,
        topic=topic,
        order_key=dedupe_key,
        refused=(code, detail),
    )
