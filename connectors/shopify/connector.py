"""The Shopify connector."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from connectors.shopify.api import ShopifyApi
from connectors.shopify.bulk import Bulk
from connectors.shopify.catalogue import Products, Variants
from connectors.shopify.company_reads import CompanyReads
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.customers import Customers
from connectors.shopify.finding import Finding
from connectors.shopify.inbound import messages
from connectors.shopify.levels import Levels
from connectors.shopify.new_orders import NewOrders
from connectors.shopify.order_writes import OrderWrites
from connectors.shopify.polling import Polling
from connectors.shopify.prices import Prices
from connectors.shopify.refunds import Refunds
from connectors.shopify.return_writes import ReturnWrites
from connectors.shopify.returns import Returns
from connectors.shopify.shapes import version_of
from connectors.shopify.shipments import Shipments
from connectors.shopify.stock import Stock
from connectors.shopify.streams import STREAMS
from connectors.shopify.subscriptions import Subscriptions
from hub.errors import HubError, Unauthenticated
from hub.sdk.connector import Connector, ConnectorIO, Manifest, Support
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
    Subscription,
    SubscriptionReport,
)
from hub.sdk.webhooks import read_body, verify_hmac_base64

_NEEDED = (
    "read_orders",
    "read_products",
    "read_customers",
    "read_locations",
    "write_inventory",
    "write_merchant_managed_fulfillment_orders",
)
_FURTHER = {
    "read_all_orders": "orders older than 60 days are not seen",
    "write_orders": "orders cannot be changed or refunded",
    "write_order_edits": "the lines of orders cannot be changed",
    "read_inventory": "stock levels are not seen",
    "read_returns": "returns are not seen",
    "write_returns": "returns cannot be made, decided or received",
    "write_products": "products, variants and prices cannot be written",
    "write_customers": "customers cannot be written",
}
"""What is missing without these scopes, which not every installation needs."""


class Writer(Protocol):
    """What writes one stream."""

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the write."""

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """What an earlier attempt did, if it is there as a whole."""


@runtime_checkable
class WriterOfMany(Protocol):
    """What writes many records of a stream in one call."""

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[DeliverResult | HubError]:
        """Make the writes, and tell each one's outcome in its place."""


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
        bulk = Bulk(self._api, io)
        self._polling = Polling(self._api, config, io.clock, bulk)
        self._finding = Finding(self._api, config)
        self._levels = Levels(self._api, config, io.clock, self._finding, bulk)
        self._company_reads = CompanyReads(self._api, config)
        self._subscriptions = Subscriptions(self._api)
        self._returns = Returns(self._api, config)
        self._writers: dict[str, Writer] = {
            "order": OrderWrites(self._api, self._finding.variant, NewOrders(self._api, config, io), io),
            "refund": Refunds(self._api),
            "return": ReturnWrites(self._api, config, self._returns),
            "price": Prices(self._api, config, io),
            "product": Products(self._api),
            "variant": Variants(self._api, self._finding),
            "customer": Customers(self._api),
            "inventory_level": Stock(self._api, io.installation),
            "shipment": Shipments(self._api),
        }

    def check(self) -> Health:
        """Is the token good, are its scopes enough, is the API version still served, do the clocks agree?"""
        data = self._api.query("check")
        scopes = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]}
        implied = scopes | {f"read_{scope[6:]}" for scope in scopes if scope.startswith("write_")}
        missing = [scope for scope in _NEEDED if scope not in implied]
        served = {version["handle"]: version["supported"] for version in data["publicApiVersions"]}
        details = {
            "shop": data["shop"]["name"],
            "currency": data["shop"]["currencyCode"],
            "api_version": self.config.api_version,
            "scopes": sorted(scopes),
            "without": {scope: what for scope, what in _FURTHER.items() if scope not in implied},
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
        """The next page of changed orders, variants, customers, returns, stock levels or companies."""
        self._must(stream, "poll")
        pages = {
            "order": self._polling.orders,
            "variant": self._polling.variants,
            "customer": self._polling.customers,
            "return": self._returns.page,
            "inventory_level": self._levels.page,
            "company": self._company_reads.page,
        }
        return pages[stream](cursor, limit)

    def cursor_since(self, stream: str, moment: datetime) -> Cursor:
        """The position from which everything changed since then is read."""
        self._must(stream, "poll")
        return {"since": version_of(moment.isoformat())}

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
        return list(messages(request, read_body(request), self.config.currency))

    def subscribe(self, streams: Collection[str], url: str, *, dry_run: bool = False) -> SubscriptionReport:
        """Have webhooks for these streams sent to ``url``; what Shopify has deleted is made again."""
        return self._subscriptions.ensure(streams, url, dry_run=dry_run)

    def subscriptions(self) -> Sequence[Subscription]:
        """Every subscription of the app in this shop."""
        return self._subscriptions.all()

    def unsubscribe(self, url: str) -> int:
        """Have no more webhooks sent to ``url``; returns how many subscriptions ended."""
        return self._subscriptions.end(url)

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        """One order, variant, customer, return, stock level or company as it is now."""
        self._must(stream, "fetch")
        read: dict[str, Callable[[str], RawMessage | None]] = {
            "order": self._polling.order,
            "variant": self._polling.variant,
            "customer": self._polling.customer,
            "return": self._returns.one,
            "inventory_level": self._levels.one,
            "company": self._company_reads.one,
        }
        return read[stream](external_id)

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """A variant by SKU, a customer by e-mail address, an order by number, or the location of a warehouse code."""
        self._must(stream, "find")
        find = {
            "variant": self._finding.variant,
            "customer": self._finding.customer,
            "order": self._finding.order,
            "warehouse": self._finding.location,
        }
        return find[stream](key.value)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Did an earlier attempt of this write take its effect?"""
        return self._writer(record).find_effect(record)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the write, or go on with it where an earlier attempt stopped."""
        return self._writer(record).deliver(record)

    def deliver_many(self, records: Sequence[OutboundRecord]) -> Sequence[DeliverResult | HubError]:
        """Writes of one stream in as few calls as the API allows, each with its own outcome."""
        writer = self._writer(records[0])
        if isinstance(writer, WriterOfMany):
            return writer.deliver_many(records)
        return super().deliver_many(records)

    def _writer(self, record: OutboundRecord) -> Writer:
        operation = record.operation if record.operation != "upsert" else "update" if record.external_id else "create"
        self._must(record.stream, operation)
        return self._writers[record.stream]

    def _must(self, stream: str, operation: str) -> None:
        """Refuse what the manifest does not claim."""
        known = STREAMS.get(stream)
        if known is None or getattr(known, operation).support is not Support.FULL:
            raise self._unsupported(operation, stream)
