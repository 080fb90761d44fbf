"""A simulated Shopify shop: the Admin GraphQL API, signed webhooks, a leaky bucket of query costs, and faults on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from graphql import GraphQLError, OperationDefinitionNode, execute_sync

from connectors.shopify.simulator.background import Background
from connectors.shopify.simulator.companies import Companies
from connectors.shopify.simulator.fields import number_in, tables
from connectors.shopify.simulator.graph import (
    COST_LIMIT,
    LONGEST_INPUT,
    checked,
    cost,
    longest,
    resolver,
    schema,
    type_of,
)
from connectors.shopify.simulator.jobs import Jobs
from connectors.shopify.simulator.model import Fulfillment, Order, Product
from connectors.shopify.simulator.mutations import Mutations
from connectors.shopify.simulator.new_orders import NewOrders
from connectors.shopify.simulator.price_lists import PriceLists
from connectors.shopify.simulator.rest import order_body, product_body
from connectors.shopify.simulator.returns import Returns
from connectors.shopify.simulator.seeding import SeededShop
from connectors.shopify.simulator.shop import Shop
from connectors.shopify.simulator.subscriptions import WebhookSubscriptions
from connectors.shopify.simulator.tokens import Tokens
from hub.sdk.jsonio import dump_json
from hub.sdk.records import InboundRequest
from hub.sdk.testing.sender import Sent
from hub.sdk.testing.simulator import Request, Response
from hub.sdk.webhooks import sign_hmac_base64

SHOP = "hub-simulator.myshopify.com"
VERSION = "2026-10"
SCOPES = (
    "read_all_orders", "write_orders", "write_products", "write_customers", "read_locations", "write_inventory",
    "write_merchant_managed_fulfillment_orders", "write_returns", "write_order_edits",
)  # fmt: skip


class ShopifySimulator(SeededShop):
    """One simulated shop. Its state is ``shop``; what a test or the demo does to it goes through the methods below."""

    name: ClassVar[str] = "shopify"
    auth_header: ClassVar[str] = "x-shopify-access-token"

    def __init__(
        self,
        *,
        seed: int = 1,
        clock: Any = None,
        currency: str = "USD",
        tax_rate: Decimal | str = "0.08",
        taxes_included: bool = False,
        bucket: float = 2000.0,
        restore_rate: float = 1000.0,
    ) -> None:
        super().__init__(seed=seed, clock=clock)
        self.shop = Shop(
            self.clock.now, currency=currency, tax_rate=Decimal(str(tax_rate)), taxes_included=taxes_included
        )
        self.shop.add_location("Main warehouse")
        self.token = f"shpat_{self.random.getrandbits(128):032x}"
        self.secret = f"{self.random.getrandbits(128):032x}"
        self.domain = SHOP
        self.tokens = Tokens(self.clock, self.random, self.secret)
        self.scopes: tuple[str, ...] = SCOPES
        self.bucket, self.restore_rate = bucket, restore_rate
        self._available = bucket
        self._filled_at = self.clock.monotonic()
        self._webhooks = 0
        self.background = Background(self.shop, lambda: self._resolve)
        self.companies = Companies(self.shop, self._changed)
        self.price_lists = PriceLists(self.shop, self._changed, self.companies)
        self.returns = Returns(self.shop, self._changed, self._tell)
        self.subscriptions = WebhookSubscriptions(self.shop, self._changed)
        self.webhooks.on_given_up = self._given_up
        self.new_orders = NewOrders(self.shop, self._changed, lambda order: self.announce(order, "orders/create"))
        self.jobs = Jobs(self.shop, self.clock.now)
        parts = (self.companies, self.background, self.price_lists, self.returns, self.new_orders)
        more = {name: run for part in parts for name, run in part.functions().items()}
        self._resolve = resolver(
            {
                **tables(self.shop),
                **{name: read for part in parts for name, read in part.tables().items()},
                **self.subscriptions.tables(),
                **self.jobs.tables(),
                **Mutations(self.shop, self._changed, self.subscriptions, self.jobs, more).tables(),
                "QueryRoot.shop": lambda *_: self._about(),
                "QueryRoot.currentAppInstallation": lambda *_: {
                    "id": "gid://shopify/AppInstallation/1",
                    "accessScopes": [{"handle": scope, "description": scope} for scope in self.scopes],
                },
                "QueryRoot.publicApiVersions": lambda *_: [
                    {"handle": handle, "displayName": handle, "supported": handle != "unstable"}
                    for handle in ("2026-01", "2026-04", "2026-07", VERSION, "unstable")
                ],
            }
        )

    # --- what tests and the demo do

    def add_product(self, sku: str, title: str, price: Decimal | str, *, stock: int = 0, **given: Any) -> Product:
        """A product with one variant."""
        with self.lock:
            product = self.shop.add_product(title, [{"sku": sku, "price": price, "stock": stock, **given}])
        self._tell("products/create", product_body(product))
        return product

    def place_order(
        self,
        lines: list[Any],
        customer: str | dict[str, Any] | None = "buyer@example.com",
        *,
        send_webhook: bool | str = True,
        **given: Any,
    ) -> Order:
        """A buyer orders. A line is (sku, quantity, price). ``send_webhook``: True, False (it gets lost) or "twice"."""
        with self.lock:
            order = self.shop.place_order(lines, customer, **given)
        self.announce(order, "orders/create", send_webhook=send_webhook)
        return order

    def announce(self, order: Order, topic: str, *, send_webhook: bool | str = True) -> None:
        """Send the order's webhook, or lose it, or send it twice."""
        with self.lock:
            request = self.webhook(topic, order_body(order))
        for _ in range(2 if send_webhook == "twice" else 1 if send_webhook else 0):
            self.send_webhook(request)

    def cancel_order(self, order: Order, reason: str = "CUSTOMER", *, send_webhook: bool | str = True) -> None:
        """The buyer or the merchant cancels."""
        with self.lock:
            self.shop.cancel(order, reason)
        self.announce(order, "orders/cancelled", send_webhook=send_webhook)

    def refund_order(self, order: Order, lines: list[tuple[str, int, str]], *, send_webhook: bool | str = True) -> None:
        """The merchant refunds lines: (sku, quantity, restock type)."""
        with self.lock:
            self.shop.refund(order, lines)
        self.announce(order, "orders/updated", send_webhook=send_webhook)

    @property
    def orders(self) -> list[Order]:
        """All orders, oldest first."""
        with self.lock:
            return list(self.shop.orders.values())

    def fulfillments(self, order: Order) -> list[Fulfillment]:
        """The fulfilments of an order that count."""
        with self.lock:
            return [found for found in order.fulfillments if found.status == "SUCCESS"]

    def inventory(self, sku: str, location: str | None = None) -> int | None:
        """What the shop believes may be sold of a SKU at a location; none where it is not stocked."""
        with self.lock:
            variant = self.shop.variant(sku)
            place = self.shop.location(location)
            level = variant.inventory_item.levels.get(place.number) if variant else None
            return level.available if level else None

    # --- the simulator's contract

    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this shop."""
        return {
            "shop": self.domain,
            "access_token": self.token,
            "webhook_secret": self.secret,
            "base_url": url,
            "locations": {"WH": "Main warehouse"},
            "create_orders": True,
        }

    def rotated_config(self, url: str) -> dict[str, Any]:
        """The settings after the app's client secret was changed: Shopify signs with the one before for up to an hour."""
        return {
            **self.connection_config(url),
            "webhook_secret": "the secret from now on",
            "webhook_secret_previous": self.secret,
        }

    def expiring_config(self, url: str, *, grant: str = "refresh_token") -> dict[str, Any]:
        """The settings of an app whose tokens run out, by either grant."""
        static = {
            name: value
            for name, value in self.connection_config(url).items()
            if name not in {"access_token", "webhook_secret"}
        }
        made = {**static, "client_id": self.tokens.client_id, "client_secret": self.secret}
        return made | ({"refresh_token": self.tokens.refresh_token} if grant == "refresh_token" else {})

    def expire_tokens(self) -> None:
        """All tokens run out now."""
        self.tokens.expire()

    def tokens_given(self) -> int:
        """How many tokens have been given out so far."""
        return self.tokens.given

    def send_webhook(self, request: InboundRequest) -> None:
        """Send to everybody who subscribed to the topic, by hand or by the API."""
        super().send_webhook(request)
        with self.lock:
            uris = self.subscriptions.uris(_topic_of(request.headers))
        for uri in uris:
            self.webhooks.send(uri, request.headers, request.body)

    def respond(self, request: Request) -> Response:
        """Answer one request to the Admin API."""
        if request.path == "/admin/oauth/access_token":
            return self.tokens.answer(dict(parse_qsl(request.body.decode())))
        if request.path.startswith("/bulk/"):
            return self.background.file(request)
        self.background.base = f"http://{request.headers.get('host', 'localhost')}"
        given_token = request.headers.get(self.auth_header)
        if given_token != self.token and not self.tokens.good(given_token):
            return self.expired_token()
        if not request.path.startswith("/admin/api/") or not request.path.endswith("/graphql.json"):
            return Response.json({"errors": "Not Found"}, 404)
        # GraphQL's Float is a binary float, so the body is read as the vendor reads it.
        given = json.loads(request.body)
        if not isinstance(given, dict) or not isinstance(given.get("query"), str):
            return Response.json({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        return self._execute(given["query"], given.get("variables") or {}, given.get("operationName"))

    def expired_token(self) -> Response:
        """The vendor's answer to a token that is not good."""
        return Response.json(
            {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, 401
        )

    def rate_limited(self, after: float) -> Response:
        """Throttled: HTTP 200 or 429, and only the body tells. Both occur; here they take turns."""
        requested = 100.0
        short = max(0.0, requested - after * self.restore_rate)
        body = self._throttled(requested, short)
        return Response.json(body, 429 if self.faults.hit % 2 else 200)

    def webhook(self, topic: str, data: dict[str, Any]) -> InboundRequest:
        """A webhook as the shop sends it, with all its headers."""
        self._webhooks += 1
        body = dump_json(data)
        identity = f"{self.seed:08x}-0000-4000-8000-{self._webhooks:012x}"
        headers = {
            "content-type": "application/json",
            "user-agent": "Shopify-Captain-Hook",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": sign_hmac_base64(self.secret, body),
            "x-shopify-shop-domain": self.domain,
            "x-shopify-api-version": VERSION,
            "x-shopify-webhook-id": identity,
            "x-shopify-event-id": identity.replace("-4000-", "-4001-"),
            "x-shopify-triggered-at": self.clock.now().isoformat().replace("+00:00", "Z"),
        }
        return InboundRequest("POST", "/", headers, body)

    # --- inside

    def _given_up(self, sent: Sent) -> None:
        with self.lock:
            self.subscriptions.give_up(_topic_of(sent.headers), sent.url)

    def _tell(self, topic: str, body: dict[str, Any]) -> None:
        with self.lock:
            request = self.webhook(topic, body)
        self.send_webhook(request)

    def _changed(self, kind: str, key: str, data: Any) -> None:
        self.effect(kind, key, data)
        if kind.startswith("shipment."):
            fulfillment = self.shop.fulfillments[number_in(key, "Fulfillment")]
            self.announce(fulfillment.order, "orders/updated")
        elif kind == "order.update":
            self.announce(self.shop.orders[number_in(key, "Order")], "orders/updated")

    def _about(self) -> dict[str, Any]:
        return {
            "id": "gid://shopify/Shop/1",
            "name": "Hub simulator shop",
            "myshopifyDomain": self.domain,
            "currencyCode": self.shop.currency,
            "ianaTimezone": "America/New_York",
        }

    def _execute(self, query: str, variables: dict[str, Any], operation_name: str | None) -> Response:
        try:
            document, wrong = checked(query)
        except GraphQLError as error:
            return _errors([error])
        if wrong:
            return _errors(list(wrong))
        if (size := longest(variables)) > LONGEST_INPUT:
            message = f"The input array size of {size} is greater than the maximum allowed of {LONGEST_INPUT}."
            return Response.json({"errors": [{"message": message, "extensions": {"code": "MAX_INPUT_SIZE_EXCEEDED"}}]})
        operation = next(found for found in document.definitions if isinstance(found, OperationDefinitionNode))
        requested = float(cost(document, operation, variables))
        if requested > COST_LIMIT:
            message = f"Query cost is {requested:g}, which exceeds the single query max cost limit ({COST_LIMIT})."
            return Response.json(
                {
                    "errors": [
                        {
                            "message": message,
                            "extensions": {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": COST_LIMIT},
                        }
                    ]
                }
            )
        self.jobs.carry_out()
        self._refill()
        if requested > self._available:
            return Response.json(self._throttled(requested, self._available))
        result = execute_sync(
            schema(),
            document,
            variable_values=variables,
            operation_name=operation_name,
            field_resolver=self._resolve,
            type_resolver=type_of,
        )
        actual = max(1.0, requested / 4)
        self._available -= actual
        body: dict[str, Any] = {
            "data": result.data,
            "extensions": {"cost": self._cost(requested, actual, self._available)},
        }
        if result.errors:
            body["errors"] = [error.formatted for error in result.errors]
        return Response.json(body)

    def _refill(self) -> None:
        now = self.clock.monotonic()
        self._available = min(self.bucket, self._available + (now - self._filled_at) * self.restore_rate)
        self._filled_at = now

    def _throttled(self, requested: float, available: float) -> dict[str, Any]:
        return {
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": self._cost(requested, None, available)},
        }

    def _cost(self, requested: float, actual: float | None, available: float) -> dict[str, Any]:
        status = {
            "maximumAvailable": self.bucket,
            "currentlyAvailable": int(available),
            "restoreRate": self.restore_rate,
        }
        return {
            "requestedQueryCost": int(requested),
            "actualQueryCost": None if actual is None else int(actual),
            "throttleStatus": status,
        }


def _topic_of(headers: Mapping[str, str]) -> str:
    """The topic of a webhook as subscriptions name it."""
    return headers["x-shopify-topic"].replace("/", "_").upper()


def _errors(errors: list[GraphQLError]) -> Response:
    """What the API says to a document that does not fit its schema."""
    return Response.json(
        {
            "errors": [
                error.formatted | {"extensions": {"code": "undefinedField", **(error.extensions or {})}}
                for error in errors
            ]
        }
    )
