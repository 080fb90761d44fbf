"""Refunds: the shop is asked what these lines are worth, and pays that back, once.

The marker stands in the refund's note, by which an earlier attempt is recognised; the vendor's idempotency key guards the rest.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.shapes import Json, version_of
from hub.errors import OutcomeUnknown, Rejected
from hub.sdk.records import DeliverResult, OutboundRecord

_RESTOCK = {"return": "RETURN", "cancel": "CANCEL", "no_restock": "NO_RESTOCK"}


class Refunds:
    """Delivers refunds of order lines and of shipping."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Refund, unless an earlier attempt did."""
        order = self._order(record)
        if (found := _mine(order, record)) is not None:
            return found
        suggested = order["suggestedRefund"]
        wanted = number(record.data["amount"]) if record.data.get("amount") is not None else None
        worth = number(suggested["amountSet"]["shopMoney"]["amount"])
        if wanted is not None and wanted > worth:
            raise Rejected(
                f"the refund of {wanted} is more than the {worth} that order {order['name']} has left for these lines",
                code="RFD-EXCEEDS",
                fix="Correct the refund.",
            )
        note = " ".join(part for part in (record.data.get("note"), f"[{record.marker}]") if part)
        given: Json = {
            "orderId": order["id"],
            "note": note,
            "notify": bool(record.data.get("notify_customer")),
            "refundLineItems": _lines(record.data),
            "transactions": _payments(order, suggested["suggestedTransactions"], wanted),
        }
        if record.data.get("shipping") is not None:
            given["shipping"] = {"amount": str(record.data["shipping"])}
        # The same key repeats the same answer; only what the shop itself calls dead is tried under a new one.
        key = str(uuid5(NAMESPACE_URL, record.idempotency_key))
        try:
            made = self._api.mutate("refund_create", input=given, key=key)["refund"]
        except UserErrors as refused:
            if "IDEMPOTENCY_CONCURRENT_REQUEST" in refused.codes:
                raise OutcomeUnknown("the shop is still at work on this refund") from refused
            raise
        return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The refund with this marker in its note."""
        return _mine(self._order(record), record)

    def _order(self, record: OutboundRecord) -> Json:
        data = record.data
        shipping = None if data.get("shipping") is None else str(data["shipping"])
        order: Json | None = self._api.query(
            "refund_state", id=data["order_id"], lines=_lines(data), shipping=shipping
        )["order"]
        if order is None:
            raise Rejected("the shop has no such order", code="RET-UNKNOWN", fix="Check the link of the order.")
        return order


def _mine(order: Json, record: OutboundRecord) -> DeliverResult | None:
    for refund in order["refunds"]:
        if f"[{record.marker}]" in (refund["note"] or ""):
            return DeliverResult(refund["id"], "adopted", version_of(refund["updatedAt"]))
    return None


def _lines(data: Json) -> list[Json]:
    made = []
    for line in data.get("lines") or []:
        given: Json = {
            "lineItemId": line["order_line"],
            "quantity": int(number(line["quantity"])),
            "restockType": _RESTOCK[line.get("restock", "no_restock")],
        }
        if line.get("location_id"):
            given["locationId"] = line["location_id"]
        made.append(given)
    return made


def _payments(order: Json, suggested: list[Json], wanted: Any) -> list[Json]:
    """The shop's own proposal, cut down to the amount that is wanted where one is."""
    left = wanted
    made = []
    for found in suggested:
        amount = number(found["amountSet"]["shopMoney"]["amount"])
        if left is not None:
            amount = min(amount, left)
            left -= amount
        if amount > 0:
            parent = (found["parentTransaction"] or {}).get("id")
            made.append(
                {
                    "orderId": order["id"],
                    "kind": "REFUND",
                    "gateway": found["gateway"],
                    "amount": str(amount),
                    "parentId": parent,
                }
            )
    return made
