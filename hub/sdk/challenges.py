"""How vendors test a webhook address before they use it, and what they want to hear.

A connector answers in `Connector.challenge`; each function here recognises one kind of test and gives the answer, or none when the request
is something else. What is echoed is text of a stranger: it is short, and goes out as plain text or inside JSON, never as a page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any, Literal

from hub.errors import InputRefused
from hub.sdk.jsonio import read_object
from hub.sdk.records import Answer, InboundRequest
from hub.sdk.webhooks import verify_token

_PLAIN = re.compile(r"[\x20-\x7e]{1,1024}\Z")
_LARGEST = 16 * 1024
Secret = str | bytes


def echo_query(
    request: InboundRequest, name: str = "challenge", *, token: str | Iterable[str] = "", token_name: str = "", field: str = ""
) -> Answer | None:  # fmt: skip
    """Echo a query parameter: ``challenge`` (Dropbox, Adobe I/O), ``validationToken`` (Microsoft Graph), ``hub.challenge`` (WebSub, Meta).

    With ``token`` the parameter ``token_name`` must be it, or the request is `Unauthenticated`. ``field`` wraps the text in JSON.
    """
    value = request.query.get(name)
    if value is None:
        return None
    if token_name:
        verify_token(token, request.query.get(token_name, ""))
    return _told(_checked(value), field)


def echo_json(
    request: InboundRequest, name: str = "challenge", *, when: tuple[str, str] | None = None, field: str = "challenge"
) -> Answer | None:
    """Echo a field of a JSON body in JSON: Slack (``when=("type", "url_verification")``), monday.com, Notion, Lark.

    A body that has more than the test of an address has is no test: only one with ``when``, or with nothing but a few fields, is.
    """
    if request.method != "POST" or len(request.body) > _LARGEST or name.encode() not in request.body:
        return None
    try:
        body = read_object(request.body)
    except InputRefused:
        return None
    fits = body.get(when[0]) == when[1] if when else len(body) <= 3
    if not fits or not isinstance(body.get(name), str):
        return None
    return _told(_checked(body[name]), field)


def echo_header(request: InboundRequest, name: str) -> Answer | None:
    """Send a header back as a header: Asana's ``X-Hook-Secret``. The connector keeps the secret itself."""
    value = request.headers.get(name.lower())
    return None if value is None else Answer(200, b"", "text/plain; charset=utf-8", {name.lower(): _checked(value)})


def signed_query(
    request: InboundRequest, name: str, secret: Secret, *, field: str = "", prefix: str = "", spell: Literal["hex", "base64"] = "hex"
) -> Answer | None:  # fmt: skip
    """Answer with the HMAC-SHA256 of a query parameter: X's ``crc_token`` (prefix "sha256=", base64, field ``response_token``)."""
    value = request.query.get(name)
    return None if value is None else _told(prefix + _hmac(secret, _checked(value), spell), field)


def signed_json(
    request: InboundRequest, name: str, secret: Secret, *, when: tuple[str, str], given: str, signed: str
) -> Answer | None:
    """Answer a JSON test with its text and the HMAC-SHA256 of it: Zoom's ``endpoint.url_validation``.

    ``name`` is the path of the text in the body ("payload.plainToken"), ``given`` and ``signed`` are the fields of the answer.
    """
    if request.method != "POST" or len(request.body) > _LARGEST or when[1].encode() not in request.body:
        return None
    try:
        body: Any = read_object(request.body)
    except InputRefused:
        return None
    if body.get(when[0]) != when[1]:
        return None
    for step in name.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    text = _checked(body if isinstance(body, str) else "")
    return Answer.json({given: text, signed: _hmac(secret, text, "hex")})


def hashed_query(request: InboundRequest, name: str, *parts: str, field: str = "challengeResponse") -> Answer | None:
    """Answer with the SHA-256 of a query parameter and further texts, one behind the other: eBay (its token, and the address)."""
    value = request.query.get(name)
    if value is None:
        return None
    return _told(hashlib.sha256("".join((_checked(value), *parts)).encode()).hexdigest(), field)


def _told(text: str, field: str) -> Answer:
    return Answer.json({field: text}) if field else Answer(200, text.encode())


def _checked(value: str) -> str:
    if not _PLAIN.match(value):
        raise InputRefused("the challenge is empty, too long, or not plain text", code="IN-CHALLENGE", status=400)
    return value


def _hmac(secret: Secret, text: str, spell: str) -> str:
    digest = hmac.new(secret.encode() if isinstance(secret, str) else secret, text.encode(), hashlib.sha256).digest()
    return digest.hex() if spell == "hex" else base64.b64encode(digest).decode()
