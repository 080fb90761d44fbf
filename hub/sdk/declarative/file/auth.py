"""How the hub proves to a system who it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.sdk.declarative.file.common import CallPart, Part, Path, Seconds, Text


class NoAuth(Part):
    """The system asks for no proof."""

    kind: Literal["none"]


class TokenAuth(Part):
    """A fixed token in a header."""

    kind: Literal["token"]
    token: Text = Field(description='"{config.token}"')
    header: str = Field(default="authorization", description="The header it goes into.")
    scheme: str = Field(default="Bearer", description='What stands before it; "" = nothing.')


class QueryAuth(Part):
    """A fixed token as a query parameter. A header is better where the system takes one: addresses end in logs."""

    kind: Literal["query"]
    token: Text
    query: str = Field(description="The parameter's name.")


class BasicAuth(Part):
    """HTTP Basic: a user name and a password with every request."""

    kind: Literal["basic"]
    user: Text
    password: Text


class OAuth2Auth(Part):
    """OAuth 2.0 with client credentials, or with a refresh token where one is given."""

    kind: Literal["oauth2"]
    token_url: Text
    client_id: Text
    client_secret: Text
    refresh_token: Text = ""
    scope: Text = ""
    basic: bool = Field(
        default=False, description="Send the client's id and secret as HTTP Basic instead of in the form."
    )
    extra: dict[str, Text] = Field(
        default_factory=dict, description="Further fields of the token request, such as audience."
    )
    header: str = "authorization"
    scheme: str = "Bearer"


class JwtAuth(Part):
    """OAuth 2.0 with a signed JWT as the proof (RFC 7523)."""

    kind: Literal["jwt"]
    token_url: Text
    client_id: Text
    key: Text = Field(description="A private key in PEM, or the shared secret of HS256.")
    algorithm: Literal["RS256", "PS256", "ES256", "HS256"] = "RS256"
    key_id: Text = ""
    claims: dict[str, Text] = Field(default_factory=dict)
    client_assertion: bool = Field(default=False, description="The JWT proves the client instead of being the grant.")
    scope: Text = ""
    lifetime: Annotated[int, Field(ge=10, le=3600)] = 300


class OAuth1Auth(Part):
    """OAuth 1.0a, HMAC-SHA256: every request is signed."""

    kind: Literal["oauth1"]
    consumer_key: Text
    consumer_secret: Text
    token: Text
    token_secret: Text
    realm: Text = ""


class SessionAuth(Part):
    """A login whose answer has a session cookie, or a token, that is used until it runs out."""

    kind: Literal["session"]
    login: CallPart
    token: Path | None = Field(default=None, description="Where the token is in the answer; else the cookies are used.")
    header: str = "authorization"
    scheme: str = "Bearer"
    lifetime: Seconds = Field(default=1200, description="Seconds for which a session is used.")
    ended: list[int] = Field(
        default_factory=list, description="Statuses beside 401 that say that the session has ended."
    )


Auth = Annotated[
    NoAuth | TokenAuth | QueryAuth | BasicAuth | OAuth2Auth | JwtAuth | OAuth1Auth | SessionAuth,
    Field(discriminator="kind"),
]
