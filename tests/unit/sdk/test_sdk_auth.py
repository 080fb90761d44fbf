from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.errors import AuthFailed, RetryLater
from hub.sdk.auth import BasicLogin, CookieSession, JwtBearer, OAuth1, OAuth2, StaticToken, sign_jwt
from hub.sdk.testing.faults import Delay, Status
from hub.sdk.testing.io import MemoryTokens, make_io
from hub.sdk.testing.server import SimulatorServer
from hub.sdk.testing.simulator import Request, Response, SimClock, Simulator


class Bank(Simulator):
    """Gives tokens, rotates refresh tokens, and ends a session when an old refresh token is used twice."""

    name = "bank"

    def __init__(self) -> None:
        super().__init__()
        self.good: set[str] = set()
        self.refresh = "first-refresh"
        self.given = 0
        self.lifetime: Any = 3600
        self.forms: list[dict[str, str]] = []

    def connection_config(self, url: str) -> dict[str, Any]:
        return {}

    def respond(self, request: Request) -> Response:
        if request.path == "/token":
            return self.token(request)
        if request.path == "/login":
            self.given += 1
            self.good = {f"sid=s{self.given}0000; lang=de"}
            return Response(
                200,
                {
                    "Set-Cookie": f"sid=s{self.given}0000; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT\r\nSet-Cookie: lang=de; Path=/"
                },
            )
        given = request.headers.get("authorization", request.headers.get("cookie", "")).removeprefix("Bearer ")
        if given not in self.good:
            return self.expired_token()
        self.effect("call.made", given)
        return Response.json({"ok": True})

    def token(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode()))
        self.forms.append(form)
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh:
                return Response.json({"error": "invalid_grant", "error_description": form["refresh_token"]}, 400)
            self.refresh = f"refresh-{self.given}-x"
        self.given += 1
        token = f"access-{self.given}-x"
        self.good = {token}
        said = {"access_token": token, "token_type": "bearer"}
        if self.lifetime is not None:
            said["expires_in"] = self.lifetime
        if form["grant_type"] == "refresh_token":
            said["refresh_token"] = self.refresh
        return Response.json(said)


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def desk(bank: Bank) -> Iterator[SimulatorServer]:
    with bank.running() as server:
        yield server
        assert not server.errors


def oauth(desk: SimulatorServer, io: Any = None, **more: Any) -> OAuth2:
    settings = {"token_url": desk.url + "/token", "client_id": "id", "client_secret": "client-secret-1", **more}
    return OAuth2(io or make_io(), **settings)


def test_client_credentials_are_fetched_once_and_kept(bank: Bank, desk: SimulatorServer) -> None:
    auth = oauth(desk, scope="orders stock", extra={"audience": "erp"})
    for _ in range(3):
        assert auth.call("GET", desk.url + "/x").ok
    assert bank.given == 1
    assert bank.forms[0] == {
        "grant_type": "client_credentials", "scope": "orders stock", "audience": "erp",
        "client_id": "id", "client_secret": "client-secret-1",
    }  # fmt: skip


def test_the_client_may_log_in_by_basic(bank: Bank, desk: SimulatorServer) -> None:
    auth = oauth(desk, basic=True)
    assert auth.call("GET", desk.url + "/x").ok
    assert "client_secret" not in bank.forms[0]


def test_a_token_near_its_end_is_renewed_before_use(bank: Bank, desk: SimulatorServer) -> None:
    clock = SimClock()
    auth = oauth(desk, make_io(clock=clock))
    auth.call("GET", desk.url + "/x")
    clock.advance(3600 - 59)
    assert auth.call("GET", desk.url + "/x").ok
    assert bank.given == 2
    assert [entry.status for entry in bank.journal if entry.path == "/x"] == [200, 200]


def test_a_refused_token_is_renewed_and_the_request_repeated_once(bank: Bank, desk: SimulatorServer) -> None:
    auth = oauth(desk)
    auth.call("GET", desk.url + "/x")
    bank.good.clear()
    assert auth.call("POST", desk.url + "/x", json={}, effect=True).ok
    assert bank.given == 2
    bank.faults.add("GET /x", [Status(401)] * 4)
    assert auth.call("GET", desk.url + "/x").status == 401
    assert len([entry for entry in bank.journal if entry.path == "/x"]) == 5


@pytest.mark.parametrize("lifetime", [None, "3600", "soon"])
def test_services_that_say_no_or_odd_lifetimes(bank: Bank, desk: SimulatorServer, lifetime: Any) -> None:
    bank.lifetime = lifetime
    auth = oauth(desk)
    assert auth.call("GET", desk.url + "/x").ok
    assert auth.call("GET", desk.url + "/x").ok
    assert bank.given == 1


def test_refresh_tokens_rotate_and_survive_a_restart(bank: Bank, desk: SimulatorServer) -> None:
    tokens, clock = MemoryTokens(), SimClock()
    for _ in range(3):
        auth = oauth(desk, make_io(tokens=tokens, clock=clock), refresh_token="first-refresh")
        assert auth.call("GET", desk.url + "/x").ok
        clock.advance(4000)
    assert [form["refresh_token"] for form in bank.forms] == ["first-refresh", "refresh-0-x", "refresh-1-x"]


def test_eight_workers_with_an_expired_token_renew_it_once(bank: Bank, desk: SimulatorServer) -> None:
    tokens = MemoryTokens()
    oauth(desk, make_io(tokens=tokens), refresh_token="first-refresh").call("GET", desk.url + "/x")
    bank.good.clear()
    bank.faults.add("POST /token", [Delay(0.1)])
    answers: list[int] = []

    def work() -> None:
        auth = oauth(desk, make_io(tokens=tokens), refresh_token="first-refresh")
        answers.append(auth.call("GET", desk.url + "/x").status)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert bank.given == 2


def test_a_refused_grant_says_what_to_do_and_no_secret(bank: Bank, desk: SimulatorServer) -> None:
    auth = oauth(desk, refresh_token="stale-refresh-token")
    with pytest.raises(AuthFailed, match="invalid_grant") as caught:
        auth.call("GET", desk.url + "/x")
    assert "stale-refresh-token" not in str(caught.value)
    assert caught.value.fix


def test_a_token_service_that_is_down_is_no_fault_of_the_credentials(bank: Bank, desk: SimulatorServer) -> None:
    for body, status in ((b"oops", 503), (b"{}", 200), (b"[]", 200), (b"<html>", 200)):
        bank.faults.add("POST /token", Status(status, body))
        with pytest.raises(RetryLater):
            oauth(desk).call("GET", desk.url + "/x")


def test_no_token_reaches_a_trace(bank: Bank, desk: SimulatorServer) -> None:
    io = make_io()
    with io.http.recording() as exchanges:
        oauth(desk, io, refresh_token="first-refresh").call("GET", desk.url + "/x", headers={"x-copy": "access-1-x"})
    shown = str([exchange.as_dict() for exchange in exchanges])
    assert len(exchanges) == 2
    for secret in ("access-1-x", "first-refresh", "refresh-0-x", "client-secret-1"):
        assert secret not in shown


def test_fixed_tokens(bank: Bank, desk: SimulatorServer) -> None:
    bank.good = {"fixed"}
    assert StaticToken(make_io(), "fixed").call("GET", desk.url + "/x").ok
    assert StaticToken(make_io(), "fixed", header="Cookie", scheme="").call("GET", desk.url + "/x").ok
    bank.good = {"Basic " + base64.b64encode(b"user:pass").decode()}
    assert BasicLogin(make_io(), "user", "pass").call("GET", desk.url + "/x").ok


def test_a_session_is_opened_again_when_it_ended(bank: Bank, desk: SimulatorServer) -> None:
    io = make_io()
    session = CookieSession(io, lambda: io.http.post(desk.url + "/login"), lifetime=timedelta(minutes=5))
    assert session.call("GET", desk.url + "/x").ok
    bank.good.clear()
    assert session.call("GET", desk.url + "/x").ok
    assert bank.given == 2
    bank.faults.add("POST /login", Status(200, b"wrong password"))
    bank.good.clear()
    with pytest.raises(AuthFailed, match="no session cookie"):
        session.call("GET", desk.url + "/x")


def test_oauth1_signature_against_the_published_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """NetSuite's documented base string and signature for token-based authentication with HMAC-SHA256, computed by hand."""
    import hashlib
    import hmac as hmac_module

    from authlib.oauth1.rfc5849 import client_auth

    monkeypatch.setattr(client_auth, "generate_nonce", lambda: "fjaLirsIcCGVZWzBX0pg")
    monkeypatch.setattr(client_auth, "generate_timestamp", lambda: "1508242306")
    auth = OAuth1(
        make_io(), consumer_key="ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4",
        consumer_secret="d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5",
        token="2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb845c73a3f8cd7b61",
        token_secret="c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295", realm="123456",
    )  # fmt: skip
    header = auth.header(
        "post", "https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=6&deploy=1&name=a%20b"
    )
    base = (
        "POST&https%3A%2F%2F123456.restlets.api.netsuite.com%2Fapp%2Fsite%2Fhosting%2Frestlet.nl&deploy%3D1%26name%3Da%2520b%26"
        "oauth_consumer_key%3Def40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4%26oauth_nonce%3DfjaLirsIcCGVZWzBX0pg%26"
        "oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1508242306%26"
        "oauth_token%3D2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb845c73a3f8cd7b61%26oauth_version%3D1.0%26script%3D6"
    )
    key = b"d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5"
    key += b"&c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295"
    wanted = base64.b64encode(hmac_module.new(key, base.encode(), hashlib.sha256).digest()).decode()
    from urllib.parse import unquote

    parts = dict(part.partition("=")[::2] for part in header.removeprefix("OAuth ").split(", "))
    assert unquote(parts["oauth_signature"].strip('"')) == wanted
    assert parts["realm"] == '"123456"'
    assert parts["oauth_signature_method"] == '"HMAC-SHA256"'


def test_oauth1_sends_the_query_that_it_signed(desk: SimulatorServer, bank: Bank) -> None:
    auth = OAuth1(make_io(), consumer_key="a", consumer_secret="bbbb", token="c", token_secret="dddd")
    auth.call("GET", desk.url + "/x", params={"searchCriteria[filter]": "a b+c/ü"})
    assert auth.call("GET", desk.url + "/x", params={"q": None}).status == 401


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "HS256"])
def test_signed_jwts_verify(algorithm: str) -> None:
    from joserfc import jwt
    from joserfc.jwk import ECKey, OctKey, RSAKey

    private: Any = (
        ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip
    public = (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    if algorithm == "HS256":
        pem = public = "a-shared-secret-that-is-long-enough-for-hs256"
    made = sign_jwt(pem, {"iss": "me"}, algorithm=algorithm, now=1000, key_id="k1")
    kind: Any = {"H": OctKey, "R": RSAKey, "P": RSAKey, "E": ECKey}[algorithm[0]]
    token = jwt.decode(made, kind.import_key(public), algorithms=[algorithm])
    assert token.claims["iss"] == "me"
    assert token.claims["exp"] == 1300
    assert token.header["kid"] == "k1"
    with pytest.raises(AuthFailed):
        sign_jwt("no key at all", {}, algorithm="RS256", now=0)


@pytest.mark.parametrize("as_client", [True, False])
def test_jwt_bearer(bank: Bank, desk: SimulatorServer, as_client: bool) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    auth = JwtBearer(
        make_io(),
        token_url=desk.url + "/token",
        client_id="app",
        key=pem,
        algorithm="ES256",
        client_assertion=as_client,
    )
    assert auth.call("GET", desk.url + "/x").ok
    assertion = bank.forms[0]["client_assertion" if as_client else "assertion"]
    body = assertion.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["aud"] == desk.url + "/token"
