"""Orders into the shop: made where they were placed elsewhere; cancelled, marked as paid, edited, split, held back and moved.

Each step is made only where it is missing.

The order is read first and compared with what is wanted, so a repeat goes on where an earlier attempt stopped. An edit changes nothing
before its commit, and a session that was not committed is simply left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.fulfilment_orders import FulfilmentOrders
from connectors.shopify.new_orders import NewOrders
from connectors.shopify.shapes import Json, gid, number_of, version_of
from hub.errors import OutcomeUnknown, Rejected
from hub.sdk.connector import ConnectorIO
from hub.sdk.records import DeliverResult, OutboundRecord

_REASONS = {
    "customer": "CUSTOMER",
    "declined": "DECLINED",
    "fraud": "FRAUD",
    "inventory": "INVENTORY",
    "staff": "STAFF",
}

_LOOKS = (0.3, 0.7, 1.0, 2.0)
"""Seconds before each look whether a cancellation has been carried out."""

FindVariant = Callable[[str], Any]


class OrderWrites:
    """Delivers what other systems decide about orders of the shop."""

    def __init__(self, api: ShopifyApi, find_variant: FindVariant, new: NewOrders, io: ConnectorIO) -> None:
        self._api = api
        self._clock = io.clock
        self._find_variant = find_variant
        self._new = new
        self._fulfilment = FulfilmentOrders(api, io.installation)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the order where the shop has none, and bring it to where it is wanted."""
        made = ""
        told: tuple[str, ...] = ()
        external_id = _known(record) or self._new.find(record)
        if external_id is None:
            external_id, told = self._new.make(record)
            made = "created"
        order = self._order(external_id)
        if record.data.get("cancel") is not None:
            changed = self._cancel(order, record.data["cancel"])
        elif order["cancelledAt"]:
            raise Rejected(
                f"order {order['name']} was cancelled in the shop",
                code="ORD-CANCEL-LATE",
                fix="Cancel it here as well.",
            )
        else:
            changed = self._bring(order, record.data)
        applied: Any = made or ("updated" if changed else "adopted" if record.maybe_sent else "unchanged")
        return DeliverResult(order["id"], applied, version_of(order["updatedAt"]), told)

    def _bring(self, order: Json, data: Json) -> bool:
        """Make every step that is missing; one that may have made other fulfilment orders is followed by another look at the order."""
        where = self._fulfilment
        changed = sum(step(order, data) for step in (self._paid, self._fields, self._tags, self._lines)) > 0
        stale = changed
        steps: tuple[tuple[str, Callable[[Json, Any], bool]], ...] = (
            ("split", where.split), ("hold", where.hold), ("moves", where.move_lines), ("location_id", where.move),
        )  # fmt: skip
        for asked, step in steps:
            if asked in data and (data[asked] or asked == "hold"):
                order = self._order(order["id"]) if stale else order
                stale = step(order, data[asked])
                changed = changed or stale
        return changed

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """An order that was made as it is wanted, or is cancelled. Other decisions are none: `deliver` compares before it writes."""
        if (known := _known(record)) and record.data.get("cancel") is not None:
            order = self._order(known)
            return DeliverResult(known, "adopted", version_of(order["updatedAt"])) if order["cancelledAt"] else None
        if known or record.data.get("hold") or (found := self._new.find(record)) is None:
            return None
        return DeliverResult(found, "adopted", version_of(self._order(found)["updatedAt"]))

    def _order(self, external_id: str) -> Json:
        order: Json | None = self._api.query("order_state", id=external_id)["order"]
        if order is None:
            raise Rejected("the shop has no such order", fix="Check the link of the order.", where=external_id)
        return order

    def _cancel(self, order: Json, how: Json) -> bool:
        if order["cancelledAt"]:
            return False
        payload = self._api.mutate(
            "order_cancel",
            id=order["id"],
            reason=_REASONS.get(str(how.get("reason", "")).lower(), "OTHER"),
            restock=bool(how.get("restock", True)),
            refund={"originalPaymentMethodsRefund": bool(how.get("refund", True))},
            notify=bool(how.get("notify_customer", False)),
            note=how.get("note"),
        )
        self._carried_out(order, payload["job"])
        return True

    def _carried_out(self, order: Json, job: Json | None) -> None:
        """Wait for the shop, which only takes the cancellation on and carries it out in the background."""
        for pause in _LOOKS if job else ():
            self._clock.sleep(pause)
            state = self._api.query("cancel_state", job=job["id"] if job else "", order=order["id"])
            if state["order"] and state["order"]["cancelledAt"]:
                return
            if state["job"] and state["job"]["done"]:
                raise Rejected(
                    f"the shop took the cancellation of order {order['name']} on, and then did not carry it out",
                    fix="Look at the order in the shop: what keeps it from being cancelled? Then release the delivery.",
                )
        # The hub looks again after the settling time, and asks for another cancellation only if the order still stands.
        raise OutcomeUnknown(f"the shop is still at work on the cancellation of order {order['name']}")

    def _paid(self, order: Json, data: Json) -> bool:
        if not data.get("paid") or not order["canMarkAsPaid"]:
            return False
        self._api.mutate("order_paid", id=order["id"])
        return True

    def _fields(self, order: Json, data: Json) -> bool:
        wanted = {name: data[key] for key, name in (("note", "note"), ("po_number", "poNumber")) if key in data}
        changes = {name: value for name, value in wanted.items() if (value or None) != (order[name] or None)}
        if changes:
            self._api.mutate("order_update", input={"id": order["id"], **changes})
        return bool(changes)

    def _tags(self, order: Json, data: Json) -> bool:
        missing = [tag for tag in data.get("tags") or [] if tag not in order["tags"]]
        surplus = [tag for tag in data.get("tags_removed") or [] if tag in order["tags"]]
        if missing:
            self._api.mutate("tags_add", id=order["id"], tags=missing)
        if surplus:
            self._api.mutate("tags_remove", id=order["id"], tags=surplus)
        return bool(missing or surplus)

    def _lines(self, order: Json, data: Json) -> bool:
        """Give the lines that are named their quantities; a SKU that the order does not have is added."""
        if order["lineItems"]["pageInfo"]["hasNextPage"]:
            raise Rejected("an order of more than 250 lines is not edited from here", fix="Edit it in the shop.")
        changes, additions = [], []
        for line in data.get("lines") or []:
            wanted = number(line["quantity"])
            if wanted != int(wanted):
                raise Rejected(f"Shopify sells whole pieces only, not {wanted} of {line.get('sku')}", code="ITM-UOM")
            found = [row for row in order["lineItems"]["nodes"] if line.get("order_line") == row["id"]]
            found = found or [
                row for row in order["lineItems"]["nodes"] if line.get("sku") and line["sku"] == row["sku"]
            ]
            if len(found) > 1:
                raise Rejected(f"order {order['name']} has several lines with SKU {line['sku']}", code="ITM-AMBIGUOUS")
            if found and found[0]["currentQuantity"] != wanted:
                changes.append((found[0]["id"], int(wanted)))
            elif not found and wanted:
                additions.append((self._variant(str(line.get("sku", ""))), int(wanted)))
        if not changes and not additions:
            return False
        edit = self._api.mutate("edit_begin", id=order["id"])["calculatedOrder"]["id"]
        for line_id, quantity in changes:
            self._api.mutate(
                "edit_quantity", id=edit, line=gid("CalculatedLineItem", number_of(line_id)), quantity=quantity
            )
        for variant, quantity in additions:
            self._api.mutate("edit_add", id=edit, variant=variant, quantity=quantity)
        self._api.mutate("edit_commit", id=edit, notify=bool(data.get("notify_customer")), note=data.get("edit_note"))
        return True

    def _variant(self, sku: str) -> str:
        found = self._find_variant(sku)
        if found is None:
            raise Rejected(f"the shop has no variant with SKU {sku}", code="ITM-UNKNOWN", fix="Create it in the shop.")
        return str(found.external_id)


def _known(record: OutboundRecord) -> str | None:
    """The id of an order that the shop has."""
    found = record.external_id or record.data.get("order_id")
    return str(found) if found else None
