"""Background queries and price lists of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from graphql import GraphQLError, execute_sync

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, checked, connection, schema, text_amount, type_of
from connectors.shopify.simulator.shop import Refused, Shop
from hub.sdk.jsonio import dump_json
from hub.sdk.testing.simulator import Request, Response

Json = dict[str, Any]


class Background:
    """Runs queries in the background; ``looks`` says how often one asks before a query is done."""

    def __init__(self, shop: Shop, resolve: Callable[[], Resolver]) -> None:
        self._shop = shop
        self._resolve = resolve
        self._operations: dict[str, Json] = {}
        self._files: dict[str, bytes] = {}
        self.looks = 1
        self.base = ""

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {"bulkOperationRunQuery": self.start}

    def tables(self) -> dict[str, Resolver]:
        """The fields."""
        return {"QueryRoot.bulkOperation": lambda _, __, id: self.state(id)}  # noqa: A006

    def start(self, *, query: str, groupObjects: bool = False) -> Json:  # noqa: ARG002, N803
        """Start a query."""
        try:
            _, wrong = checked(query)
        except GraphQLError as error:
            raise Refused(f"Invalid bulk query: {error.message}", ["query"], "INVALID") from None
        if wrong:
            raise Refused(f"Invalid bulk query: {wrong[0].message}", ["query"], "INVALID")
        made = {"id": f"gid://shopify/BulkOperation/{self._shop.next_id()}", "status": "CREATED", "objectCount": "0", "query": query,
                "looks": 0, "url": None, "errorCode": None, "partialDataUrl": None}  # fmt: skip
        self._operations[str(made["id"])] = made
        return {"bulkOperation": made}

    def state(self, gid: str) -> Json | None:
        """How far it is; it goes on when it is looked at."""
        found = self._operations.get(gid)
        if found is not None and found["status"] in {"CREATED", "RUNNING"}:
            found["looks"] += 1
            found["status"] = "RUNNING"
            if found["looks"] > self.looks:
                self._finish(found)
        return found

    def fail(self, gid: str) -> None:
        """End a query as failed."""
        self._operations[gid].update(status="FAILED", errorCode="INTERNAL_SERVER_ERROR")

    def file(self, request: Request) -> Response:
        """The file of a query, or a range of it."""
        body = self._files.get(request.path)
        if body is None:
            return Response(404)
        span = request.headers.get("range", "")
        if not span.startswith("bytes="):
            return Response(200, {"content-type": "application/jsonl"}, body)
        first, _, last = span[6:].partition("-")
        if int(first) >= len(body):
            return Response(416, {"content-range": f"bytes */{len(body)}"})
        return Response(206, {"content-type": "application/jsonl"}, body[int(first) : int(last) + 1])

    def _finish(self, found: Json) -> None:
        document, _ = checked(found["query"])
        result = execute_sync(
            schema(), document, context_value="bulk", field_resolver=self._resolve(), type_resolver=type_of
        )
        edges: list[Json] = next(iter((result.data or {}).values()), {"edges": []})["edges"]
        path = f"/bulk/{found['id'].rsplit('/', 1)[1]}.jsonl"
        self._files[path] = b"".join(dump_json(edge["node"]) + b"\n" for edge in edges)
        found.update(status="COMPLETED", objectCount=str(len(edges)), url=f"{self.base}{path}" if edges else None)


class PriceLists:
    """Price lists: prices by variant, with quantity breaks."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any]) -> None:
        self._shop = shop
        self._effect = effect
        self.lists: dict[str, Json] = {}

    def add(self, name: str, currency: str) -> str:
        """A new price list; returns its global id."""
        gid = f"gid://shopify/PriceList/{self._shop.next_id()}"
        self.lists[gid] = {"id": gid, "name": name, "currency": currency, "prices": {}}
        return gid

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {"quantityPricingByVariantUpdate": self.update}

    def tables(self) -> dict[str, Resolver]:
        """The fields."""

        def prices(
            found: Json, _: Any, first: int | None = None, after: str | None = None, query: str | None = None, **__: Any
        ) -> Any:
            rows = [self._price(found, variant, price) for variant, price in found["prices"].items()]
            if query:
                rows = [row for row in rows if str(row["variant"].number) == query.removeprefix("variant_id:")]
            return connection(rows, first, after)

        return {
            "QueryRoot.priceList": lambda _, __, id: self.lists.get(id),  # noqa: A006
            "QueryRoot.priceLists": lambda _, __, first=None, after=None: connection(self.lists.values(), first, after),
            "PriceList.prices": prices,
            "PriceListPrice.quantityPriceBreaks": lambda row, _, first=None, after=None: connection(
                row["breaks"], first, after
            ),
        }

    def update(self, *, priceListId: str, input: Json) -> Json:  # noqa: A002, N803
        """Deletions first, then what is to be added."""
        found = self.lists.get(priceListId)
        if found is None:
            raise Refused("Price list does not exist.", ["priceListId"], "PRICE_LIST_NOT_FOUND")
        prices = found["prices"]
        if any(
            number_in(given["variantId"], "ProductVariant") not in self._shop.variants for given in input["pricesToAdd"]
        ):
            raise Refused("Variant to add does not exist.", ["input", "pricesToAdd"], "PRICE_ADD_VARIANT_NOT_FOUND")
        for variant in input.get("quantityPriceBreaksToDeleteByVariantId") or []:
            if variant in prices:
                prices[variant]["breaks"] = {}
        for given in input["pricesToAdd"]:
            verb = "update" if given["variantId"] in prices else "create"
            price = prices.setdefault(given["variantId"], {"breaks": {}})
            price["price"] = Decimal(str(given["price"]["amount"]))
            before = given.get("compareAtPrice")
            price["compare"] = Decimal(str(before["amount"])) if before else None
            self._effect(f"price.{verb}", f"{priceListId}#{given['variantId'].rsplit('/', 1)[1]}", given)
        for given in input["quantityPriceBreaksToAdd"]:
            if given["variantId"] not in prices:
                raise Refused("A fixed price is needed before a quantity break.", ["input", "quantityPriceBreaksToAdd"])
            if not input["pricesToAdd"]:
                key = f"{priceListId}#{given['variantId'].rsplit('/', 1)[1]}@{given['minimumQuantity']}"
                self._effect("price.update", key, given)
            prices[given["variantId"]]["breaks"][given["minimumQuantity"]] = Decimal(str(given["price"]["amount"]))
        return {
            "productVariants": [
                self._shop.variants[number_in(given["variantId"], "ProductVariant")] for given in input["pricesToAdd"]
            ]
        }

    def _price(self, found: Json, variant: str, price: Json) -> Json:
        def money(amount: Decimal | None) -> Json | None:
            return None if amount is None else {"amount": text_amount(amount), "currencyCode": found["currency"]}

        return {
            "variant": self._shop.variants[number_in(variant, "ProductVariant")],
            "originType": "FIXED",
            "price": money(price["price"]),
            "compareAtPrice": money(price["compare"]),
            "breaks": [
                {"id": f"{found['id']}/{minimum}", "minimumQuantity": minimum, "price": money(amount)}
                for minimum, amount in sorted(price["breaks"].items())
            ],
        }
