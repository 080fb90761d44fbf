"""What passes between the hub and a connector: inbound messages, pages and cursors, outbound records and their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Operation = Literal["create", "update", "upsert", "delete"]


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One HTTP request to the hub's webhook address, as it came: ``body`` is the raw bytes that a signature covers.

    ``headers`` has lower-case names; a header sent twice is joined with ", ".
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say to a vendor that tests the webhook address: see `Connector.challenge`. Header names are lower-case."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, data: Any, status: int = 200) -> Answer:
        """An answer with a JSON body."""
        from hub.sdk.jsonio import dump_json

        return cls(status, dump_json(data), "application/json")


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One fact from a connected system, in the vendor's own shape (Enterprise Integration Patterns: message).

    ``payload`` is JSON data; numbers with a fraction are ``Decimal``. ``body`` is the raw text where there was one: it is
    what the archive keeps.
    ``dedupe_key`` is equal for every repetition of the same fact, and unique within the connection.
    ``order_key`` names the object whose facts must stay in order; it defaults to ``external_id``.
    ``source_version`` sorts as text: a later fact of the same object never has a smaller one ("" = unknown).
    ``refused`` makes it an exception at once: (reason code, sentence) for what is authentic and kept, but cannot be used.
    """

    stream: str
    external_id: str
    payload: Any
    dedupe_key: str
    topic: str = ""
    source_version: str = ""
    order_key: str = ""
    occurred_at: str = ""
    deleted: bool = False
    body: bytes | None = None
    refused: tuple[str, str] | None = None


Cursor = dict[str, Any]
"""A poll position: JSON data that only the connector understands. The hub stores it in the transaction that accepts the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a poll. ``more`` asks to be called again at once with ``cursor``."""

    messages: Sequence[RawMessage]
    cursor: Cursor
    more: bool = False


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """What identifies a record in the real world: ``kind`` is the canonical field ("sku", "code", "email", "number")."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """A record in a connected system: its id there, and the version it was seen at ("" = the vendor has none)."""

    external_id: str
    version: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboundRecord:
    """One write, frozen before it is sent: every attempt carries the same ``data`` under the same ``idempotency_key``.

    ``marker`` is a short text, unique to this effect, that a connector without idempotency keys writes into a searchable field
    ("hub-<installation>-<record>"). ``external_id`` is set when the hub knows the record at this connection.
    ``attempt`` starts at 1. ``maybe_sent`` says that an earlier attempt may have had its effect.
    """

    stream: str
    operation: Operation
    data: dict[str, Any]
    idempotency_key: str
    marker: str
    external_id: str | None = None
    attempt: int = 1
    maybe_sent: bool = False
    first_sent_at: str = ""


@dataclass(frozen=True, slots=True)
class DeliverResult:
    """What a write did. ``links`` are further records that it made or found: (entity, canonical id or natural key, external id)."""

    external_id: str
    applied: Literal["created", "updated", "unchanged", "adopted", "deleted"] = "updated"
    version: str = ""
    warnings: Sequence[str] = ()
    links: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of a connector's check: what works, what does not, and what to do about it."""

    ok: bool
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook subscription as the vendor has it. ``topic`` is in the vendor's words; ``stream`` is what it serves, if known."""

    external_id: str
    topic: str
    url: str
    stream: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """What became of the webhook subscriptions asked for, by stream: "created", "kept", "updated" or "unsupported: why".

    ``made`` names the topics that were missing, or were not as they must be, and now are right.
    """

    outcome: Mapping[str, str]
    made: Sequence[str] = ()
