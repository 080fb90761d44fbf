"""How the hub proves to the shop who it is: a fixed token, or tokens that run out and are renewed."""

from __future__ import annotations

from connectors.shopify.config import ShopifyConfig
from hub.sdk.auth import OAuth2, StaticToken
from hub.sdk.connector import ConnectorIO

HEADER = "x-shopify-access-token"


def login(config: ShopifyConfig, io: ConnectorIO) -> StaticToken | OAuth2:
    """The way that the settings ask for.

    A custom app has a token that stays. An app of one's own organisation gets one for a day by its client id and secret. Any other app
    has tokens for an hour and a refresh token that changes with each use; the token store keeps the newest.
    """
    if config.access_token is not None:
        return StaticToken(io, config.access_token.get_secret_value(), header=HEADER, scheme="")
    assert config.client_secret is not None
    return OAuth2(
        io,
        token_url=f"{config.base}/admin/oauth/access_token",
        client_id=config.client_id,
        client_secret=config.client_secret.get_secret_value(),
        refresh_token=config.refresh_token.get_secret_value() if config.refresh_token else "",
        header=HEADER,
        scheme="",
        name="shopify",
    )
