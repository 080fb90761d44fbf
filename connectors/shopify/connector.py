"""The Shopify connector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from connectors.shopify.api import ShopifyApi
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.finding import Finding
from connectors.shopify.inbound import messages
from connectors.shopify.polling import Polling
from connectors.shopify.shipments import Shipments
from connectors.shopify.stock import Stock
from hub.errors import Unauthenticated
from hub.sdk.connector import FULL, Capability, Connector, ConnectorIO, Manifest, Stream, Support
from hub.sdk.records import (
    Cursor,
    DeliverResult,
    ExternalRef,
    Health,
    InboundRequest,
    NaturalKey,
    OutboundRecord,
    Page,
    RawMessage,
)
from hub.sdk.webhooks import read_body, verify_hmac_base64

_SCOPES = ("read_orders", "read_products", "read_customers", "read_locations", "read_inventory", "write_inventory",
           "read_merchant_managed_fulfillment_orders", "write_merchant_managed_fulfillment_orders")  # fmt: skip
_NO_DELETE = Capability(Support.UNSUPPORTED, "a level is set to zero and never deleted")

STREAMS = {
    "order": Stream(
        "order", "order", poll=FULL, webhook=FULL, fetch=FULL, find=FULL, natural_key="number", state_carrying=True
    ),
    "variant": Stream(
        "variant", "variant", poll=FULL, webhook=FULL, fetch=FULL, find=FULL, natural_key="sku", state_carrying=True
    ),
    "customer": Stream("customer", "customer", webhook=FULL, find=FULL, natural_key="email", state_carrying=True),
    "warehouse": Stream("warehouse", "warehouse", find=FULL, natural_key="code"),
    "inventory_level": Stream(
        "inventory_level", "inventory_level", create=FULL, update=FULL, delete=_NO_DELETE, state_carrying=True
    ),
    "shipment": Stream("shipment", "shipment", create=FULL, update=FULL),
}


class ShopifyConnector(Connector[ShopifyConfig]):
    """One shop: reads its orders and catalogue, tells it what was shipped and what is in stock."""

    manifest: ClassVar[Manifest] = Manifest(
        name="shopify",
        vendor="Shopify",
        title="Shopify Admin GraphQL API",
        sdk=">=1,<2",
        api_version="2026-10",
        docs="docs/connectors/shopify.md",
        streams=STREAMS,
    )
    Config = ShopifyConfig

    def __init__(self, config: ShopifyConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._api = ShopifyApi(config, io)
        self._polling = Polling(self._api, config, io.clock)
        self._finding = Finding(self._api, config)
        self._shipments = Shipments(self._api)
        self._stock = Stock(self._api, io.installation)

    def check(self) -> Health:
        """Is the token good, are its scopes enough, is the API version still served, do the clocks agree?"""
        data = self._api.query("check")
        scopes = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]}
        implied = scopes | {f"read_{scope[6:]}" for scope in scopes if scope.startswith("write_")}
        missing = [scope for scope in _SCOPES if scope not in implied]
        served = {version["handle"]: version["supported"] for version in data["publicApiVersions"]}
        details = {
            "shop": data["shop"]["name"],
            "currency": data["shop"]["currencyCode"],
            "api_version": self.config.api_version,
            "scopes": sorted(scopes),
        }
        if missing:
            return Health(
                False, f"the token lacks {', '.join(missing)}", details, "Grant them to the app, and install it again."
            )
        if not served.get(self.config.api_version, False):
            newest = max((handle for handle, good in served.items() if good and handle != "unstable"), default="")
            return Health(
                False,
                f"the shop does not serve API {self.config.api_version}",
                details,
                f"Set api_version to {newest}.",
            )
        return Health(True, f"{data['shop']['name']} answers, with every scope that is needed", details)

    def poll(self, stream: str, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed orders or variants."""
        if stream == "order":
            return self._polling.orders(cursor, limit)
        if stream == "variant":
            return self._polling.variants(cursor, limit)
        raise self._unsupported("poll", stream)

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        """The messages of one webhook, after its signature over the raw body was verified."""
        signature = request.headers.get("x-shopify-hmac-sha256", "")
        if not self.config.webhook_secrets:
            raise Unauthenticated(
                "this connection has no webhook secret", fix="Set webhook_secret to the app's client secret."
            )
        verify_hmac_base64(self.config.webhook_secrets, request.body, signature)
        shop = request.headers.get("x-shopify-shop-domain", self.config.shop).strip().lower()
        if shop != self.config.shop:
            raise Unauthenticated("this webhook is of another shop", fix="Give each shop its own webhook address.")
        return list(messages(request, read_body(request), ""))

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        """One order or variant as it is now."""
        if stream == "order":
            return self._polling.order(external_id)
        if stream == "variant":
            return self._polling.variant(external_id)
        raise self._unsupported("fetch", stream)

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """A variant by SKU, a customer by e-mail address, an order by number, or the location of a warehouse code."""
        if stream == "variant":
            return self._finding.variant(key.value)
        if stream == "customer":
            return self._finding.customer(key.value)
        if stream == "order":
            return self._finding.order(key.value)
        if stream == "warehouse":
            return self._finding.location(key.value)
        raise self._unsupported("find", stream)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Did an earlier attempt of this shipment or level take its effect?"""
        if record.stream == "shipment":
            return self._shipments.find_effect(record)
        if record.stream == "inventory_level":
            return self._stock.find_effect(record)
        raise self._unsupported("find_effect", record.stream)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Fulfil a shipment, or set a stock level."""
        if record.stream == "shipment" and record.operation != "delete":
            return self._shipments.deliver(record)
        if record.stream == "inventory_level" and record.operation != "delete":
            return self._stock.deliver(record)
        raise self._unsupported(f"{record.operation}", record.stream)
