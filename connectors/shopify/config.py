"""The settings of a Shopify connection."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, SecretStr, StringConstraints, model_validator

from hub.sdk.connector import ConnectorConfig


class ShopifyConfig(ConnectorConfig):
    """What the hub must know to work with one shop."""

    shop: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")] = Field(
        description="The shop's permanent domain, such as acme.myshopify.com."
    )
    access_token: SecretStr | None = Field(
        default=None,
        description="The Admin API access token of a custom app. Other apps have client_id and client_secret instead.",
    )
    client_id: str = Field(default="", description="The app's client id, where its tokens run out.")
    client_secret: SecretStr | None = Field(
        default=None, description="The app's client secret. Shopify also signs webhooks with it."
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        description="The first refresh token, from the app's installation; later ones are kept in the hub's database.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="What Shopify signs webhooks with, if not client_secret."
    )
    webhook_secret_previous: SecretStr | None = Field(
        default=None, description="The secret before the last rotation: Shopify may still sign with it for an hour."
    )
    api_version: Annotated[str, StringConstraints(pattern=r"^20\d\d-(01|04|07|10)$|^unstable$")] = Field(
        default="2026-10", description="The version of the Admin API, pinned."
    )
    base_url: str = Field(default="", description="Where the API is, if not at https://<shop>: a simulator, a proxy.")
    locations: dict[str, str] = Field(
        default_factory=dict,
        description="Warehouse code to the shop's location, by name or gid. Codes that are not here are taken as location names.",
    )
    price_lists: dict[str, str] = Field(
        default_factory=dict,
        description="Price list code to the shop's price list, by name or gid. Codes that are not here are taken as names.",
    )
    catalogs: dict[str, list[str]] = Field(
        default_factory=dict,
        description=(
            "Price list code to the companies it is for, by account number or company location gid: such a list and its catalog are made "
            "where the shop has none."
        ),
    )
    orders_since: AwareDatetime | None = Field(
        default=None,
        description="The first poll reads orders that changed since then; none = all that the app may see.",
    )
    currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")] = Field(
        default="",
        description="The shop's currency, which webhooks of products do not say. Without it they give no price.",
    )
    create_orders: bool = Field(
        default=False,
        description="Make orders in the shop that were placed elsewhere and that a flow takes there; else they stop at the desk.",
    )
    order_inventory: Literal["bypass", "decrement_ignoring_policy", "decrement_obeying_policy"] = Field(
        default="bypass",
        description="Whether such an order takes its pieces off the shop's stock: bypass = the system that owns stock does it.",
    )
    refund_returns: bool = Field(
        default=False,
        description="Pay back what a return is worth, as the shop reckons it, when its goods have been received.",
    )
    poll_overlap: float = Field(
        default=120.0,
        ge=0,
        le=86_400,
        description="Seconds that a poll reads again, since the shop's search index lags behind.",
    )
    bulk_import: bool = Field(
        default=False,
        description="Read variants and stock levels for the first time by a background query: for shops of more than 25,000 of them.",
    )
    page_size: int = Field(
        default=10, ge=1, le=250, description="Orders in one page at the most; made smaller when a page costs too much."
    )
    line_page: int = Field(default=20, ge=1, le=250, description="Order lines in one page.")

    @model_validator(mode="after")
    def _has_a_way_in(self) -> Self:
        if self.access_token is None and not (self.client_id and self.client_secret):
            raise ValueError("give access_token, or client_id and client_secret")
        return self

    @property
    def base(self) -> str:
        """The address that every path is relative to, without a slash at its end."""
        return (self.base_url or f"https://{self.shop}").rstrip("/")

    @property
    def graphql_url(self) -> str:
        """The address of the GraphQL endpoint."""
        return f"{self.base}/admin/api/{self.api_version}/graphql.json"

    @property
    def webhook_secrets(self) -> list[str]:
        """The secrets that a webhook may be signed with, the present one first."""
        given = (self.webhook_secret or self.client_secret, self.webhook_secret_previous)
        return [secret.get_secret_value() for secret in given if secret]
