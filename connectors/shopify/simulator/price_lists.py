"""Price lists and catalogs of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.shopify.simulator.companies import Companies
from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, connection, search, text_amount
from connectors.shopify.simulator.shop import Refused, Shop, check_all

Json = dict[str, Any]


class PriceLists:
    """Price lists: prices by variant, with quantity breaks and rules, an adjustment of all others, and the catalog they belong to."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any], companies: Companies) -> None:
        self._shop = shop
        self._effect = effect
        self._companies = companies
        self.lists: dict[str, Json] = {}
        self.catalogs: dict[str, Json] = {}

    def add(self, name: str, currency: str, adjustment: Json | None = None) -> str:
        """A new price list; returns its global id."""
        gid = f"gid://shopify/PriceList/{self._shop.next_id()}"
        parent = {"adjustment": adjustment} if adjustment else None
        self.lists[gid] = {"id": gid, "name": name, "currency": currency, "prices": {}, "rules": {}, "parent": parent}
        return gid

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {
            "quantityPricingByVariantUpdate": self.update,
            "priceListCreate": self.create,
            "priceListUpdate": self.change,
            "catalogCreate": self.create_catalog,
        }

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
            "PriceList.catalog": lambda found, _: next(
                (one for one in self.catalogs.values() if one["priceListId"] == found["id"]), None
            ),
            "PriceListPrice.quantityPriceBreaks": lambda row, _, first=None, after=None: connection(
                row["breaks"], first, after
            ),
        }

    def create(self, *, input: Json) -> Json:  # noqa: A002
        """Make a list. Names are unique."""
        if any(found["name"] == input["name"] for found in self.lists.values()):
            raise Refused("Name has already been taken", ["input", "name"], "TAKEN")
        gid = self.add(input["name"], input["currency"], _checked(input["parent"]["adjustment"]))
        self._effect("price_list.create", gid, input)
        return {"priceList": self.lists[gid]}

    def change(self, *, id: str, input: Json) -> Json:  # noqa: A002
        """Change what is given."""
        found = self.lists.get(id)
        if found is None:
            raise Refused("Price list does not exist.", ["id"], "PRICE_LIST_NOT_FOUND")
        if "parent" in input:
            found["parent"] = {"adjustment": _checked(input["parent"]["adjustment"])}
        self._effect("price_list.update", id, input)
        return {"priceList": found}

    def create_catalog(self, *, input: Json) -> Json:  # noqa: A002
        """Make a catalog for locations of companies."""
        places = input["context"].get("companyLocationIds") or []
        if bool(places) == bool(input["context"].get("marketIds")):
            raise Refused(
                "Must provide exactly one context type.", ["input", "context"], "MUST_PROVIDE_EXACTLY_ONE_CONTEXT_TYPE"
            )
        if not all(self._companies.has_location(place) for place in places):
            raise Refused(
                "Company location could not be found.",
                ["input", "context", "companyLocationIds"],
                "COMPANY_LOCATION_NOT_FOUND",
            )
        if input.get("priceListId") not in {*self.lists, None}:
            raise Refused("Price list not found.", ["input", "priceListId"], "PRICE_LIST_NOT_FOUND")
        gid = f"gid://shopify/CompanyLocationCatalog/{self._shop.next_id()}"
        made = {"__typename": "CompanyLocationCatalog", "id": gid, "title": input["title"], "status": input["status"]}
        self.catalogs[gid] = {**made, "priceListId": input.get("priceListId"), "places": places}
        self._effect("catalog.create", gid, input)
        return {"catalog": self.catalogs[gid]}

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
                *(partial(self._check_rule, index, given) for index, given in enumerate(input["quantityRulesToAdd"])),
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
        for given in input["quantityRulesToAdd"]:
            rule = {"minimum": given["minimum"], "maximum": given.get("maximum"), "increment": given["increment"]}
            found["rules"][given["variantId"]] = rule
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

    def _check_rule(self, index: int, given: Json) -> None:
        path = ["input", "quantityRulesToAdd", str(index)]
        if number_in(given["variantId"], "ProductVariant") not in self._shop.variants:
            raise Refused("Variant does not exist.", [*path, "variantId"], "QUANTITY_RULE_ADD_VARIANT_NOT_FOUND")
        if given["minimum"] % given["increment"]:
            raise Refused(
                "Minimum must be a multiple of increment.",
                [*path, "minimum"],
                "QUANTITY_RULE_ADD_MINIMUM_NOT_A_MULTIPLE_OF_INCREMENT",
            )
        if given.get("maximum") is not None and given["maximum"] < given["minimum"]:
            raise Refused(
                "Minimum must be less than or equal to the maximum.",
                [*path, "minimum"],
                "QUANTITY_RULE_ADD_MINIMUM_GREATER_THAN_MAXIMUM",
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


def _checked(adjustment: Json) -> Json:
    most = 100 if adjustment["type"] == "PERCENTAGE_DECREASE" else 1000
    if not 0 <= adjustment["value"] <= most:
        raise Refused(
            "The adjustment value must be a positive value and not be greater than the most of its type.",
            ["input", "parent", "adjustment", "value"],
            "INVALID_ADJUSTMENT_VALUE",
        )
    return adjustment
