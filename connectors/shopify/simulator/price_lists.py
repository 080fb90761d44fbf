"""Price lists of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, connection, search, text_amount
from connectors.shopify.simulator.shop import Refused, Shop, check_all

Json = dict[str, Any]


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
            rows = search(rows, query, {"variant_id": lambda row: row["variant"].number})
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
        """All or none: deletions first, then what is to be added."""
        found = self.lists.get(priceListId)
        if found is None:
            raise Refused("Price list does not exist.", ["priceListId"], "PRICE_LIST_NOT_FOUND")
        added = {given["variantId"] for given in input["pricesToAdd"]}
        check_all(
            [
                *(partial(self._check_price, found, index, given) for index, given in enumerate(input["pricesToAdd"])),
                *(
                    partial(self._check_break, found, added, index, given)
                    for index, given in enumerate(input["quantityPriceBreaksToAdd"])
                ),
            ]
        )
        prices = found["prices"]
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
            if given["variantId"] not in added:
                key = f"{priceListId}#{given['variantId'].rsplit('/', 1)[1]}@{given['minimumQuantity']}"
                self._effect("price.update", key, given)
            prices[given["variantId"]]["breaks"][given["minimumQuantity"]] = Decimal(str(given["price"]["amount"]))
        return {
            "productVariants": [
                self._shop.variants[number_in(given["variantId"], "ProductVariant")] for given in input["pricesToAdd"]
            ]
        }

    def _check_price(self, found: Json, index: int, given: Json) -> None:
        path = ["input", "pricesToAdd", str(index)]
        if number_in(given["variantId"], "ProductVariant") not in self._shop.variants:
            raise Refused("Variant to add does not exist.", [*path, "variantId"], "PRICE_ADD_VARIANT_NOT_FOUND")
        if given["price"]["currencyCode"] != found["currency"]:
            raise Refused("Currency must match the price list's.", [*path, "price"], "PRICE_ADD_CURRENCY_MISMATCH")

    def _check_break(self, found: Json, added: set[str], index: int, given: Json) -> None:
        path = ["input", "quantityPriceBreaksToAdd", str(index)]
        if given["variantId"] not in found["prices"] and given["variantId"] not in added:
            raise Refused(
                "A fixed price is needed before a quantity break.",
                path,
                "QUANTITY_PRICE_BREAK_ADD_PRICE_LIST_PRICE_NOT_FOUND",
            )
        if given["minimumQuantity"] < 2:
            raise Refused(
                "Minimum must be more than one.", [*path, "minimumQuantity"], "QUANTITY_PRICE_BREAK_ADD_INVALID"
            )

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
