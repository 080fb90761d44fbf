from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

from hub.errors import RetryLater, Unauthenticated
from hub.sdk.http import HttpClient
from hub.sdk.keys import KeyRing, verify_public_key
from hub.sdk.testing.faults import Status
from hub.sdk.testing.simulator import Request, Response, SimClock, Simulator

BODY = b'{"id":1}'
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def raw(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32) + s.to_bytes(32)


SIGNED: list[tuple[Any, Any, bytes]] = [
    ("RS256", RSA, RSA.sign(BODY, padding.PKCS1v15(), hashes.SHA256())),
    ("RS1", RSA, RSA.sign(BODY, padding.PKCS1v15(), hashes.SHA1())),
    ("PS256", RSA, RSA.sign(BODY, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())),
    ("ES256", EC, EC.sign(BODY, ec.ECDSA(hashes.SHA256()))),
    ("ES256", EC, raw(EC.sign(BODY, ec.ECDSA(hashes.SHA256())))),
    ("EdDSA", ED, ED.sign(BODY)),
]


@pytest.mark.parametrize(
    ("algorithm", "key", "signature"), SIGNED, ids=["rs256", "rs1", "ps256", "es256", "es256-raw", "eddsa"]
)
def test_signatures_of_each_kind(algorithm: Any, key: Any, signature: bytes) -> None:
    given = base64.b64encode(signature).decode()
    other = rsa.generate_private_key(65537, 2048)
    verify_public_key(pem(key), BODY, given, algorithm=algorithm)
    verify_public_key([pem(other), pem(key)], BODY, given, algorithm=algorithm)
    for keys, body, signed in (
        (pem(other), BODY, given), (pem(key), BODY + b" ", given), (pem(key), BODY, given[:-8] + "AAAAAAA="), (pem(key), BODY, ""),
        (pem(key), BODY, "%%%"), (pem(key), BODY, "é"), ([], BODY, given), ("no key", BODY, given),
        (pem(key), BODY, base64.b64encode(b"0" * 64).decode()),
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            verify_public_key(keys, body, signed, algorithm=algorithm)


def test_the_key_decides_nothing_about_the_algorithm() -> None:
    given = base64.b64encode(SIGNED[0][2]).decode()
    for algorithm in ("PS256", "ES256", "EdDSA", "RS1"):
        with pytest.raises(Unauthenticated):
            verify_public_key(pem(RSA), BODY, given, algorithm=algorithm)  # type: ignore[arg-type]


class Publisher(Simulator):
    name = "publisher"
    document: bytes = b"{}"

    def connection_config(self, url: str) -> dict[str, Any]:
        return {}

    def respond(self, request: Request) -> Response:
        return Response(200, {"content-type": "application/json"}, self.document)


def jwks(**keys: Any) -> bytes:
    made = []
    for kid, key in keys.items():
        kind: Any = RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey
        made.append({**kind.import_key(pem(key)).as_dict(), "kid": kid})
    return json.dumps({"keys": made}).encode()


@pytest.fixture
def publisher() -> Iterator[tuple[Publisher, KeyRing, SimClock]]:
    sim, clock = Publisher(), SimClock()
    with sim.running() as server:
        yield sim, KeyRing(HttpClient(allow_hosts=["127.0.0.1"]), clock, server.url + "/jwks"), clock


def test_keys_are_fetched_once_and_kept(publisher: Any) -> None:
    sim, ring, clock = publisher
    sim.document = jwks(a=RSA, b=EC)
    for _ in range(3):
        verify_public_key(ring.key("a"), BODY, base64.b64encode(SIGNED[0][2]).decode())
        verify_public_key(ring.key("b"), BODY, base64.b64encode(SIGNED[3][2]).decode(), algorithm="ES256")
    assert len(ring.key()) == 2
    assert len(sim.journal) == 1
    clock.advance(3700)
    ring.key("a")
    assert len(sim.journal) == 2


def test_an_unknown_key_id_is_looked_up_at_most_once_a_minute(publisher: Any) -> None:
    sim, ring, clock = publisher
    sim.document = jwks(a=RSA)
    ring.key("a")
    for n in range(20):
        with pytest.raises(Unauthenticated):
            ring.key(f"invented-{n}")
    assert len(sim.journal) == 1
    sim.document = jwks(a=RSA, fresh=EC)
    clock.advance(61)
    assert ring.key("fresh")
    assert len(sim.journal) == 2


def test_known_keys_stay_good_while_the_publisher_is_down(publisher: Any) -> None:
    sim, ring, clock = publisher
    sim.document = jwks(a=RSA)
    ring.key("a")
    clock.advance(3700)
    sim.faults.add("* /", Status(503), times=3)
    assert ring.key("a")


@pytest.mark.parametrize("document", [b"<html>", b"[]", b"{}", b'{"keys":[{"kty":"XX"}]}', b'{"keys":5}'])
def test_without_any_key_the_sender_is_asked_to_come_again(publisher: Any, document: bytes) -> None:
    sim, ring, _ = publisher
    sim.document = document
    with pytest.raises((RetryLater, Unauthenticated)):
        ring.key("a")


def test_a_single_key_in_pem(publisher: Any) -> None:
    sim, ring, _ = publisher
    sim.document = pem(EC).encode()
    verify_public_key(ring.key(), BODY, base64.b64encode(SIGNED[3][2]).decode(), algorithm="ES256")
