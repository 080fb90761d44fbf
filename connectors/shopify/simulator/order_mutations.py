"""Mutations of orders in the simulated shop: cancel, pay, change, edit, hold, move, refund."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import snake
from connectors.shopify.simulator.jobs import Jobs
from connectors.shopify.simulator.model import FulfillmentOrder, FulfillmentOrderLine, LineItem, Order
from connectors.shopify.simulator.shop import Refused, Shop

Json = dict[str, Any]


class OrderMutations:
    """Carries them out; each function has the arguments of the mutation of its name."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any], jobs: Jobs) -> None:
        self._shop = shop
        self._jobs = jobs
        self._effect = effect
        self._edits: dict[str, tuple[Order, list[tuple[Any, int]]]] = {}

    def functions(self) -> dict[str, Callable[..., Json]]:
        """All functions, by the mutation's name."""
        return {
            "orderMarkAsPaid": self.paid,
            "orderUpdate": self.update,
            "orderEditBegin": self.edit_begin,
            "orderEditSetQuantity": self.edit_quantity,
            "orderEditAddVariant": self.edit_add,
            "orderEditCommit": self.edit_commit,
            "fulfillmentOrderHold": self.hold,
            "fulfillmentOrderReleaseHold": self.release,
            "fulfillmentOrderMove": self.move,
            "fulfillmentOrderSplit": self.split,
        }

    def cancel(self, *, orderId: str, reason: str, restock: bool, **_: Any) -> Json:  # noqa: N803
        """Take the cancellation on; what was not shipped is given back when it is carried out."""
        order = self._order(orderId)
        if order.cancelled:
            raise Refused("Order has already been canceled", ["orderId"], "INVALID")
        if any(line.fulfilled for line in order.lines):
            raise Refused("Cannot cancel an order with fulfilled items", ["orderId"], "INVALID")

        def work() -> None:
            # What was possible when it was taken on may not be any more.
            if not order.cancelled and not any(line.fulfilled for line in order.lines):
                self._shop.cancel(order, reason, restock=restock)
                self._effect("order.update", order.id, {"cancelled": reason})

        return {"job": self._jobs.begin(work)}

    def paid(self, *, input: Json) -> Json:  # noqa: A002
        """Take the order for paid."""
        order = self._order(input["id"])
        if not order.can_mark_as_paid:
            raise Refused("Order cannot be marked as paid.", ["id"])
        order.financial = "PAID"
        return self._changed(order, {"paid": True})

    def update(self, *, input: Json) -> Json:  # noqa: A002
        """Change the note and other words."""
        order = self._order(input["id"])
        for name, value in input.items():
            if name != "id":
                setattr(order, snake(name), value)
        return self._changed(order, input)

    def edit_begin(self, *, id: str) -> Json:  # noqa: A002
        """Open an edit. It changes nothing until it is committed."""
        order = self._order(id)
        if order.cancelled:
            raise Refused("The order cannot be edited.", ["id"])
        session = f"gid://shopify/CalculatedOrder/{self._shop.next_id()}"
        self._edits[session] = (order, [])
        return {"calculatedOrder": {"id": session}}

    def edit_quantity(self, *, id: str, lineItemId: str, quantity: int, **_: Any) -> Json:  # noqa: A002, N803
        """Note another quantity for a line."""
        order, changes = self._edit(id)
        number = number_in(lineItemId, "CalculatedLineItem")
        line = next((found for found in order.lines if found.number == number), None)
        if line is None:
            raise Refused("Line item does not exist.", ["lineItemId"])
        if quantity < line.fulfilled:
            raise Refused("Cannot remove fulfilled items.", ["quantity"])
        changes.append((line, quantity))
        return {"calculatedOrder": {"id": id}}

    def edit_add(self, *, id: str, variantId: str, quantity: int, **_: Any) -> Json:  # noqa: A002, N803
        """Note a further line."""
        _order, changes = self._edit(id)
        variant = self._shop.variants.get(number_in(variantId, "ProductVariant"))
        if variant is None:
            raise Refused("Variant does not exist.", ["variantId"])
        changes.append((variant, quantity))
        return {"calculatedOrder": {"id": id}}

    def edit_commit(self, *, id: str, **_: Any) -> Json:  # noqa: A002
        """Make it true."""
        order, changes = self._edit(id)
        del self._edits[id]
        for what, quantity in changes:
            if isinstance(what, LineItem):
                self._shop.set_quantity(order, what, quantity)
            else:
                self._shop.add_line(order, what, quantity)
        return self._changed(order, {"edited": len(changes)})

    def hold(self, *, id: str, fulfillmentHold: Json) -> Json:  # noqa: A002, N803
        """Hold back; one handle holds one fulfilment order once."""
        asked = self._asked(id)
        if asked.status not in {"OPEN", "ON_HOLD", "SCHEDULED"}:
            raise Refused("The fulfillment order is not in a state that can be held.", ["id"])
        handle = fulfillmentHold.get("handle") or ""
        if any(found["handle"] == handle for found in asked.fulfillment_holds):
            raise Refused(
                "The handle provided for the fulfillment hold is already in use.", ["fulfillmentHold", "handle"]
            )
        if parts := fulfillmentHold.get("fulfillmentOrderLineItems"):
            if asked.status == "ON_HOLD":
                raise Refused("The fulfillment order is not able to be split.", ["fulfillmentHold"])
            asked = self._shop.split_off(asked, _chosen(asked, parts))
        made = {
            "id": f"gid://shopify/FulfillmentHold/{self._shop.next_id()}",
            "handle": handle,
            "reason": fulfillmentHold["reason"],
        }
        asked.fulfillment_holds.append(made)
        asked.status = "ON_HOLD"
        self._changed(asked.order, {"hold": made["reason"]})
        return {"fulfillmentOrder": asked}

    def release(self, *, id: str, holdIds: list[str] | None = None, **_: Any) -> Json:  # noqa: A002, N803
        """Release some holds, or all."""
        asked = self._asked(id)
        kept = [found for found in asked.fulfillment_holds if holdIds is not None and found["id"] not in holdIds]
        asked.fulfillment_holds[:] = kept
        asked.status = "ON_HOLD" if kept else "OPEN"
        self._changed(asked.order, {"hold": None})
        return {"fulfillmentOrder": asked}

    def move(
        self,
        *,
        id: str,  # noqa: A002
        newLocationId: str,  # noqa: N803
        fulfillmentOrderLineItems: list[Json] | None = None,  # noqa: N803
    ) -> Json:
        """Have another location fulfil what is left, or some of it."""
        asked = self._asked(id)
        place = self._shop.locations.get(number_in(newLocationId, "Location"))
        if place is None or not place.is_active:
            raise Refused("The new location is not valid.", ["newLocationId"])
        if asked.status in {"CLOSED", "CANCELLED"}:
            raise Refused("The fulfillment order cannot be moved in its state.", ["id"])
        if asked.status == "ON_HOLD" and fulfillmentOrderLineItems:
            raise Refused("The fulfillment order is not able to be split.", ["id"])
        moved = self._shop.move(asked, place, _chosen(asked, fulfillmentOrderLineItems))
        self._changed(asked.order, {"moved": place.name})
        return {"movedFulfillmentOrder": moved, "originalFulfillmentOrder": asked}

    def split(self, *, fulfillmentOrderSplits: list[Json]) -> Json:  # noqa: N803
        """Give some pieces a fulfilment order of their own."""
        made = []
        for given in fulfillmentOrderSplits:
            asked = self._asked(given["fulfillmentOrderId"])
            if asked.status not in {"OPEN", "IN_PROGRESS", "SCHEDULED"}:
                raise Refused("The fulfillment order is not able to be split.", ["fulfillmentOrderSplits"])
            apart = self._shop.split_off(asked, _chosen(asked, given["fulfillmentOrderLineItems"]))
            self._changed(asked.order, {"split": len(apart.lines)})
            made.append({"fulfillmentOrder": asked, "remainingFulfillmentOrder": apart})
        return {"fulfillmentOrderSplits": made}

    def refund(self, *, input: Json) -> Json:  # noqa: A002
        """Pay back."""
        order = self._order(input["orderId"])
        lines = []
        for given in input.get("refundLineItems") or []:
            line = next((found for found in order.lines if found.id == given["lineItemId"]), None)
            if line is None or given["quantity"] > line.current_quantity:
                raise Refused(
                    "Refund line items quantity cannot refund more items than were purchased", ["refundLineItems"]
                )
            lines.append((line, given["quantity"], given.get("restockType") or "NO_RESTOCK"))
        amount = sum((Decimal(given["amount"]) for given in input.get("transactions") or []), Decimal("0.00"))
        if amount > order.total - order.refunded:
            raise Refused("Refund amount is greater than the net payment received", ["transactions"])
        made = self._shop.refund(order, lines, note=input.get("note"), amount=amount)
        self._effect("refund.create", made.id, {"order": order.id, "amount": str(amount)})
        return {"refund": made, "order": order}

    def _changed(self, order: Order, data: Any) -> Json:
        self._shop.touch(order)
        self._effect("order.update", order.id, data)
        return {"order": order}

    def _order(self, gid: str) -> Order:
        order = self._shop.orders.get(number_in(gid, "Order"))
        if order is None:
            raise Refused("Order does not exist", ["id"], "NOT_FOUND")
        return order

    def _asked(self, gid: str) -> FulfillmentOrder:
        asked = self._shop.fulfillment_orders.get(number_in(gid, "FulfillmentOrder"))
        if asked is None:
            raise Refused("Fulfillment order does not exist.", ["id"])
        return asked

    def _edit(self, session: str) -> tuple[Order, list[tuple[Any, int]]]:
        if session not in self._edits:
            raise Refused("The calculated order does not exist.", ["id"])
        return self._edits[session]


def _chosen(asked: FulfillmentOrder, given: list[Json] | None) -> list[tuple[FulfillmentOrderLine, int]] | None:
    """The lines that are named, with their pieces; none where none is named."""
    if not given:
        return None
    known = {line.id: line for line in asked.lines}
    if any(one["id"] not in known for one in given):
        raise Refused("Fulfillment order line item does not exist.", ["fulfillmentOrderLineItems"])
    return [(known[one["id"]], one["quantity"]) for one in given]
