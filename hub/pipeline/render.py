"""From a canonical record to the request for one target, which is then frozen: every attempt sends the same bytes under the same key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.pipeline.context import Context
from hub.pipeline.plain import load_json
from hub.pipeline.translate import lineage_of
from hub.sdk.jsonio import dump_json
from hub.sdk.records import Operation, OutboundRecord
from hub.store import ClaimedDelivery, Step
from hub.store.archive import sha_of


@dataclass(slots=True)
class Rendered:
    """A request ready to be frozen and sent. ``filtered`` is the rule of the mapping that keeps it back."""

    data: Any
    body: bytes
    sha: str
    step: Step | None = None
    filtered: str | None = None


def marker_of(installation: str, delivery: ClaimedDelivery) -> str:
    """The text by which the effect is found at the target: the same for every attempt and every delivery of one record."""
    return f"hub-{installation}-{delivery.record_id}"


def key_of(installation: str, delivery: ClaimedDelivery) -> str:
    """The idempotency key: new only when a person had the delivery rendered anew."""
    again = f"-{delivery.generation}" if delivery.generation else ""
    return f"hub-{installation}-{delivery.id}{again}"


def operation_of(delivery: ClaimedDelivery) -> Operation:
    """What the write is for the target: an upsert of a record that is linked there is an update."""
    if delivery.operation == "delete":
        return "delete"
    return "update" if external_id_of(delivery) else "create"


def external_id_of(delivery: ClaimedDelivery) -> str | None:
    """The record's id at the target, if it is known there."""
    return delivery.link.external_id if delivery.link is not None else (delivery.external_id or None)


def render(delivery: ClaimedDelivery, context: Context, links: Any) -> Rendered:
    """Run the target's mapping over the record. Raises `MappingError`, or `LinkMissing` with everything that is not linked yet.

    A delivery that was rendered before gives its frozen request again.
    """
    if delivery.request is not None and delivery.request_sha is not None:
        return Rendered(load_json(delivery.request), delivery.request, delivery.request_sha)
    mapping = context.mappings.outbound(delivery.entity, context.connector_name(delivery.target))
    meta = {
        "connection": delivery.target,
        "record_id": delivery.record_id,
        "operation": operation_of(delivery),
        "marker": marker_of(context.installation, delivery),
    }
    made = mapping.run(load_json(delivery.body), meta=meta, links=links, lineage=context.lineage)
    if made.filtered is not None:
        return Rendered(None, b"", "", filtered=made.filtered)
    body = dump_json(made.record)
    lineage = lineage_of(made, meta) if context.lineage else None
    step = Step(
        "render",
        "ok",
        detail=f"{delivery.stream} for {delivery.target}",
        before=delivery.snapshot,
        after=body,
        mapping=str(mapping.file),
        mapping_hash=mapping.hash,
        lineage=lineage,
    )
    # read back, so that the first attempt sends exactly what a later one would
    return Rendered(load_json(body), body, sha_of(body), step)


def outbound_record(
    delivery: ClaimedDelivery, rendered: Rendered, context: Context, first_sent_at: str = ""
) -> OutboundRecord:
    """What the connector gets."""
    return OutboundRecord(
        stream=delivery.stream,
        operation=operation_of(delivery),
        data=rendered.data,
        idempotency_key=delivery.idempotency_key or key_of(context.installation, delivery),
        marker=marker_of(context.installation, delivery),
        external_id=external_id_of(delivery),
        attempt=delivery.attempt,
        maybe_sent=delivery.maybe_sent,
        first_sent_at=first_sent_at,
    )
