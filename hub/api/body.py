"""Reads a request's head and body as a stranger's: counted, timed, and refused before anything is parsed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from hub.api.answers import Receive, Scope
from hub.api.limits import Limits
from hub.errors import InputRefused, Unauthenticated
from hub.sdk.records import InboundRequest

_SINGLE = re.compile(r"signature|hmac|timestamp|^authorization$|^content-(length|type|encoding)$")
_JSON = re.compile(r"(application/([a-z0-9.+-]+\+)?json|text/json)\Z")
_CHARSET = re.compile(r"charset=\"?([^\";\s]*)", re.IGNORECASE)


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name, joined with ", " where sent twice. Those that decide who it is may come only once."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif _SINGLE.search(name):
            raise Unauthenticated(f"The header {name} was sent twice.", where=name)
        else:
            headers[name] = f"{headers[name]}, {value}"
    return headers


def check_head(headers: Mapping[str, str], limit: int, media_types: Iterable[str] = ()) -> None:
    """Refuse by the head alone what will not be read: too long, compressed, not JSON."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise too_large(limit)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise InputRefused(
            "Compressed bodies are not taken.", status=415, code="IN-ENCODING", where="content-encoding",
            fix="Send the body without Content-Encoding.",
        )  # fmt: skip
    declared = headers.get("content-type", "").strip()
    media = declared.partition(";")[0].strip().lower()
    if media and not _JSON.match(media) and media not in media_types:
        raise InputRefused(
            "The content type is not JSON.", status=415, code="IN-MEDIA-TYPE", where="content-type",
            fix="Send application/json in UTF-8.",
        )  # fmt: skip
    charset = _CHARSET.search(declared)
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise InputRefused(
            "JSON comes in UTF-8 only.", status=415, code="IN-CHARSET", where="content-type", fix="Send UTF-8."
        )


async def read_body(receive: Receive, limits: Limits, limit: int) -> bytes:
    """The whole body, counted while it comes in and given up on when it takes too long."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise InputRefused("The connection ended before the body did.", status=400, code="IN-INCOMPLETE")
                part = event.get("body", b"")
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                parts.append(part)
                if not event.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise InputRefused(
            "The body did not arrive in time.", status=408, code="IN-INCOMPLETE", fix="Send the whole body at once."
        ) from None


def too_large(limit: int) -> InputRefused:
    """The error for a body over the limit."""
    return InputRefused(f"The body is larger than {limit} bytes.", status=413, code="IN-TOO-LARGE")


def inbound_request(scope: Scope, headers: Mapping[str, str], path: str, body: bytes) -> InboundRequest:
    """The request as connectors get it."""
    query = dict(
        parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    )
    return InboundRequest(method=scope["method"], path=path, headers=headers, body=body, query=query)
