"""Ways to prove who the hub is: fixed tokens, OAuth 2, OAuth 1.0a, signed JWTs and session cookies.

Every way offers `call`: it sends a request with the proof attached. Where a proof can run out, a 401 is answered by getting a
new one, once, and by sending the request again: a system that refuses the proof has not carried out the request.
"""

# ruff: noqa: ARG002 - a renewal may need the present token, and most do not.

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from hub.errors import AuthFailed, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.connector import ConnectorIO
from hub.sdk.http import HttpResponse

EARLY = 60.0
"""Seconds before its end from which a token is not used any more: a request may be under way for so long."""


class StaticToken:
    """One header with a fixed secret: ``X-Api-Key: ...`` or ``Authorization: Bearer ...``."""

    def __init__(self, io: ConnectorIO, token: str, *, header: str = "authorization", scheme: str = "Bearer") -> None:
        self._io = io
        self._headers = {header.lower(): f"{scheme} {token}" if scheme else token}
        io.http.hide(token)

    def call(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> HttpResponse:
        """Send a request with the token."""
        return self._io.http.request(method, url, headers={**(headers or {}), **self._headers}, **options)


class BasicLogin(StaticToken):
    """HTTP Basic: a user name and a password or key with every request."""

    def __init__(self, io: ConnectorIO, user: str, password: str) -> None:
        io.http.hide(password)
        super().__init__(io, base64.b64encode(f"{user}:{password}".encode()).decode(), scheme="Basic")


class _Renewed(ABC):
    """A proof that runs out. It is kept in the token store, so that all workers share it and one of them renews it."""

    name: ClassVar[str] = "token"

    def __init__(self, io: ConnectorIO, name: str = "") -> None:
        self._io = io
        self._name = name or self.name
        self._held: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def call(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> HttpResponse:
        """Send a request with a valid proof; after a 401, once more with a new one."""
        held = self.held()
        answer = self._io.http.request(method, url, headers={**(headers or {}), **self._attach(held)}, **options)
        if not self._refused(answer):
            return answer
        held = self.held(instead_of=held)
        return self._io.http.request(method, url, headers={**(headers or {}), **self._attach(held)}, **options)

    def held(self, instead_of: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The proof to use now. ``instead_of`` is one that the system refused, whatever its time says."""
        held = self._held or self._io.tokens.load(self._name)
        if held is None or not self._good(held, instead_of):
            # One thread renews for all threads, and through the store's lease one worker for all workers.
            with self._lock:
                held = self._io.tokens.refresh(self._name, lambda current: self._renewed(current, instead_of))
        self._hide(held)
        self._held = held
        return held

    def _renewed(self, current: dict[str, Any] | None, instead_of: Mapping[str, Any] | None) -> dict[str, Any]:
        if current is not None and self._good(current, instead_of):
            return current  # Another worker was faster; renewing again could end what it has just got.
        return self._renew(current)

    def _good(self, held: Mapping[str, Any], instead_of: Mapping[str, Any] | None) -> bool:
        if instead_of is not None and held.get("serial") == instead_of.get("serial"):
            return False
        expires_at = held.get("expires_at")
        return expires_at is None or float(expires_at) - EARLY > self._io.clock.now().timestamp()

    def _made(self, data: dict[str, Any], lifetime: float | None) -> dict[str, Any]:
        expires_at = None if lifetime is None else self._io.clock.now().timestamp() + lifetime
        return {**data, "expires_at": expires_at, "serial": secrets.token_hex(8)}

    def _refused(self, answer: HttpResponse) -> bool:
        return answer.status == 401

    @abstractmethod
    def _renew(self, current: dict[str, Any] | None) -> dict[str, Any]: ...

    @abstractmethod
    def _attach(self, held: Mapping[str, Any]) -> dict[str, str]: ...

    @abstractmethod
    def _hide(self, held: Mapping[str, Any]) -> None: ...


class OAuth2(_Renewed):
    """OAuth 2.0 with the client-credentials or the refresh-token grant.

    With a ``refresh_token`` that grant is used. Where the system gives a new refresh token with every answer (rotation), the new
    one is stored before it is used, and the first one from the settings only counts while the store has none.
    """

    name = "oauth2"

    def __init__(
        self,
        io: ConnectorIO,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        refresh_token: str = "",
        scope: str = "",
        basic: bool = False,
        extra: Mapping[str, str] | None = None,
        header: str = "authorization",
        scheme: str = "Bearer",
        name: str = "",
    ) -> None:
        super().__init__(io, name)
        self._token_url = token_url
        self._client = (client_id, client_secret)
        self._refresh_token = refresh_token
        self._form = {**({"scope": scope} if scope else {}), **(extra or {})}
        self._basic = basic
        self._header, self._scheme = header.lower(), scheme
        for secret in (client_secret, refresh_token):
            io.http.hide(secret)

    def _renew(self, current: dict[str, Any] | None) -> dict[str, Any]:
        refresh_token = (current or {}).get("refresh_token") or self._refresh_token
        form = {"grant_type": "refresh_token" if refresh_token else "client_credentials", **self._form}
        if refresh_token:
            form["refresh_token"] = refresh_token
        said = self._ask({**form, **self._grant()})
        return self._made(
            {"access_token": said["access_token"], "refresh_token": said.get("refresh_token") or refresh_token or None},
            _seconds(said.get("expires_in")),
        )

    def _grant(self) -> dict[str, str]:
        return {} if self._basic else {"client_id": self._client[0], "client_secret": self._client[1]}

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        headers = {}
        if self._basic:
            headers["authorization"] = "Basic " + base64.b64encode(":".join(self._client).encode()).decode()
        answer = self._io.http.request("POST", self._token_url, data=form, headers=headers)
        if answer.status in (400, 401, 403):
            raise AuthFailed(
                f"the token service refused to give a token ({answer.status}{_oauth_error(answer)})",
                fix="Renew the client secret or authorise the connection again.",
            )
        said = answer.raise_for().json()
        if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
            raise RetryLater("the token service answered without an access token", code="CON-AUTH")
        return said

    def _attach(self, held: Mapping[str, Any]) -> dict[str, str]:
        token = str(held["access_token"])
        return {self._header: f"{self._scheme} {token}" if self._scheme else token}

    def _hide(self, held: Mapping[str, Any]) -> None:
        for part in ("access_token", "refresh_token"):
            self._io.http.hide(str(held.get(part) or ""))


class JwtBearer(OAuth2):
    """OAuth 2.0 with a signed JWT as the proof (RFC 7523): the assertion grant, or the client's own authentication.

    ``key`` is a private key in PEM (RS256, PS256, ES256) or a shared secret (HS256).
    """

    name = "jwt"

    def __init__(
        self, io: ConnectorIO, *, token_url: str, client_id: str, key: str, algorithm: str = "RS256", key_id: str = "",
        claims: Mapping[str, Any] | None = None, client_assertion: bool = False, scope: str = "", lifetime: int = 300,
    ) -> None:  # fmt: skip
        super().__init__(io, token_url=token_url, client_id=client_id, client_secret="", scope=scope)
        self._signed: Callable[[], str] = lambda: sign_jwt(
            key, {"iss": client_id, "sub": client_id, "aud": token_url, **(claims or {})}, algorithm=algorithm, key_id=key_id,
            now=io.clock.now().timestamp(), lifetime=lifetime,
        )  # fmt: skip
        self._as_client = client_assertion
        io.http.hide(key)

    def _renew(self, current: dict[str, Any] | None) -> dict[str, Any]:
        if self._as_client:
            grant = {
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self._signed(),
            }
        else:
            grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._signed()}
        said = self._ask({**grant, **self._form})
        return self._made({"access_token": said["access_token"]}, _seconds(said.get("expires_in")))


class OAuth1:
    """OAuth 1.0a with HMAC-SHA256 (Magento, NetSuite): every request carries a signature over its method, URL and form."""

    def __init__(
        self,
        io: ConnectorIO,
        *,
        consumer_key: str,
        consumer_secret: str,
        token: str,
        token_secret: str,
        realm: str = "",
    ) -> None:
        self._io = io
        self._keys = (consumer_key, consumer_secret, token, token_secret)
        self._realm = realm
        for secret in (consumer_secret, token_secret):
            io.http.hide(secret)

    def call(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, **options: Any
    ) -> HttpResponse:
        """Send a signed request."""
        from urllib.parse import quote, urlencode

        if params:
            # The signature covers the query exactly as it is sent.
            pairs = params.items() if isinstance(params, Mapping) else params
            query = urlencode([(name, value) for name, value in pairs if value is not None], quote_via=quote, safe="")
            url += ("&" if "?" in url else "?") + query
        signed = {**(headers or {}), "authorization": self.header(method, url)}
        return self._io.http.request(method, url, headers=signed, **options)

    def header(self, method: str, url: str) -> str:
        """The ``Authorization`` header for one request."""
        from authlib.oauth1.rfc5849.client_auth import ClientAuth

        ClientAuth.register_signature_method("HMAC-SHA256", _hmac_sha256)
        key, secret, token, token_secret = self._keys
        client = ClientAuth(
            key, secret, token, token_secret, signature_method="HMAC-SHA256", realm=self._realm or None,
        )  # fmt: skip
        _, headers, _ = client.sign(method.upper(), url, {}, b"")
        return str(headers["Authorization"])


class CookieSession(_Renewed):
    """A login that answers with a session cookie, used until it runs out. ``login`` sends the login request.

    ``refused`` recognises a session that has ended where the system says so in another way than 401.
    """

    name = "session"

    def __init__(
        self,
        io: ConnectorIO,
        login: Callable[[], HttpResponse],
        *,
        lifetime: timedelta = timedelta(minutes=20),
        refused: Callable[[HttpResponse], bool] | None = None,
        name: str = "",
    ) -> None:
        super().__init__(io, name)
        self._login = login
        self._lifetime = lifetime
        self._ended = refused

    def _renew(self, current: dict[str, Any] | None) -> dict[str, Any]:
        try:
            answer = self._login().raise_for()
        except (Rejected, OutcomeUnknown) as e:
            raise AuthFailed(f"the login failed: {e.message}") from None
        # Several cookies come one a line: their dates hold commas.
        lines = answer.headers.get("set-cookie", "").splitlines()
        cookies = "; ".join(line.partition(";")[0].strip() for line in lines)
        if not cookies:
            raise AuthFailed("the login gave no session cookie", fix="Check the user name and the password.")
        return self._made({"cookie": cookies}, self._lifetime.total_seconds())

    def _attach(self, held: Mapping[str, Any]) -> dict[str, str]:
        return {"cookie": str(held["cookie"])}

    def _hide(self, held: Mapping[str, Any]) -> None:
        for cookie in str(held["cookie"]).split("; "):
            self._io.http.hide(cookie.partition("=")[2])

    def _refused(self, answer: HttpResponse) -> bool:
        return super()._refused(answer) or (self._ended is not None and self._ended(answer))


def sign_jwt(
    key: str, claims: Mapping[str, Any], *, algorithm: str, now: float, lifetime: int = 300, key_id: str = ""
) -> str:
    """A signed JSON Web Token with these claims, valid from ``now`` for ``lifetime`` seconds."""
    from joserfc import jwt
    from joserfc.jwk import ECKey, OctKey, RSAKey

    kinds: dict[str, Any] = {"H": OctKey, "R": RSAKey, "P": RSAKey, "E": ECKey}
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    body = {"iat": int(now), "exp": int(now) + lifetime, "jti": secrets.token_hex(16), **claims}
    try:
        return jwt.encode(header, body, kinds[algorithm[0]].import_key(key), algorithms=[algorithm])
    except (ValueError, KeyError):
        raise AuthFailed(
            f"the key cannot sign with {algorithm}", fix="Check the private key in the settings."
        ) from None


def _hmac_sha256(client: Any, request: Any) -> str:
    from authlib.common.urls import quote
    from authlib.oauth1.rfc5849.signature import generate_signature_base_string

    key = f"{quote(client.client_secret or '', safe=b'~')}&{quote(client.token_secret or '', safe=b'~')}"
    digest = hmac.new(key.encode(), generate_signature_base_string(request).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _seconds(given: Any) -> float | None:
    try:
        return max(0.0, float(given)) if given is not None else None
    except (TypeError, ValueError):
        return None


def _oauth_error(answer: HttpResponse) -> str:
    """The standard error code of a token service, which never holds a secret; its free text might."""
    try:
        said = answer.json()
    except RetryLater:
        return ""
    code = said.get("error") if isinstance(said, dict) else None
    return (
        f", {code}"
        if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() and len(code) < 60
        else ""
    )
