"""Files out: one for each record, or batches of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.files.batches import Batches
from connectors.files.config import ENDINGS, FilesConfig, Writing
from connectors.files.formats.writing import file_of
from connectors.files.publishing import Publisher, file_safe
from connectors.files.records import identity_of
from hub.errors import Rejected
from hub.sdk.connector import ConnectorIO
from hub.sdk.files import Folder
from hub.sdk.records import DeliverResult, OutboundRecord

_APPLIED: dict[str, Any] = {"create": "created", "update": "updated", "upsert": "updated", "delete": "deleted"}


class Outbox:
    """Writes the files of one connection."""

    def __init__(self, config: FilesConfig, folder: Folder, io: ConnectorIO) -> None:
        self._io = io
        self._publisher = Publisher(folder, io, config.work, config.remember_days)
        self._batches = Batches(folder, io, self._publisher)

    def deliver(self, spec: Writing, record: OutboundRecord) -> DeliverResult:
        """Write one record. Its file is there when this returns; a record for a batch is then on disk, and in a file soon."""
        data = self._data(spec, record)
        key = file_safe(record.idempotency_key)
        again = record.maybe_sent or record.attempt > 1
        # What the format cannot hold is refused before anything is written.
        content = file_of([data], spec)
        if spec.batch is not None:
            self._batches.add(spec, record.stream, key, data, again=again)
        else:
            name = _name(spec, record, key, self._io.clock.now())
            self._publisher.publish(spec.path, name, key, content, marker=spec.done_suffix, again=again)
        return DeliverResult(self._external_id(spec, record, data), applied=_APPLIED[record.operation])

    def find_effect(self, spec: Writing, record: OutboundRecord) -> DeliverResult | None:
        """Was this write published by an earlier try?"""
        path = self._batches.path(spec, record.stream) if spec.batch is not None else spec.path
        if self._publisher.published(path, file_safe(record.idempotency_key)) is None:
            return None
        return DeliverResult(self._external_id(spec, record, self._data(spec, record)), applied="adopted")

    def tick(self, stream: str, spec: Writing) -> None:
        """Close batches that are full or old enough."""
        if spec.batch is not None:
            self._batches.close_due(spec, stream)

    def _data(self, spec: Writing, record: OutboundRecord) -> dict[str, Any]:
        if not spec.operation_field:
            if record.operation == "delete":
                raise Rejected(
                    "a file that was written cannot be taken back", code="CON-UNSUPPORTED",
                    fix=f"Set operation_field of write.{record.stream}, so that the receiver is told; or remove the flow.",
                )  # fmt: skip
            return record.data
        return {**record.data, spec.operation_field: record.operation}

    def _external_id(self, spec: Writing, record: OutboundRecord, data: dict[str, Any]) -> str:
        return record.external_id or identity_of(data, spec.id) or record.marker


def _name(spec: Writing, record: OutboundRecord, key: str, now: datetime) -> str:
    at = datetime.fromisoformat(record.first_sent_at) if record.first_sent_at else now
    identity = record.external_id or identity_of(record.data, spec.id) or record.marker
    return spec.name.format(
        stream=record.stream, key=key, id=file_safe(identity), ending=ENDINGS[spec.format],
        time=at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ"),
    )  # fmt: skip
