"""The mutations of the simulated API: what they check, what they change, and how they repeat themselves under one idempotency key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, get_directive_values

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, schema, snake
from connectors.shopify.simulator.jobs import Jobs
from connectors.shopify.simulator.model import Address
from connectors.shopify.simulator.order_mutations import OrderMutations
from connectors.shopify.simulator.product_mutations import ProductMutations
from connectors.shopify.simulator.shop import AllRefused, Refused, Shop, check_all
from connectors.shopify.simulator.subscriptions import WebhookSubscriptions

Effect = Callable[[str, str, Any], Any]

_REASONS = frozenset(
    {
        "correction",
        "cycle_count_available",
        "damaged",
        "movement_created",
        "other",
        "received",
        "restock",
        "safety_stock",
    }
)
_MOST = 1_000_000_000
_URI = re.compile(r"^[a-z][a-z0-9+.-]*://.+", re.IGNORECASE)


class Mutations:
    """Carries out mutations on the shop. ``effect`` notes what each changed."""

    def __init__(
        self,
        shop: Shop,
        effect: Effect,
        subscriptions: WebhookSubscriptions,
        jobs: Jobs,
        more: dict[str, Callable[..., dict[str, Any]]] | None = None,
    ) -> None:
        self._more = more or {}
        self._jobs = jobs
        self._subscriptions = subscriptions
        self._shop = shop
        self._effect = effect
        self._answers: dict[str, tuple[str, Any]] = {}

    def tables(self) -> dict[str, Resolver]:
        """All functions, by "Mutation.field"."""
        orders, products = (
            OrderMutations(self._shop, self._effect, self._jobs),
            ProductMutations(self._shop, self._effect),
        )
        plain: dict[str, Callable[..., dict[str, Any]]] = {
            **orders.functions(),
            **self._subscriptions.functions(),
            "tagsRemove": self.tags_remove,
            "productUpdate": products.product_update,
        }
        coded = {**products.functions(), **self._more}
        return {
            **{f"Mutation.{name}": self._guarded(run, codes=True) for name, run in coded.items()},
            **{f"Mutation.{name}": self._guarded(run) for name, run in plain.items()},
            "Mutation.orderCancel": self._guarded(orders.cancel, codes=True, under="orderCancelUserErrors"),
            "Mutation.refundCreate": self._idempotent(self._guarded(orders.refund)),
            "Mutation.fulfillmentCreate": self._guarded(self.fulfillment_create),
            "Mutation.fulfillmentCancel": self._guarded(self.fulfillment_cancel),
            "Mutation.fulfillmentTrackingInfoUpdate": self._guarded(self.tracking_update),
            "Mutation.customerSet": self._guarded(self.customer_set, codes=True),
            "Mutation.tagsAdd": self._guarded(self.tags_add),
            "Mutation.inventorySetQuantities": self._idempotent(self._guarded(self.set_quantities, codes=True)),
            "Mutation.inventoryActivate": self._idempotent(self._guarded(self.activate)),
        }

    def fulfillment_create(self, *, fulfillment: dict[str, Any], message: str | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Ship lines; leaving the lines of a fulfilment order out ships all that is left of it."""
        parts = []
        for given in fulfillment["lineItemsByFulfillmentOrder"]:
            asked = self._shop.fulfillment_orders.get(number_in(given["fulfillmentOrderId"], "FulfillmentOrder"))
            if asked is None:
                raise Refused("Fulfillment order does not exist.", ["fulfillment"])
            known = {line.id: line for line in asked.lines}
            lines = given.get("fulfillmentOrderLineItems")
            if lines is None:
                chosen = [(line, line.remaining_quantity) for line in asked.lines if line.remaining_quantity]
            elif any(line["id"] not in known for line in lines):
                raise Refused("Fulfillment order line item does not exist.", ["fulfillment"])
            else:
                chosen = [(known[line["id"]], line["quantity"]) for line in lines]
            parts.append((asked, chosen))
        made = self._shop.fulfill(
            parts, fulfillment.get("trackingInfo") or {}, notify=bool(fulfillment.get("notifyCustomer"))
        )
        self._effect("shipment.create", made.id, {"order": made.order.id, "tracking": made.numbers})
        return {"fulfillment": made}

    def tracking_update(self, **given: Any) -> dict[str, Any]:
        """Give a fulfilment other tracking."""
        found = self._shop.fulfillments.get(number_in(given["fulfillmentId"], "Fulfillment"))
        if found is None:
            raise Refused("Fulfillment does not exist.", ["fulfillmentId"])
        self._shop.track(found, given["trackingInfoInput"], notify=bool(given.get("notifyCustomer")))
        self._effect("shipment.update", found.id, {"tracking": found.numbers})
        return {"fulfillment": found}

    def fulfillment_cancel(self, *, id: str) -> dict[str, Any]:  # noqa: A002
        """Take a fulfilment back."""
        found = self._shop.fulfillments.get(number_in(id, "Fulfillment"))
        if found is None:
            raise Refused("Fulfillment does not exist.", ["id"])
        if found.status == "CANCELLED":
            raise Refused("Fulfillment is already cancelled.", ["id"])
        self._shop.cancel_fulfillment(found)
        self._effect("shipment.update", found.id, {"cancelled": True})
        return {"fulfillment": found}

    def customer_set(self, *, input: dict[str, Any], identifier: dict[str, str] | None = None) -> dict[str, Any]:  # noqa: A002
        """Make or change a customer. Lists that are given replace those that are there."""
        by = identifier or {}
        if "id" in by:
            found = self._shop.customers.get(number_in(by["id"], "Customer"))
            if found is None:
                raise Refused("Customer does not exist.", ["identifier", "id"], "NOT_FOUND")
        else:
            name, value = next(iter(by.items()), ("email", input.get("email") or ""))
            if input.get(name) != value:
                raise Refused(f"The {name} of the input must be the identifier's.", ["input", name], "INVALID")
            found = self._shop.customer_by(name, value)
        for name in ("email", "phone"):
            other = self._shop.customer_by(name, input[name]) if input.get(name) else None
            if other is not None and other is not found:
                raise Refused(f"{name.title()} has already been taken", ["input", name], "TAKEN")
        verb = "create" if found is None else "update"
        made = found or self._shop.new_customer()
        for name, value in input.items():
            if name == "addresses":
                made.default_address = (
                    Address(**{snake(key): part for key, part in value[0].items()}) if value else None
                )
            else:
                setattr(made, snake(name), value)
        made.updated = self._shop.now()
        self._effect(f"customer.{verb}", made.id, input)
        return {"customer": made}

    def tags_add(self, *, id: str, tags: list[str]) -> dict[str, Any]:  # noqa: A002
        """Add tags to a customer, an order or a product."""
        found = self._tagged(id)
        found.tags = sorted({*found.tags, *tags})
        found.updated = self._shop.now()
        self._effect(f"{id.split('/')[3].lower()}.update", id, {"tags": tags})
        return {"node": found}

    def tags_remove(self, *, id: str, tags: list[str]) -> dict[str, Any]:  # noqa: A002
        """Take tags away."""
        found = self._tagged(id)
        found.tags = [tag for tag in found.tags if tag not in tags]
        found.updated = self._shop.now()
        self._effect(f"{id.split('/')[3].lower()}.update", id, {"tags_removed": tags})
        return {"node": found}

    def _tagged(self, gid: str) -> Any:
        kind = gid.split("/")[3]
        tables: dict[str, Any] = {
            "Customer": self._shop.customers,
            "Order": self._shop.orders,
            "Product": self._shop.products,
        }
        found = tables.get(kind, {}).get(number_in(gid, kind))
        if found is None:
            raise Refused(f"{kind} does not exist", ["id"])
        return found

    def activate(self, **given: Any) -> dict[str, Any]:
        """Stock an item at a location."""
        item = self._shop.items.get(number_in(given["inventoryItemId"], "InventoryItem"))
        place = self._shop.locations.get(number_in(given["locationId"], "Location"))
        if item is None:
            raise Refused("The product couldn't be stocked because it wasn't found.", ["inventoryItemId"])
        if place is None or not place.is_active:
            raise Refused("The product couldn't be stocked because the location wasn't found.", ["locationId"])
        level = self._shop.level(item, place)
        if given.get("available") is not None:
            level.available = given["available"]
        level.is_active = True
        self._effect("inventory_level.activate", level.id, None)
        return {"inventoryLevel": level}

    def set_quantities(self, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
        """Set quantities, all or none, each only from what the caller believes it is."""
        if input["name"] not in {"available", "on_hand"}:
            raise Refused(
                "The quantity name must be either 'available' or 'on_hand'.", ["input", "name"], "INVALID_NAME"
            )
        if input["reason"] not in _REASONS:
            raise Refused("The specified reason is invalid.", ["input", "reason"], "INVALID_REASON")
        if input.get("referenceDocumentUri") and not _URI.match(input["referenceDocumentUri"]):
            raise Refused(
                "The specified reference document is invalid.",
                ["input", "referenceDocumentUri"],
                "INVALID_REFERENCE_DOCUMENT",
            )
        pairs = [(given["inventoryItemId"], given["locationId"]) for given in input["quantities"]]
        if len(set(pairs)) < len(pairs):
            raise Refused(
                "The combination of inventoryItemId and locationId must be unique.",
                ["input", "quantities"],
                "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
            )
        changes = check_all(
            partial(self._change, index, input["name"], given) for index, given in enumerate(input["quantities"])
        )
        for level, quantity in changes:
            level.available = quantity - level.committed if input["name"] == "on_hand" else quantity
            self._effect("inventory_level.update", level.id, quantity)
        group = f"gid://shopify/InventoryAdjustmentGroup/{self._shop.next_id()}"
        return {
            "inventoryAdjustmentGroup": {
                "id": group,
                **{name: input.get(name) for name in ("reason", "referenceDocumentUri")},
            }
        }

    def _change(self, index: int, name: str, given: dict[str, Any]) -> Any:
        def refuse(message: str, part: str, code: str) -> Refused:
            return Refused(message, ["input", "quantities", str(index), part], code)

        item = self._shop.items.get(number_in(given["inventoryItemId"], "InventoryItem"))
        if item is None:
            raise refuse(
                "The specified inventory item could not be found.", "inventoryItemId", "INVALID_INVENTORY_ITEM"
            )
        number = number_in(given["locationId"], "Location")
        if number not in self._shop.locations:
            raise refuse("The specified location could not be found.", "locationId", "INVALID_LOCATION")
        level = item.levels.get(number)
        if level is None or not level.is_active:
            raise refuse(
                "The specified inventory item is not stocked at the location.", "locationId", "INVALID_LOCATION"
            )
        if abs(given["quantity"]) > _MOST:
            raise refuse("The quantity can't be higher than 1,000,000,000.", "quantity", "INVALID_QUANTITY_TOO_HIGH")
        if "changeFromQuantity" not in given:
            # Left out is not null: the field must be there since 2026-04.
            raise refuse("changeFromQuantity must be given.", "changeFromQuantity", "CHANGE_FROM_QUANTITY_STALE")
        present = level.on_hand if name == "on_hand" else level.available
        if given["changeFromQuantity"] is not None and given["changeFromQuantity"] != present:
            raise refuse(
                "The changeFromQuantity argument no longer matches the persisted quantity.",
                "changeFromQuantity",
                "CHANGE_FROM_QUANTITY_STALE",
            )
        return level, given["quantity"]

    def _guarded(
        self, run: Callable[..., dict[str, Any]], *, codes: bool = False, under: str = "userErrors"
    ) -> Resolver:
        """Turn what the shop refuses into userErrors."""

        def resolve(_: Any, __: GraphQLResolveInfo[Any], **arguments: Any) -> dict[str, Any]:
            try:
                return {**run(**arguments), under: []}
            except (Refused, AllRefused) as no:
                said = no.parts if isinstance(no, AllRefused) else [no]
                return {under: [_said(one, codes=codes) for one in said]}

        return resolve

    def _idempotent(self, resolve: Resolver) -> Resolver:
        """Demand the @idempotent directive, and answer a key that is known as it was answered before."""

        def once(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> dict[str, Any]:
            directive = schema().get_directive("idempotent")
            assert directive is not None
            given = get_directive_values(directive, info.field_nodes[0], info.variable_values)
            if not given or not str(given["key"]).strip():
                raise GraphQLError(
                    "The @idempotent directive is required for this mutation", extensions={"code": "BAD_REQUEST"}
                )
            parameters = json.dumps([info.field_name, arguments], sort_keys=True, default=str)
            if given["key"] in self._answers:
                before, answer = self._answers[given["key"]]
                if before != parameters:
                    return {
                        "userErrors": [
                            {
                                "code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
                                "field": None,
                                "message": "The same idempotency key cannot be used with different operation parameters.",
                            }
                        ]
                    }
                return dict(answer)
            made: dict[str, Any] = resolve(source, info, **arguments)
            self._answers[given["key"]] = (parameters, made)
            return made

        return once


def _said(no: Refused, *, codes: bool) -> dict[str, Any]:
    """A userError."""
    return {"field": no.field, "message": no.message} | ({"code": no.code} if codes else {})
