"""The file's ``auth`` as one of the SDK's ways to prove who the hub is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from hub.errors import AuthFailed, OutcomeUnknown, Rejected
from hub.sdk import auth as ways
from hub.sdk.connector import ConnectorIO
from hub.sdk.declarative.calls import Call
from hub.sdk.declarative.file import auth as file
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.paths import getter
from hub.sdk.http import HttpResponse


class Caller(Protocol):
    """Sends a request with the proof attached."""

    def call(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> HttpResponse:
        """One request."""


Make = Callable[[ConnectorIO], Caller]

AT = ("auth",)


class Plain:
    """No proof, or one that goes into the query."""

    def __init__(self, io: ConnectorIO, params: Mapping[str, str]) -> None:
        self._io = io
        self._params = dict(params)
        for secret in params.values():
            io.http.hide(secret)

    def call(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, **options: Any
    ) -> HttpResponse:
        """Send a request."""
        return self._io.http.request(method, url, headers=headers, params={**(params or {}), **self._params}, **options)


class SessionToken(ways.CookieSession):
    """A login that answers with a token, used in a header until it runs out."""

    def __init__(self, io: ConnectorIO, login: Callable[[], HttpResponse], spec: file.SessionAuth) -> None:
        super().__init__(io, login, lifetime=timedelta(seconds=spec.lifetime), refused=lambda a: a.status in spec.ended)
        assert spec.token is not None
        self._token_of = getter(spec.token)
        self._header, self._scheme = spec.header.lower(), spec.scheme

    def _renew(self, current: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002
        try:
            token = self._token_of(self._login().raise_for().json())
        except (Rejected, OutcomeUnknown) as e:
            raise AuthFailed(f"the login failed: {e.message}") from None
        if not isinstance(token, str) or not token:
            raise AuthFailed("the login gave no token", fix="Check the user name and the password.")
        return self._made({"token": token}, self._lifetime.total_seconds())

    def _attach(self, held: Mapping[str, Any]) -> dict[str, str]:
        return {self._header: f"{self._scheme} {held['token']}".strip()}

    def _hide(self, held: Mapping[str, Any]) -> None:
        self._io.http.hide(str(held["token"]))


def maker_of(spec: Any, maker: Maker, login: Call | None) -> Make:
    """A function that makes the proof for one connection's world."""

    def said(name: str) -> str:
        return maker.constant(getattr(spec, name), (*AT, name))

    match spec:
        case file.TokenAuth():
            token = said("token")
            return lambda io: ways.StaticToken(io, token, header=spec.header, scheme=spec.scheme)
        case file.QueryAuth():
            params = {spec.query: said("token")}
            return lambda io: Plain(io, params)
        case file.BasicAuth():
            user, password = said("user"), said("password")
            return lambda io: ways.BasicLogin(io, user, password)
        case file.OAuth2Auth():
            given = {name: said(name) for name in ("token_url", "client_id", "client_secret", "refresh_token", "scope")}
            extra = {name: maker.constant(text, (*AT, "extra", name)) for name, text in spec.extra.items()}
            return lambda io: ways.OAuth2(
                io, **given, basic=spec.basic, extra=extra, header=spec.header, scheme=spec.scheme
            )
        case file.JwtAuth():
            given = {name: said(name) for name in ("token_url", "client_id", "key", "key_id", "scope")}
            claims = {name: maker.constant(text, (*AT, "claims", name)) for name, text in spec.claims.items()}
            return lambda io: ways.JwtBearer(
                io, **given, algorithm=spec.algorithm, claims=claims, client_assertion=spec.client_assertion,
                lifetime=spec.lifetime,
            )  # fmt: skip
        case file.OAuth1Auth():
            names = ("consumer_key", "consumer_secret", "token", "token_secret", "realm")
            given = {name: said(name) for name in names}
            return lambda io: ways.OAuth1(io, **given)
        case file.SessionAuth():
            assert login is not None
            return lambda io: _session(io, spec, login)
    return lambda io: Plain(io, {})


def _session(io: ConnectorIO, spec: file.SessionAuth, login: Call) -> Caller:
    def log_in() -> HttpResponse:
        request = login.request({})
        return io.http.request(login.method, request.pop("url"), **request)

    if spec.token is not None:
        return SessionToken(io, log_in, spec)
    lifetime = timedelta(seconds=spec.lifetime)
    return ways.CookieSession(io, log_in, lifetime=lifetime, refused=lambda answer: answer.status in spec.ended)
