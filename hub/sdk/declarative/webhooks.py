"""Webhooks: who signed them, what they are about, and the record in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.errors import InputRefused, RetryLater, Unauthenticated
from hub.sdk import webhooks as proofs
from hub.sdk.declarative.file.webhooks import Signature, Topics, Webhook
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.paths import getter
from hub.sdk.declarative.rows import Rows
from hub.sdk.records import InboundRequest, RawMessage

AT = ("webhook",)


class Webhooks:
    """Reads the webhooks of one connection."""

    def __init__(self, spec: Webhook, maker: Maker, streams: Mapping[str, Rows]) -> None:
        self._streams = streams
        self._topics = _Topic(spec.topic)
        self._signature = _Signature(spec.signature, maker)
        self._row = getter(spec.row) if spec.row else None
        self._event = getter(spec.event) if spec.event else None

    def read(self, request: InboundRequest, now: datetime) -> RawMessage:
        """The message in a request, after its signature was verified over the raw body."""
        self._signature.verify(request, now)
        payload = proofs.read_body(request)
        topic = self._topics.of(request, payload)
        stream = self._topics.streams.get(topic)
        if stream is None:
            raise InputRefused(f"nobody asked for the topic {topic[:60]!r}", code="IN-TOPIC", status=202)
        row = self._row(payload) if self._row is not None else payload
        rows = self._streams[stream]
        try:
            external_id = rows.id_of(row)
        except RetryLater:
            raise InputRefused("the webhook holds no record with an id", code="IN-UNUSABLE", status=202) from None
        if not isinstance(row, dict) or not rows.usable(external_id):
            raise InputRefused("the id of the record in the webhook cannot be one", code="IN-UNUSABLE", status=202)
        message = rows.message(row, topic, rows.stamp_of(row), deleted=topic in self._topics.deleted)
        return self._fact(message, payload, request, topic)

    def _fact(self, message: RawMessage, payload: Any, request: InboundRequest, topic: str) -> RawMessage:
        """The message with what tells its repetitions: the version that a poll sees as well, else the sender's own event id."""
        from dataclasses import replace

        fact = message.dedupe_key
        if not message.source_version:
            event = self._event(payload) if self._event is not None else None
            fact = f"webhook:{topic}:{event or hashlib.sha256(request.body).hexdigest()}"
        elif message.deleted:
            fact += ":deleted"
        return replace(message, dedupe_key=fact, body=request.body if self._row is None else None)


class _Topic:
    def __init__(self, spec: Topics) -> None:
        self.streams = spec.streams
        self.deleted = frozenset(spec.deleted)
        self._header = spec.header.lower() if spec.header else None
        self._field = getter(spec.field) if spec.field else None

    def of(self, request: InboundRequest, payload: Any) -> str:
        given = self._field(payload) if self._field is not None else request.headers.get(self._header or "", "")
        if not isinstance(given, str) or not given.strip():
            raise InputRefused("the webhook names no topic", code="IN-TOPIC-MISSING", status=400)
        return given.strip()


class _Signature:
    def __init__(self, spec: Signature, maker: Maker) -> None:
        at = (*AT, "signature")
        given = [maker.constant(spec.secret, (*at, "secret"))]
        if spec.previous is not None:
            given.append(maker.constant(spec.previous, (*at, "previous")))
        self._spec = spec
        self._secrets = [secret for secret in given if secret]

    def verify(self, request: InboundRequest, now: datetime) -> None:
        """Raise `Unauthenticated` unless the request is signed, and fresh where it is dated."""
        spec = self._spec
        if not self._secrets:
            raise Unauthenticated("this connection has no webhook secret", fix="Set it in the connection's settings.")
        if spec.kind == "standard":
            proofs.verify_standard(self._secrets, request, now, tolerance=spec.tolerance)
            return
        given = request.headers.get(spec.header.lower(), "")
        if spec.prefix:
            if not given.startswith(spec.prefix):
                raise Unauthenticated("the signature of the webhook is missing or wrong")
            given = given[len(spec.prefix) :]
        stamp = request.headers.get(spec.time.lower(), "") if spec.time else ""
        signed = request.body
        if spec.signed == "time.body":
            signed = stamp.encode("utf-8", "surrogateescape") + b"." + signed
        match spec.kind:
            case "token":
                proofs.verify_token(self._secrets, given)
            case "hmac_base64":
                proofs.verify_hmac_base64(self._secrets, signed, given)
            case "hmac_hex":
                proofs.verify_hmac_hex(self._secrets, signed, given)
        if spec.signed == "time.body":
            proofs.verify_timestamp(stamp, now, tolerance=spec.tolerance)
