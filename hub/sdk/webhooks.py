"""Proof that a webhook comes from who it says: signatures over the raw body, compared in constant time, and a replay window."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NoReturn

from hub.errors import InputRefused, Unauthenticated
from hub.sdk.jsonio import read_object
from hub.sdk.records import InboundRequest

TOLERANCE = 300.0
"""Seconds that a signed time stamp may be off."""

Secrets = str | bytes | Iterable[str | bytes]
"""One secret, or the two that are both good while one takes the other's place."""


def verify_hmac_base64(secrets: Secrets, body: bytes, given: str, *, algorithm: str = "sha256") -> None:
    """Raise `Unauthenticated` unless ``given`` is the base64 HMAC of ``body`` under one of ``secrets``."""
    _verify(secrets, body, given, algorithm, base64.b64encode)


def verify_hmac_hex(secrets: Secrets, body: bytes, given: str, *, algorithm: str = "sha256") -> None:
    """Raise `Unauthenticated` unless ``given`` is the hexadecimal HMAC of ``body`` under one of ``secrets``."""
    _verify(secrets, body, given.lower(), algorithm, lambda digest: digest.hex().encode())


def verify_token(secrets: Secrets, given: str) -> None:
    """Raise `Unauthenticated` unless ``given`` is one of ``secrets`` itself, as systems without signatures send it."""
    if not _any(hmac.compare_digest(secret, _bytes(given)) for secret in _each(secrets)):
        _refuse("the token of the webhook is missing or wrong")


def verify_timestamp(
    given: str | int, now: datetime, *, tolerance: float = TOLERANCE, unit: Literal["s", "ms", "iso"] = "s"
) -> None:
    """Raise `Unauthenticated` unless the time stamp is within ``tolerance`` seconds of ``now``.

    It is a number of seconds or milliseconds since 1970, or an ISO 8601 time with its offset. It must be part of what is signed.
    """
    text = str(given).strip()
    if abs(now.timestamp() - (_iso(text) if unit == "iso" else _since_1970(text, unit))) > tolerance:
        _refuse(f"the time stamp of the webhook is more than {tolerance:g} s off", "IN-TIMESTAMP")


def verify_stamped(
    secrets: Secrets,
    body: bytes,
    given: str,
    now: datetime,
    *,
    stamp: str = "t",
    scheme: str = "v1",
    tolerance: float = TOLERANCE,
) -> None:
    """Check one header that holds both: ``t=1700000000,v1=<hex>[,v1=<hex>]``, signed over "<time>.<body>" (Stripe and its kin).

    Several signatures of the scheme come while the sender changes its secret; one that fits is enough. Others are passed over.
    """
    found: dict[str, list[str]] = {}
    for part in given.replace(";", ",").split(","):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, []).append(value.strip())
    if len(found.get(stamp, [])) != 1 or not found.get(scheme):
        _refuse("the signature of the webhook is missing or wrong")
    signed = _bytes(found[stamp][0]) + b"." + body
    wanted = [hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in _each(secrets)]
    if not _any(hmac.compare_digest(want, _bytes(seen.lower())) for want in wanted for seen in found[scheme]):
        _refuse("the signature of the webhook is missing or wrong")
    verify_timestamp(found[stamp][0], now, tolerance=tolerance)


def verify_standard(secrets: Secrets, request: InboundRequest, now: datetime, *, tolerance: float = TOLERANCE) -> str:
    """Check a Standard Webhooks request (``webhook-id``, ``webhook-timestamp``, ``webhook-signature``) and return its id."""
    event_id = request.headers.get("webhook-id", "")
    stamp = request.headers.get("webhook-timestamp", "")
    signatures = [part.partition(",") for part in request.headers.get("webhook-signature", "").split()]
    keys = [_standard_key(secret) for secret in _each(secrets)]
    signed = b".".join((_bytes(event_id), _bytes(stamp), request.body))
    wanted = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    fits = [
        hmac.compare_digest(want, _bytes(value))
        for want in wanted
        for version, _, value in signatures
        if version == "v1"
    ]
    if not event_id or not _any(fits):
        _refuse("the signature of the webhook is missing or wrong")
    verify_timestamp(stamp, now, tolerance=tolerance)
    return event_id


def sign_hmac_base64(secret: str | bytes, body: bytes, *, algorithm: str = "sha256") -> str:
    """The base64 HMAC of ``body``, as a vendor would send it: simulators sign with this."""
    return base64.b64encode(hmac.new(_bytes(secret), body, algorithm).digest()).decode()


def read_body(request: InboundRequest) -> dict[str, Any]:
    """The verified request's body as a JSON object; another content type or character set is refused with 415."""
    kind, _, rest = request.headers.get("content-type", "application/json").lower().partition(";")
    if kind.strip() != "application/json" and not kind.strip().endswith("+json"):
        raise InputRefused("the webhook's content type is not JSON", code="IN-MEDIA-TYPE", status=415)
    charset = rest.partition("charset=")[2].strip("\"' ;")
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        raise InputRefused("the webhook's character set is not UTF-8", code="IN-BAD-ENCODING", status=415)
    return read_object(request.body)


def _since_1970(text: str, unit: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        _refuse("the time stamp of the webhook is missing or not a number", "IN-TIMESTAMP")
    return int(text) / (1000 if unit == "ms" else 1)


def _iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _refuse("the time stamp of the webhook is missing or not an ISO 8601 time", "IN-TIMESTAMP")
    if moment.tzinfo is None:
        _refuse("the time stamp of the webhook says no offset", "IN-TIMESTAMP")
    return moment.timestamp()


def _verify(secrets: Secrets, body: bytes, given: str, algorithm: str, spell: Any) -> None:
    seen = _bytes(given.strip())
    fits = [hmac.compare_digest(spell(hmac.new(secret, body, algorithm).digest()), seen) for secret in _each(secrets)]
    if not seen or not _any(fits):
        _refuse("the signature of the webhook is missing or wrong")


def _each(secrets: Secrets) -> list[bytes]:
    given = [secrets] if isinstance(secrets, (str, bytes)) else list(secrets)
    # An empty secret would let everybody sign.
    return [_bytes(secret) for secret in given if secret]


def _bytes(text: str | bytes) -> bytes:
    # compare_digest refuses text with non-ASCII characters, so everything is compared as bytes.
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _standard_key(secret: bytes) -> bytes:
    if not secret.startswith(b"whsec_"):
        return secret
    try:
        return base64.b64decode(secret[6:], validate=True)
    except ValueError:
        return secret


def _any(fits: Iterable[bool]) -> bool:
    # All are computed before any is looked at, so the time says nothing about which one fitted.
    return True in list(fits)


def _refuse(message: str, code: str = "IN-UNAUTHENTICATED") -> NoReturn:
    raise Unauthenticated(message, code=code)
