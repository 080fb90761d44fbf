"""Returns of the simulated shop: requested, approved, declined, received piece by piece, closed.

The rules are those of the published descriptions: only what was shipped and is not on its way back can be returned; a request has no
reverse fulfilment order before it is approved; nothing is processed twice; restocking needs a location.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import Resolver, bag, connection
from connectors.shopify.simulator.model import ZERO, Fulfillment, FulfillmentLine, Location, Order, Record
from connectors.shopify.simulator.shop import Refused, Shop

Json = dict[str, Any]
REASONS = ("unwanted", "defective", "wrong-item", "size-too-small", "size-too-large", "color", "other", "unknown")
_GONE = frozenset({"CANCELED", "DECLINED"})
_LONGEST = {"returnReasonNote": 255, "customerNote": 300}


@dataclass(eq=False)
class Disposition(Record):
    """What became of some pieces that came back."""

    type: str
    quantity: int
    location: Location | None
    created_at: datetime
    kind = "ReverseFulfillmentOrderDisposition"


@dataclass(eq=False)
class ReverseLine(Record):
    """Pieces that a location awaits."""

    fulfillment_line_item: FulfillmentLine
    total_quantity: int
    dispositions: list[Disposition] = field(default_factory=list)
    kind = "ReverseFulfillmentOrderLineItem"

    @property
    def left(self) -> int:
        """The pieces of which nothing is said yet."""
        return self.total_quantity - sum(found.quantity for found in self.dispositions)


@dataclass(eq=False)
class ReverseDelivery(Record):
    """A parcel on its way back."""

    order: ReverseOrder
    tracking: Json
    kind = "ReverseDelivery"


@dataclass(eq=False)
class ReverseOrder(Record):
    """What one location awaits of a return."""

    parent: Return
    lines: list[ReverseLine]
    status: str = "OPEN"
    deliveries: list[ReverseDelivery] = field(default_factory=list)
    kind = "ReverseFulfillmentOrder"


@dataclass(eq=False)
class ReturnLine(Record):
    """Pieces that come back."""

    fulfillment_line_item: FulfillmentLine
    quantity: int
    reason: Json | None
    return_reason_note: str = ""
    customer_note: str | None = None
    processed_quantity: int = 0
    refunded_quantity: int = 0
    kind = "ReturnLineItem"
    typename = "ReturnLineItem"

    @property
    def unprocessed_quantity(self) -> int:
        """What has not come back yet."""
        return self.quantity - self.processed_quantity


@dataclass(eq=False)
class Return(Record):
    """One return of one order."""

    order: Order
    name: str
    created_at: datetime
    lines: list[ReturnLine]
    status: str = "OPEN"
    closed_at: datetime | None = None
    request_approved_at: datetime | None = None
    decline: Json | None = None
    reverse: list[ReverseOrder] = field(default_factory=list)
    kind = "Return"

    @property
    def total_quantity(self) -> int:
        """All pieces."""
        return sum(line.quantity for line in self.lines)


class Returns:
    """The returns of a shop. ``tell`` sends a webhook: topic and body."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any], tell: Callable[[str, Json], None]) -> None:
        self._shop = shop
        self._effect = effect
        self._tell = tell
        self.all: dict[int, Return] = {}
        self.reasons = [
            {"__typename": "ReturnReasonDefinition", "id": f"gid://shopify/ReturnReasonDefinition/{number}", "handle": handle,
             "name": handle.replace("-", " ").capitalize(), "deleted": False}
            for number, handle in enumerate(REASONS, start=1)
        ]  # fmt: skip

    # --- what people in the shop and its buyers do

    def request(
        self, order: Order, lines: list[tuple[str, int]], *, reason: str = "unwanted", note: str = ""
    ) -> Return:
        """A buyer asks to send lines back: (SKU, quantity)."""
        made = self._make(order, self._given(order, lines, reason, note), requested=True)
        self._said(made, "returns/request")
        return made

    def open(self, order: Order, lines: list[tuple[str, int]], *, reason: str = "unwanted", note: str = "") -> Return:
        """The merchant makes a return of lines: (SKU, quantity)."""
        made = self._make(order, self._given(order, lines, reason, note), requested=False)
        self._said(made, "returns/approve")
        return made

    def _given(self, order: Order, lines: list[tuple[str, int]], reason: str, note: str) -> list[Json]:
        made = []
        for sku, quantity in lines:
            part = next(found for found in _shipped(order) if found.line_item.sku == sku)
            made.append({
                "fulfillmentLineItemId": part.id, "quantity": quantity, "customerNote": note or None,
                "returnReasonDefinitionId": next(one["id"] for one in self.reasons if one["handle"] == reason),
            })  # fmt: skip
        return made

    # --- mutations

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {
            "returnCreate": self.create,
            "returnRequest": self.ask,
            "returnApproveRequest": self.approve,
            "returnDeclineRequest": self.refuse,
            "returnCancel": self.cancel,
            "returnClose": self.close,
            "returnProcess": self.process,
            "reverseDeliveryCreateWithShipping": self.attach,
        }

    def create(self, *, returnInput: Json) -> Json:  # noqa: N803
        """Make a return that needs no approval."""
        made = self._make(self._order(returnInput["orderId"]), returnInput["returnLineItems"], requested=False)
        self._effect("return.create", made.id, returnInput)
        self._said(made, "returns/approve")
        return {"return": made}

    def ask(self, *, input: Json) -> Json:  # noqa: A002
        """Make a request that waits for approval."""
        made = self._make(self._order(input["orderId"]), input["returnLineItems"], requested=True)
        self._effect("return.create", made.id, input)
        self._said(made, "returns/request")
        return {"return": made}

    def approve(self, *, input: Json) -> Json:  # noqa: A002
        """Approve a request."""
        found = self._found(input["id"], "REQUESTED", "Return is not approvable.")
        found.status, found.request_approved_at = "OPEN", self._shop.now()
        self._await(found)
        return self._changed(found, "returns/approve", input)

    def refuse(self, *, input: Json) -> Json:  # noqa: A002
        """Decline a request."""
        found = self._found(input["id"], "REQUESTED", "Return is not declinable.")
        found.status = "DECLINED"
        found.decline = {"reason": input["declineReason"], "note": input.get("declineNote")}
        return self._changed(found, "returns/decline", input)

    def cancel(self, *, id: str) -> Json:  # noqa: A002
        """Cancel a return of which nothing came back."""
        found = self._any(id)
        if found.status not in {"OPEN", "REQUESTED"} or any(line.processed_quantity for line in found.lines):
            raise Refused("Return is not cancelable.", ["id"], "INVALID_STATE")
        found.status = "CANCELED"
        for order in found.reverse:
            order.status = "CANCELED"
        return self._changed(found, "returns/cancel", None)

    def close(self, *, id: str) -> Json:  # noqa: A002
        """Close a return."""
        found = self._found(id, "OPEN", "Return is not closable.")
        found.status, found.closed_at = "CLOSED", self._shop.now()
        return self._changed(found, "returns/close", None)

    def process(self, *, input: Json) -> Json:  # noqa: A002
        """Take pieces back, say what becomes of them, and pay for them where that is asked."""
        found = self._found(input["returnId"], "OPEN", "Return is not processable.")
        lines = {line.id: line for line in found.lines}
        steps = [
            (self._processable(lines, place, given), given)
            for place, given in enumerate(input["returnLineItems"] or [])
        ]
        disposals = [
            self._disposal(found, place, given)
            for _, one in steps
            for place, given in enumerate(one.get("dispositions") or [])
        ]
        transfer = ((input.get("financialTransfer") or {}).get("issueRefund") or {}).get("orderTransactions") or []
        paid = sum((Decimal(str(one["transactionAmount"]["amount"])) for one in transfer), ZERO)
        if paid > found.order.total - found.order.refunded:
            raise Refused("Refund amount exceeds the amount paid.", ["input", "financialTransfer"], "INVALID")
        refunded = []
        for line, given in steps:
            line.processed_quantity += given["quantity"]
            line.fulfillment_line_item.line_item.removed += given["quantity"]
            refunded.append((line.fulfillment_line_item.line_item, given["quantity"], "RETURN"))
            line.refunded_quantity += given["quantity"] if transfer else 0
        for reverse, kind, quantity, place in disposals:
            self._dispose(reverse, kind, quantity, place)
        if transfer:
            for item, quantity, _ in refunded:
                item.removed -= quantity  # the refund takes them off itself
            made = self._shop.refund(found.order, refunded, note=input.get("note"), amount=paid)
            self._effect("refund.create", made.id, {"order": found.order.id, "amount": str(paid)})
        return self._changed(found, "returns/process", input)

    def attach(
        self, *, reverseFulfillmentOrderId: str, reverseDeliveryLineItems: list[Json], trackingInput: Json | None = None, **_: Any  # noqa: N803, ARG002
    ) -> Json:  # fmt: skip
        """Say how pieces come back."""
        order = next((one for one in self._reverse_orders() if one.id == reverseFulfillmentOrderId), None)
        if order is None:
            raise Refused("Reverse fulfillment order does not exist.", ["reverseFulfillmentOrderId"], "NOT_FOUND")
        if order.status != "OPEN":
            raise Refused("Reverse fulfillment order is not open.", ["reverseFulfillmentOrderId"], "INVALID_STATE")
        made = ReverseDelivery(self._shop.next_id(), order, dict(trackingInput or {}))
        order.deliveries.append(made)
        self._effect("return.update", order.parent.id, trackingInput)
        self._shop.touch(order.parent.order)
        body = {
            "id": made.number,
            "admin_graphql_api_id": made.id,
            "shipping_deliverable": {"tracking_number": made.tracking.get("number")},
        }
        self._tell("reverse_deliveries/attach_deliverable", body)
        return {"reverseDelivery": made}

    # --- fields

    def tables(self) -> dict[str, Resolver]:
        """The fields."""

        def rows(read: Callable[[Any], Any]) -> Resolver:
            return lambda source, _, first=None, after=None: connection(read(source), first, after)

        def reasons(_: Any, __: Any, first: int | None = None, after: str | None = None, handles: Any = None) -> Any:
            return connection(
                [one for one in self.reasons if handles is None or one["handle"] in handles], first, after
            )

        return {
            "QueryRoot.return": lambda _, __, id: self.all.get(number_in(id, "Return")),  # noqa: A006
            "QueryRoot.returnReasonDefinitions": reasons,
            "QueryRoot.returnableFulfillments": self._returnable_fulfillments,
            "QueryRoot.reverseFulfillmentOrder": lambda _, __, id: next(  # noqa: A006
                (one for one in self._reverse_orders() if one.id == id), None
            ),
            "QueryRoot.reverseDelivery": lambda _, __, id: next(  # noqa: A006
                (one for order in self._reverse_orders() for one in order.deliveries if one.id == id), None
            ),
            "Order.returns": rows(self.of),
            "Return.returnLineItems": rows(lambda found: found.lines),
            "Return.reverseFulfillmentOrders": rows(lambda found: found.reverse),
            "Return.suggestedFinancialOutcome": self._worth,
            "ReturnLineItem.returnReasonDefinition": lambda line, _: line.reason,
            "ReturnLineItem.processableQuantity": lambda line, _: line.unprocessed_quantity,
            "ReturnableFulfillment.returnableFulfillmentLineItems": rows(lambda found: found["lines"]),
            "ReverseFulfillmentOrder.lineItems": rows(lambda order: order.lines),
            "ReverseFulfillmentOrder.order": lambda order, _: order.parent.order,
            "ReverseFulfillmentOrder.reverseDeliveries": rows(lambda order: order.deliveries),
            "ReverseDelivery.reverseFulfillmentOrder": lambda delivery, _: delivery.order,
            "ReverseDelivery.deliverable": lambda delivery, _: {
                "__typename": "ReverseDeliveryShippingDeliverable", "tracking": {"carrierName": None, **delivery.tracking}
            },
        }  # fmt: skip

    def of(self, order: Order) -> list[Return]:
        """The returns of an order, oldest first."""
        return [found for found in self.all.values() if found.order is order]

    def _worth(self, found: Return, _: Any, **given: Any) -> Json:
        lines = {line.id: line for line in found.lines}
        tax = amount = ZERO
        for one in given["returnLineItems"]:
            subtotal, its_tax = self._shop.worth(lines[one["id"]].fulfillment_line_item.line_item, one["quantity"])
            tax += its_tax
            amount += subtotal + (ZERO if found.order.taxes_included else its_tax)
        amount = min(amount, found.order.total - found.order.refunded)
        parent = {"id": f"gid://shopify/OrderTransaction/{found.order.number + 1}"}
        payment = {"gateway": found.order.gateways[0], "kind": "SUGGESTED_REFUND", "amountSet": bag(amount, self._shop.currency),
                   "parentTransaction": parent}  # fmt: skip
        return {
            "totalTax": bag(tax, self._shop.currency),
            "financialTransfer": {
                "__typename": "RefundReturnOutcome",
                "amount": bag(amount, self._shop.currency),
                "suggestedTransactions": [payment] if amount else [],
            },
        }

    def _returnable_fulfillments(self, _: Any, __: Any, **given: Any) -> Any:
        order = self._shop.orders.get(number_in(given["orderId"], "Order"))
        rows = []
        for found in order.fulfillments if order else []:
            left = [(line, self._left(line)) for line in found.lines]
            kept = [{"fulfillmentLineItem": line, "quantity": quantity} for line, quantity in left if quantity]
            if found.status == "SUCCESS" and kept:
                rows.append(
                    {
                        "__typename": "ReturnableFulfillment",
                        "id": _returnable_id(found),
                        "fulfillment": found,
                        "lines": kept,
                    }
                )
        return connection(rows, given.get("first"), given.get("after"))

    # --- inside

    def _left(self, part: FulfillmentLine) -> int:
        """How many of these pieces can still be returned: what is on its way back counts, what was refunded too."""
        coming = sum(
            line.quantity
            for found in self.of(part.line_item.order)
            if found.status not in _GONE
            for line in found.lines
            if line.fulfillment_line_item is part
        )
        removed_otherwise = sum(
            line.quantity
            for refund in part.line_item.order.refunds
            for line in refund.lines
            if line.line is part.line_item
        )
        back = sum(
            line.refunded_quantity for found in self.of(part.line_item.order) for line in found.lines
            if line.fulfillment_line_item.line_item is part.line_item
        )  # fmt: skip
        return max(0, part.quantity - coming - max(0, removed_otherwise - back))

    def _make(self, order: Order, given: list[Json], *, requested: bool) -> Return:
        where = "input" if requested else "returnInput"
        known = {part.id: part for part in _shipped(order)}
        wanted: dict[str, int] = {}
        lines = []
        for place, one in enumerate(given):
            path = [where, "returnLineItems", str(place)]
            part = known.get(one["fulfillmentLineItemId"])
            if part is None:
                raise Refused("Fulfillment line item was not found.", [*path, "fulfillmentLineItemId"], "NOT_FOUND")
            wanted[part.id] = wanted.get(part.id, 0) + one["quantity"]
            if one["quantity"] < 1 or wanted[part.id] > self._left(part):
                raise Refused("Return line item has an invalid quantity.", [*path, "quantity"], "INVALID")
            for name, longest in _LONGEST.items():
                if len(one.get(name) or "") > longest:
                    raise Refused(f"{name} is too long (maximum is {longest} characters)", [*path, name], "TOO_LONG")
            reason = next((found for found in self.reasons if found["id"] == one.get("returnReasonDefinitionId")), None)
            if one.get("returnReasonDefinitionId") and reason is None:
                raise Refused("Return reason definition not found.", [*path, "returnReasonDefinitionId"], "NOT_FOUND")
            lines.append(
                ReturnLine(
                    self._shop.next_id(),
                    part,
                    one["quantity"],
                    reason,
                    one.get("returnReasonNote") or "",
                    one.get("customerNote"),
                )
            )
        if not lines:
            raise Refused("Return must have at least one line item.", [where, "returnLineItems"], "INVALID")
        name = f"{order.name}-R{len(self.of(order)) + 1}"
        made = Return(self._shop.next_id(), order, name, self._shop.now(), lines, "REQUESTED" if requested else "OPEN")
        self.all[made.number] = made
        if not requested:
            self._await(made)
        self._shop.touch(order)
        return made

    def _await(self, found: Return) -> None:
        """Have the place where the pieces came from await them."""
        lines = [ReverseLine(self._shop.next_id(), line.fulfillment_line_item, line.quantity) for line in found.lines]
        found.reverse.append(ReverseOrder(self._shop.next_id(), found, lines))

    def _processable(self, lines: dict[str, ReturnLine], place: int, given: Json) -> ReturnLine:
        path = ["input", "returnLineItems", str(place)]
        line = lines.get(given["id"])
        if line is None:
            raise Refused("Return line item was not found.", [*path, "id"], "NOT_FOUND")
        if given["quantity"] < 1 or given["quantity"] > line.unprocessed_quantity:
            raise Refused("Quantity is greater than the processable quantity.", [*path, "quantity"], "INVALID")
        if sum(one["quantity"] for one in given.get("dispositions") or []) > given["quantity"]:
            raise Refused("Dispositions exceed the quantity.", [*path, "dispositions"], "INVALID")
        return line

    def _disposal(self, found: Return, place: int, given: Json) -> tuple[ReverseLine, str, int, Location | None]:
        path = ["input", "returnLineItems", "dispositions", str(place)]
        lines = {line.id: line for order in found.reverse for line in order.lines}
        line = lines.get(given["reverseFulfillmentOrderLineItemId"])
        if line is None or given["quantity"] > line.left:
            raise Refused("Disposition has an invalid quantity.", [*path, "quantity"], "INVALID")
        where = (
            self._shop.locations.get(number_in(given["locationId"], "Location")) if given.get("locationId") else None
        )
        if given["dispositionType"] == "RESTOCKED" and where is None:
            raise Refused("Location is required for a restocked disposition.", [*path, "locationId"], "INVALID")
        return line, given["dispositionType"], given["quantity"], where

    def _dispose(self, line: ReverseLine, kind: str, quantity: int, place: Location | None) -> None:
        line.dispositions.append(Disposition(self._shop.next_id(), kind, quantity, place, self._shop.now()))
        variant = line.fulfillment_line_item.line_item.variant
        if kind == "RESTOCKED" and variant is not None and place is not None:
            self._shop.level(variant.inventory_item, place).available += quantity

    def _changed(self, found: Return, topic: str, data: Any) -> Json:
        for order in found.reverse:
            if order.status == "OPEN" and not any(line.left for line in order.lines):
                order.status = "CLOSED"
        self._shop.touch(found.order)
        self._effect("return.update", found.id, data)
        self._said(found, topic)
        return {"return": found}

    def _said(self, found: Return, topic: str) -> None:
        self._tell(topic, body_of(found, topic))

    def _reverse_orders(self) -> Iterator[ReverseOrder]:
        for found in self.all.values():
            yield from found.reverse

    def _found(self, gid: str, status: str, otherwise: str) -> Return:
        found = self._any(gid)
        if found.status != status:
            raise Refused(otherwise, ["id"], "INVALID_STATE")
        return found

    def _any(self, gid: str) -> Return:
        found = self.all.get(number_in(gid, "Return"))
        if found is None:
            raise Refused("Return does not exist.", ["id"], "NOT_FOUND")
        return found

    def _order(self, gid: str) -> Order:
        order = self._shop.orders.get(number_in(gid, "Order"))
        if order is None:
            raise Refused("Order does not exist.", ["orderId"], "NOT_FOUND")
        return order


def body_of(found: Return, topic: str = "returns/update") -> Json:
    """The body of a return's webhook. It has neither SKUs nor times, and for some topics nothing but the status."""
    said: Json = {"id": found.number, "admin_graphql_api_id": found.id, "status": found.status.lower()}
    if topic in {"returns/cancel", "returns/close", "returns/reopen"}:
        return said | {"order_id": found.order.number}
    said["order"] = {"id": found.order.number, "admin_graphql_api_id": found.order.id}
    if topic == "returns/decline" and found.decline:
        return said | {"decline": {"reason": found.decline["reason"].lower(), "note": found.decline["note"]}}
    return said | {
        "name": found.name,
        "total_return_line_items": found.total_quantity,
        "return_line_items": [
            {
                "id": line.number,
                "admin_graphql_api_id": line.id,
                "fulfillment_line_item": {
                    "id": line.fulfillment_line_item.number,
                    "admin_graphql_api_id": line.fulfillment_line_item.id,
                    "line_item": {
                        "id": line.fulfillment_line_item.line_item.number,
                        "admin_graphql_api_id": line.fulfillment_line_item.line_item.id,
                    },
                },
                "quantity": line.quantity,
                "return_reason": (line.reason or {}).get("handle", "unknown").replace("-", "_"),
                "return_reason_note": line.return_reason_note,
                "customer_note": line.customer_note,
            }
            for line in found.lines
        ],
        "exchange_line_items": [],
        "return_shipping_fees": [],
        "total_exchange_line_items": 0,
    }


def _shipped(order: Order) -> Iterator[FulfillmentLine]:
    for found in order.fulfillments:
        if found.status == "SUCCESS":
            yield from found.lines


def _returnable_id(found: Fulfillment) -> str:
    return f"gid://shopify/ReturnableFulfillment/{found.number}"
