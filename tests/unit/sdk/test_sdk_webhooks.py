from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from hub.errors import InputRefused, Unauthenticated
from hub.sdk.records import InboundRequest
from hub.sdk.webhooks import (
    read_body,
    sign_hmac_base64,
    verify_hmac_base64,
    verify_hmac_hex,
    verify_stamped,
    verify_standard,
    verify_timestamp,
    verify_token,
)

BODY = '{"id":1,"name":"Müller"}'.encode()
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_right_signature_passes() -> None:
    verify_hmac_base64("secret", BODY, sign_hmac_base64("secret", BODY))
    verify_hmac_hex("secret", BODY, hmac.new(b"secret", BODY, hashlib.sha256).hexdigest().upper())
    verify_hmac_hex("secret", BODY, hmac.new(b"secret", BODY, hashlib.sha1).hexdigest(), algorithm="sha1")
    verify_token("secret", "secret")


def test_two_secrets_are_good_while_one_replaces_the_other() -> None:
    for secret in ("old", "new"):
        verify_hmac_base64(["new", "old"], BODY, sign_hmac_base64(secret, BODY))
    with pytest.raises(Unauthenticated):
        verify_hmac_base64(["new", "old"], BODY, sign_hmac_base64("older", BODY))


@pytest.mark.parametrize(
    "given",
    ["", "%%%not-base64%%%", "éè", "\udce9", sign_hmac_base64("another", BODY), sign_hmac_base64("secret", BODY)[:8],
     sign_hmac_base64("secret", BODY + b" "), f"{sign_hmac_base64('secret', BODY)}, {sign_hmac_base64('x', BODY)}"],
)  # fmt: skip
def test_any_other_signature_is_401(given: str) -> None:
    for verify in (verify_hmac_base64, verify_hmac_hex):
        with pytest.raises(Unauthenticated) as caught:
            verify("secret", BODY, given)
        assert caught.value.status == 401


def test_no_secret_means_nobody_gets_in() -> None:
    for secrets in ("", [], [""], b""):
        with pytest.raises(Unauthenticated):
            verify_hmac_base64(secrets, BODY, sign_hmac_base64("", BODY))
        with pytest.raises(Unauthenticated):
            verify_token(secrets, "")


@pytest.mark.parametrize(
    "given", ["NaN", "", "-1", "1e9", "١٢٣", "99999999999999999", str(int(NOW.timestamp()) + 3600), "0"]
)
def test_a_time_stamp_out_of_the_window_is_401(given: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verify_timestamp(given, NOW)
    assert caught.value.code == "IN-TIMESTAMP"


def test_a_time_stamp_within_the_window_passes() -> None:
    for off in (-299, 0, 299):
        verify_timestamp(int(NOW.timestamp()) + off, NOW)


def _standard(secret: str, *, event: str = "evt_1", stamp: int | None = None, extra: str = "") -> InboundRequest:
    stamp = int(NOW.timestamp()) if stamp is None else stamp
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{event}.{stamp}.".encode() + BODY, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": event, "webhook-timestamp": str(stamp), "webhook-signature": f"{extra}v1,{signature}"}
    return InboundRequest("POST", "/", headers, BODY)


def test_standard_webhooks() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    other = "whsec_" + base64.b64encode(b"another-secret-of-24-byt").decode()
    assert verify_standard(secret, _standard(secret), NOW) == "evt_1"
    assert verify_standard([other, secret], _standard(secret, extra="v1,AAAA v1a,BBBB "), NOW) == "evt_1"
    for request in (
        _standard(other),
        _standard(secret, stamp=int(NOW.timestamp()) - 400),
        InboundRequest("POST", "/", {}, BODY),
    ):
        with pytest.raises(Unauthenticated):
            verify_standard(secret, request, NOW)


def test_the_body_is_read_only_as_json_in_utf8() -> None:
    assert (
        read_body(InboundRequest("POST", "/", {"content-type": "application/json; charset=utf-8"}, BODY))["name"]
        == "Müller"
    )
    assert read_body(InboundRequest("POST", "/", {"content-type": "application/cloudevents+json"}, BODY))["id"] == 1
    for kind in ("application/xml", "text/plain", "application/json; charset=iso-8859-1"):
        with pytest.raises(InputRefused) as caught:
            read_body(InboundRequest("POST", "/", {"content-type": kind}, BODY))
        assert caught.value.status == 415


def stamped(secret: str, body: bytes = BODY, at: int | None = None, scheme: str = "v1") -> str:
    stamp = str(int(NOW.timestamp()) if at is None else at)
    return f"t={stamp},{scheme}={hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def test_one_header_with_time_and_signature() -> None:
    verify_stamped("secret", BODY, stamped("secret"), NOW)
    verify_stamped(["new", "secret"], BODY, stamped("secret"), NOW)
    both = f"{stamped('secret')},v1={'0' * 64},v0=something-older"
    verify_stamped("secret", BODY, both, NOW)
    verify_stamped(
        "secret",
        BODY,
        stamped("secret", scheme="h1").replace("t=", "ts=").replace(",", ";"),
        NOW,
        stamp="ts",
        scheme="h1",
    )


@pytest.mark.parametrize(
    "given",
    ["", "t=1", "v1=abc", "t=1,t=2,v1=abc", stamped("other"), stamped("secret", BODY + b" "), stamped("secret", scheme="v0"),
     stamped("secret").replace("t=", "t=0")],
)  # fmt: skip
def test_one_header_that_does_not_fit(given: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_stamped("secret", BODY, given, NOW)


def test_one_header_of_yesterday() -> None:
    with pytest.raises(Unauthenticated) as refused:
        verify_stamped("secret", BODY, stamped("secret", at=int(NOW.timestamp()) - 301), NOW)
    assert refused.value.code == "IN-TIMESTAMP"


def test_times_in_other_units() -> None:
    seconds = int(NOW.timestamp())
    verify_timestamp(str(seconds * 1000 + 7), NOW, unit="ms")
    verify_timestamp("2026-11-21T13:00:05+01:00", NOW, unit="iso")
    for given, unit in (
        (str(seconds), "ms"),
        (str(seconds * 1000), "s"),
        ("2026-11-21T12:00:00", "iso"),
        ("soon", "iso"),
        ("", "ms"),
    ):
        with pytest.raises(Unauthenticated):
            verify_timestamp(given, NOW, unit=unit)  # type: ignore[arg-type]
