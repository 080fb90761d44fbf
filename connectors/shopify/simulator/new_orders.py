"""Orders made through the API of the simulated shop, and the custom ids that it keeps unique."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, snake
from connectors.shopify.simulator.model import Address, Order, ShippingLine, Tax
from connectors.shopify.simulator.shop import Refused, Shop

Json = dict[str, Any]
APP = "app--1"
"""The app's own namespace, which is meant where none is named."""


class NewOrders:
    """Makes orders from the fields of ``orderCreate``. ``tell`` sends the webhook of a new order."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any], tell: Callable[[Order], None]) -> None:
        self._shop = shop
        self._effect = effect
        self._tell = tell
        self.definitions: dict[tuple[str, str], Json] = {}
        self.marks: dict[tuple[str, str, str], Order] = {}

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {"metafieldDefinitionCreate": self.define, "orderCreate": self.create}

    def tables(self) -> dict[str, Resolver]:
        """The fields."""

        def definition(_: Any, __: Any, identifier: Json | None = None) -> Json | None:
            given = identifier or {}
            return self.definitions.get((given.get("namespace") or APP, given.get("key") or ""))

        return {"QueryRoot.metafieldDefinition": definition, "QueryRoot.orderByIdentifier": self._by_identifier}

    def define(self, *, definition: Json) -> Json:
        """Make a definition, once."""
        place = (definition.get("namespace") or APP, definition["key"])
        if place in self.definitions:
            raise Refused("Key is in use for Order metafields.", ["definition", "key"], "TAKEN")
        unique = ((definition.get("capabilities") or {}).get("uniqueValues") or {}).get("enabled")
        if definition["type"] == "id" and not unique:
            raise Refused("Type id needs unique values.", ["definition", "capabilities"], "INVALID")
        made = {
            "__typename": "MetafieldDefinition", "id": f"gid://shopify/MetafieldDefinition/{self._shop.next_id()}",
            "key": definition["key"], "type": {"name": definition["type"]},
        }  # fmt: skip
        self.definitions[place] = made
        self._effect("definition.create", made["id"], definition)
        return {"createdDefinition": made}

    def create(self, *, order: Json, options: Json | None = None) -> Json:
        """Make an order."""
        marks = [self._mark(place, given) for place, given in enumerate(order.get("metafields") or [])]
        if not order.get("lineItems"):
            raise Refused("Line items can't be blank", ["order", "lineItems"], "INVALID")
        for place, line in enumerate(order["lineItems"]):
            if line["quantity"] < 1:
                raise Refused(
                    "Quantity must be greater than 0", ["order", "lineItems", str(place), "quantity"], "INVALID"
                )
        made = self._place(order)
        if ((options or {}).get("inventoryBehaviour") or "BYPASS") == "BYPASS":
            self._leave_stock_alone(made)
        self.marks.update(dict.fromkeys(marks, made))
        self._effect("order.create", made.id, order)
        self._tell(made)
        return {"order": made}

    def _place(self, given: Json) -> Order:
        lines = []
        for line in given["lineItems"]:
            variant = (
                self._shop.variants.get(number_in(line["variantId"], "ProductVariant"))
                if line.get("variantId")
                else None
            )
            lines.append({
                "sku": line.get("sku") or (variant.sku if variant else None), "quantity": line["quantity"],
                "price": _amount(line.get("priceSet")), "title": line.get("title"),
                "requires_shipping": line.get("requiresShipping", False), "taxable": line.get("taxable", True),
                "properties": [(one["name"], one["value"]) for one in line.get("properties") or []],
            })  # fmt: skip
        fixed = ((given.get("discountCode") or {}).get("itemFixedDiscountCode")) or {}
        names = {
            "note",
            "poNumber",
            "sourceName",
            "sourceIdentifier",
            "email",
            "phone",
            "tags",
            "taxesIncluded",
            "currency",
        }
        told = {snake(name): given[name] for name in names if given.get(name) is not None}
        made = self._shop.place_order(
            lines, self._buyer(given), discount=_amount(fixed.get("amountSet")) if fixed else None, discount_code=fixed.get("code"),
            financial=given.get("financialStatus") or "PENDING", given_name=given.get("name") or "", **told,
        )  # fmt: skip
        made.attributes = [(one["key"], one["value"]) for one in given.get("customAttributes") or []]
        for name in ("billingAddress", "shippingAddress"):
            if given.get(name):
                setattr(made, snake(name), Address(**{snake(key): value for key, value in given[name].items()}))
        for line, said in zip(made.lines, given["lineItems"], strict=True):
            line.given_taxes = _taxes(said)
        for said in given.get("shippingLines") or []:
            shipping = ShippingLine(
                self._shop.next_id(), made, said["title"], _amount(said["priceSet"]), said.get("code")
            )
            shipping.given_taxes = _taxes(said)
            made.shipping_lines.append(shipping)
        if given.get("processedAt"):
            made.created = min(made.created, datetime.fromisoformat(given["processedAt"]).astimezone(UTC))
        made.gateways = [one.get("gateway") or "manual" for one in given.get("transactions") or []] or ["manual"]
        return made

    def _buyer(self, given: Json) -> Json | None:
        said = (given.get("customer") or {}).get("toUpsert") or {}
        return {snake(name): value for name, value in said.items()} or None

    def _leave_stock_alone(self, made: Order) -> None:
        for asked in made.fulfillment_orders:
            for part in asked.lines:
                if part.line.variant is not None:
                    level = self._shop.level(part.line.variant.inventory_item, asked.location)
                    level.available += part.total_quantity

    def _mark(self, place: int, given: Json) -> tuple[str, str, str]:
        path = ["order", "metafields", str(place)]
        namespace = given.get("namespace") or APP
        if (namespace, given["key"]) not in self.definitions:
            raise Refused("A definition is required for metafields of type id.", [*path, "type"], "INVALID")
        mark = (namespace, given["key"], given["value"])
        if mark in self.marks:
            raise Refused("Value must be unique.", [*path, "value"], "INVALID")
        return mark

    def _by_identifier(self, _: Any, __: Any, identifier: Json) -> Order | None:
        if "id" in identifier:
            return self._shop.orders.get(number_in(identifier["id"], "Order"))
        given = identifier["customId"]
        namespace = given.get("namespace") or APP
        if (namespace, given["key"]) not in self.definitions:
            raise GraphQLError(
                "Metafield definition of type 'id' is required when using custom ids.", extensions={"code": "NOT_FOUND"}
            )
        return self.marks.get((namespace, given["key"], given["value"]))


def _amount(bag: Json | None) -> Decimal:
    return Decimal(str(bag["shopMoney"]["amount"])) if bag else Decimal("0.00")


def _taxes(given: Json) -> list[Tax]:
    return [
        Tax(one["title"], Decimal(str(one["rate"])), _amount(one.get("priceSet")))
        for one in given.get("taxLines") or []
    ]
