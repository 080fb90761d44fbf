"""Every way to prove who the hub is, as a file says it, over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from hub.errors import AuthFailed
from hub.sdk.declarative import DeclarativeConnector
from hub.sdk.testing.io import MemoryTokens, make_io
from hub.sdk.testing.server import SimulatorServer
from hub.sdk.testing.simulator import Request, Response, Simulator

from .conftest import HEAD, described

SETTINGS = """\
settings:
  url: {kind: url, description: Where it is.}
  user: {description: Who., default: anna}
  secret: {kind: secret, description: The secret., default: s3cret-0f-anna}
  scope: {description: What., optional: true}
"""
BEFORE, _, AFTER = HEAD.partition("settings:")
STREAM = 'streams: {row: {entity: order, id: id, fetch: {get: "/rows/{id}"}}}\n'


class Guarded(Simulator):
    """Answers with what it was asked; gives tokens, cookies, and 401 to those it does not know."""

    name = "guarded"

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[Request] = []
        self.good: set[str] = set()

    def connection_config(self, url: str) -> dict[str, Any]:
        return {"url": url}

    def respond(self, request: Request) -> Response:
        if request.path in ("/token", "/login"):
            self.logins.append(request)
            token = f"t0ken-{len(self.logins)}"
            self.good = {token}
            cookies = {"set-cookie": f"sid={token}; Path=/; HttpOnly"}
            data = {"access_token": token, "expires_in": 3600, "refresh_token": "r2", "session": {"id": token}}
            return Response.json(data, headers=cookies)
        return Response.json({"id": "1", "headers": request.headers, "query": request.query})


@pytest.fixture
def system() -> Guarded:
    return Guarded()


@pytest.fixture
def served(system: Guarded) -> Iterator[SimulatorServer]:
    with system.running() as server:
        yield server
        assert not server.errors


def connector(server: SimulatorServer, auth: str) -> DeclarativeConnector:
    head = f'{BEFORE}{SETTINGS}url: "{{config.url}}"\nauth: {auth}\ncheck: {{get: /ping}}\n'
    cls = described(STREAM, head)
    return cls(cls.Config.model_validate({"url": server.url}), make_io(tokens=MemoryTokens()))


def seen(made: DeclarativeConnector) -> Any:
    message = made.fetch("row", "1")
    assert message is not None
    return message.payload


def test_a_fixed_token(served: SimulatorServer) -> None:
    assert (
        seen(connector(served, '{kind: token, token: "{config.secret}"}'))["headers"]["authorization"]
        == "Bearer s3cret-0f-anna"
    )
    made = connector(served, '{kind: token, token: "{config.user}:{config.secret}", header: X-Key, scheme: ""}')
    assert seen(made)["headers"]["x-key"] == "anna:s3cret-0f-anna"


def test_a_token_in_the_query_does_not_show(served: SimulatorServer) -> None:
    made = connector(served, '{kind: query, token: "{config.secret}", query: key}')
    with made.io.http.recording() as exchanges:
        assert seen(made)["query"] == {"key": "s3cret-0f-anna"}
    assert "s3cret" not in str(exchanges[0].as_dict())


def test_basic(served: SimulatorServer) -> None:
    said = seen(connector(served, '{kind: basic, user: "{config.user}", password: "{config.secret}"}'))["headers"][
        "authorization"
    ]
    assert base64.b64decode(said.removeprefix("Basic ")).decode() == "anna:s3cret-0f-anna"


def test_none(served: SimulatorServer) -> None:
    assert "authorization" not in seen(connector(served, "{kind: none}"))["headers"]


def test_oauth2(served: SimulatorServer, system: Guarded) -> None:
    auth = (
        '{kind: oauth2, token_url: "{config.url}/token", client_id: "{config.user}", client_secret: "{config.secret}",'
        ' scope: "{config.scope}", extra: {audience: "rows-{config.user}"}}'
    )
    made = connector(served, auth)
    assert seen(made)["headers"]["authorization"] == "Bearer t0ken-1"
    assert seen(made)["headers"]["authorization"] == "Bearer t0ken-1"
    form = dict(parse_qsl(system.logins[0].body.decode()))
    assert form == {
        "grant_type": "client_credentials", "client_id": "anna", "client_secret": "s3cret-0f-anna", "audience": "rows-anna",
    }  # fmt: skip


def test_a_signed_jwt(served: SimulatorServer, system: Guarded) -> None:
    auth = (
        '{kind: jwt, token_url: "{config.url}/token", client_id: "{config.user}", key: "{config.secret}", algorithm: HS256,'
        ' claims: {sub: "{config.user}@rows"}}'
    )
    assert seen(connector(served, auth))["headers"]["authorization"] == "Bearer t0ken-1"
    assertion = dict(parse_qsl(system.logins[0].body.decode()))["assertion"]
    body = assertion.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert (claims["iss"], claims["sub"]) == ("anna", "anna@rows")


def test_oauth1(served: SimulatorServer) -> None:
    auth = '{kind: oauth1, consumer_key: k, consumer_secret: "{config.secret}", token: t, token_secret: "{config.secret}", realm: R}'
    said = seen(connector(served, auth))["headers"]["authorization"]
    assert said.startswith("OAuth ")
    assert 'oauth_signature_method="HMAC-SHA256"' in said


LOGIN = 'login: {post: /login, body: {user: "{config.user}", password: "{config.secret}"}}'


def test_a_session_cookie(served: SimulatorServer, system: Guarded) -> None:
    made = connector(served, f"{{kind: session, {LOGIN}}}")
    assert seen(made)["headers"]["cookie"] == "sid=t0ken-1"
    assert system.logins[0].json() == {"user": "anna", "password": "s3cret-0f-anna"}


def test_a_session_token_in_a_header_of_its_own(served: SimulatorServer, system: Guarded) -> None:
    made = connector(
        served, f'{{kind: session, {LOGIN}, token: session.id, header: X-Session, scheme: "", ended: [440]}}'
    )
    assert seen(made)["headers"]["x-session"] == "t0ken-1"
    from hub.sdk.testing.faults import Status

    system.faults.add("GET /rows", Status(440))
    assert seen(made)["headers"]["x-session"] == "t0ken-2", "an ended session is begun again"
    with made.io.http.recording() as exchanges:
        seen(made)
    assert "t0ken-2" not in str(exchanges[0].as_dict()["request_headers"])


def test_a_login_that_fails_names_what_to_do(served: SimulatorServer, system: Guarded) -> None:
    from hub.sdk.testing.faults import Status

    system.faults.add("POST /login", Status(400), times=5)
    for auth in (f"{{kind: session, {LOGIN}}}", f"{{kind: session, {LOGIN}, token: session.id}}"):
        with pytest.raises(AuthFailed, match="the login failed"):
            seen(connector(served, auth))
    system.faults.clear()
    with pytest.raises(AuthFailed, match="gave no token"):
        seen(connector(served, f"{{kind: session, {LOGIN}, token: nothing.here}}"))
