"""The tests that vendors make of a webhook address, each as its vendor documents it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from hub.errors import InputRefused, Unauthenticated
from hub.sdk import echo_header, echo_json, echo_query, hashed_query, signed_json, signed_query
from hub.sdk.records import InboundRequest


def get(**query: str) -> InboundRequest:
    return InboundRequest("GET", "/", {}, b"", {name.replace("__", "."): value for name, value in query.items()})


def post(data: Any = None, *, body: bytes = b"", headers: Any = None, **query: str) -> InboundRequest:
    return InboundRequest("POST", "/", headers or {}, json.dumps(data).encode() if data is not None else body, query)


def test_a_query_parameter_is_echoed_as_plain_text() -> None:
    said = echo_query(get(challenge="abc-123"))
    assert said is not None
    assert (said.status, said.body, said.content_type) == (200, b"abc-123", "text/plain; charset=utf-8")
    graph = echo_query(post(validationToken="Validation: Testing client application"), "validationToken")
    assert graph is not None
    assert graph.body == b"Validation: Testing client application"
    assert echo_query(get(other="x")) is None


def test_the_sender_proves_itself_at_the_test() -> None:
    good = get(hub__challenge="1158201444", hub__verify_token="meatyhamhock")
    said = echo_query(good, "hub.challenge", token="meatyhamhock", token_name="hub.verify_token", field="hub.challenge")
    assert said is not None
    assert json.loads(said.body) == {"hub.challenge": "1158201444"}
    for token in ("", "meatyhamhoc", "MEATYHAMHOCK"):
        with pytest.raises(Unauthenticated):
            echo_query(
                get(hub__challenge="1", hub__verify_token=token),
                "hub.challenge",
                token="meatyhamhock",
                token_name="hub.verify_token",
            )
    with pytest.raises(Unauthenticated):  # a test that must be proved, and no token in the settings
        echo_query(
            get(hub__challenge="1", hub__verify_token=""), "hub.challenge", token="", token_name="hub.verify_token"
        )


@pytest.mark.parametrize("value", ["", "x" * 1025, "a\nb", "<é>", "a\x00b"])
def test_what_is_echoed_is_short_plain_text(value: str) -> None:
    with pytest.raises(InputRefused) as refused:
        echo_query(get(challenge=value))
    assert refused.value.code == "IN-CHALLENGE"


def test_a_field_of_a_json_body_is_echoed_in_json() -> None:
    slack = {"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": "3eZbrw1aB", "type": "url_verification"}
    said = echo_json(post(slack), when=("type", "url_verification"))
    assert said is not None
    assert (json.loads(said.body), said.content_type) == ({"challenge": "3eZbrw1aB"}, "application/json")
    assert echo_json(post({"challenge": "3eZbrw1aB"})) is not None
    assert echo_json(post({"type": "event_callback", "challenge": "x"}), when=("type", "url_verification")) is None


@pytest.mark.parametrize(
    "request_",
    [
        post({"challenge": 7}), post([{"challenge": "x"}]), post(body=b'{"challenge": "x"'), post(body=b""), get(challenge="x"),
        post({"id": 1, "total": "1", "lines": [], "challenge": "an order's own field"}), post({"note": "x" * 20_000, "challenge": "x"}),
    ],
)  # fmt: skip
def test_what_is_no_test_goes_on_as_a_webhook(request_: InboundRequest) -> None:
    assert echo_json(request_) is None


def test_a_header_is_sent_back_as_a_header() -> None:
    said = echo_header(post({}, headers={"x-hook-secret": "b537207f20cbfa02"}), "X-Hook-Secret")
    assert said is not None
    assert (said.body, said.headers) == (b"", {"x-hook-secret": "b537207f20cbfa02"})
    assert echo_header(post({}), "X-Hook-Secret") is None
    with pytest.raises(InputRefused):
        echo_header(post({}, headers={"x-hook-secret": "a\r\nset-cookie: x"}), "X-Hook-Secret")


def test_answers_that_prove_who_is_there() -> None:
    digest = hmac.new(b"secret", b"crc-1", hashlib.sha256).digest()
    said = signed_query(
        get(crc_token="crc-1"), "crc_token", "secret", field="response_token", prefix="sha256=", spell="base64"
    )
    assert said is not None
    assert json.loads(said.body) == {"response_token": f"sha256={base64.b64encode(digest).decode()}"}
    zoom = {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}
    said = signed_json(
        post(zoom),
        "payload.plainToken",
        "secret",
        when=("event", "endpoint.url_validation"),
        given="plainToken",
        signed="encryptedToken",
    )
    assert said is not None
    wanted = hmac.new(b"secret", b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert json.loads(said.body) == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": wanted}
    ebay = hashed_query(
        get(challenge_code="a8628072"), "challenge_code", "verification-token", "https://hub.example/webhooks/ebay"
    )
    assert ebay is not None
    text = b"a8628072verification-tokenhttps://hub.example/webhooks/ebay"
    assert json.loads(ebay.body) == {"challengeResponse": hashlib.sha256(text).hexdigest()}


def test_tests_of_other_kinds_are_passed_over() -> None:
    assert signed_query(get(), "crc_token", "secret") is None
    assert hashed_query(get(), "challenge_code", "t") is None
    zoom = {"when": ("event", "endpoint.url_validation"), "given": "plainToken", "signed": "encryptedToken"}
    assert signed_json(post({"event": "meeting.started"}), "payload.plainToken", "secret", **zoom) is None  # type: ignore[arg-type]
    assert signed_json(post(body=b"endpoint.url_validation"), "payload.plainToken", "secret", **zoom) is None  # type: ignore[arg-type]
    with pytest.raises(InputRefused):
        signed_json(post({"event": "endpoint.url_validation"}), "payload.plainToken", "secret", **zoom)  # type: ignore[arg-type]
