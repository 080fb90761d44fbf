"""Requests in: who signed them, and which record they speak of."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from connectors.webhook.config import PROXY_HEADERS, WebhookConfig
from hub.errors import InputRefused, Unauthenticated
from hub.sdk.jsonio import read_object
from hub.sdk.records import InboundRequest, RawMessage
from hub.sdk.webhooks import verify_hmac_base64, verify_hmac_hex, verify_timestamp

MOST_KEYS = 250_000
LONGEST_NAME = 200


def verify(config: WebhookConfig, request: InboundRequest, now: datetime) -> None:
    """Raise `Unauthenticated` unless the request is signed, fresh, and without headers that nobody signed for."""
    if not config.secrets:
        raise Unauthenticated("this connection takes no webhooks: it has no secret")
    stamp = request.headers.get(config.timestamp_header, "")
    signed = request.body
    if config.signed == "timestamp.body":
        signed = stamp.encode("utf-8", "surrogateescape") + b"." + signed
    check = verify_hmac_base64 if config.encoding == "base64" else verify_hmac_hex
    check(config.secrets, signed, request.headers.get(config.signature_header, ""))
    if config.signed == "timestamp.body":
        verify_timestamp(stamp, now, tolerance=config.tolerance)
    _check_headers(config, request)


def _check_headers(config: WebhookConfig, request: InboundRequest) -> None:
    """The signature covers no header, so an unknown X- header may have been smuggled in behind a line break."""
    known = {config.signature_header, config.timestamp_header, config.topic_header, config.event_header}
    allowed = (*PROXY_HEADERS, *(name.lower() for name in config.extra_headers))
    for name in request.headers:
        if not name.startswith("x-") or name in known:
            continue
        if not any(name.startswith(one) if one.endswith("-") else name == one for one in allowed):
            raise InputRefused(
                f"the header {name[:60]} is not expected here", code="IN-HEADER", status=400, where=name[:60],
                fix="Leave it out, or name it in extra_headers of the connection.",
            )  # fmt: skip


def message(config: WebhookConfig, request: InboundRequest) -> RawMessage:
    """The one message in a verified request."""
    topic = _header(request, config.topic_header)
    if not topic:
        raise InputRefused("the request names no topic", code="IN-TOPIC-MISSING", status=400, where=config.topic_header)
    payload = read_object(request.body, max_keys=MOST_KEYS)
    stream = config.topics.get(topic)
    if stream is None:
        raise InputRefused(f"nobody subscribed to the topic {_shown(topic)}", code="IN-TOPIC", status=202)
    external_id = payload.get(config.id_field)
    if isinstance(external_id, bool) or not isinstance(external_id, (str, int)) or not str(external_id).strip():
        raise InputRefused(f"the record has no usable {config.id_field}", code="IN-UNUSABLE", status=202)
    version = payload.get(config.version_field)
    event = _header(request, config.event_header) or hashlib.sha256(request.body).hexdigest()
    return RawMessage(
        stream=stream,
        external_id=str(external_id),
        payload=payload,
        dedupe_key=f"webhook:{topic}:{event}",
        topic=topic,
        source_version=_version(version),
        occurred_at=version if isinstance(version, str) else "",
        deleted=topic.endswith("/delete"),
        body=request.body,
    )


def _version(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return f"{value:020d}" if value >= 0 else ""
    if not isinstance(value, str):
        return ""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value[:LONGEST_NAME]
    if moment.tzinfo is None:
        return value
    from datetime import UTC

    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _header(request: InboundRequest, name: str) -> str:
    return request.headers.get(name, "").strip()[:LONGEST_NAME]


def _shown(topic: str) -> str:
    return repr(topic[:60])
