"""Returns into the shop: made, approved, declined, received, closed. Each step is made only where the shop has not come so far.

A return is recognised by the marker in the note of its lines. What came back is said as a whole quantity and compared with what
the shop has processed already, so that nothing is taken back, restocked or paid for twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.returns import Returns
from connectors.shopify.shapes import Json, version_of
from hub.errors import Rejected
from hub.sdk.records import DeliverResult, OutboundRecord

_CAME = frozenset({"received", "inspected", "closed"})
_APPROVED = _CAME | {"approved", "label_sent", "in_transit"}
_DISPOSITIONS = {"restock": "RESTOCKED", "scrap": "NOT_RESTOCKED", "keep": "NOT_RESTOCKED", "missing": "MISSING"}
_UNSETTLED = "PROCESSING_REQUIRED"
_DECLINES = {"final_sale": "FINAL_SALE", "return_period_ended": "RETURN_PERIOD_ENDED"}
_NOTE = 255


class ReturnWrites:
    """Delivers canonical returns."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, returns: Returns) -> None:
        self._api = api
        self._refunds = config.refund_returns
        self._returns = returns

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the return where the shop has none, and bring it as far as it is wanted."""
        found = self._present(record) or self._twin(record)
        applied: Any = "adopted" if record.maybe_sent else "unchanged"
        if found is None:
            try:
                found, applied = self._create(record), "created"
            except Rejected:
                # Another attempt at this return may have been quicker; then its pieces are not returnable any more.
                if (found := self._present(record)) is None:
                    raise
                applied = "adopted"
        while (step := self._next(found, record.data)) is not None:
            step()
            found = self._read(found["id"])
            applied = "updated" if applied != "created" else applied
        return _result(found, applied)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A return that is there and as far as wanted."""
        found = self._present(record)
        return None if found is None or self._next(found, record.data) is not None else _result(found, "adopted")

    # --- finding

    def _present(self, record: OutboundRecord) -> Json | None:
        if record.external_id:
            return self._read(record.external_id)
        mark = f"[{record.marker}]"
        for found in self._returns.of_order(record.data["order_id"]):
            lines = found["returnLineItems"]["nodes"]
            if any(mark in (line["returnReasonNote"] or "") or mark in (line["customerNote"] or "") for line in lines):
                return self._read(found["id"])
        return None

    def _twin(self, record: OutboundRecord) -> Json | None:
        """The one return that the shop has of exactly these pieces: its buyer asked for it, and somebody else received them."""
        live = {"REQUESTED", "OPEN", "CLOSED"} if record.maybe_sent else {"REQUESTED", "OPEN"}
        there = [one["id"] for one in self._returns.of_order(record.data["order_id"]) if one["status"] in live]
        twins = [found for gid in there if _same_pieces(found := self._read(gid), record.data)]
        return twins[0] if len(twins) == 1 else None

    def _read(self, gid: str) -> Json:
        found = self._returns.read(gid)
        if found is None:
            raise Rejected(
                "the shop has no such return any more", code="RET-UNKNOWN", fix="Look at the order in the shop."
            )
        return found

    # --- making

    def _create(self, record: OutboundRecord) -> Json:
        data = record.data
        if data["status"] not in _APPROVED | {"requested"}:
            raise Rejected(
                f"the shop has no return that could be {data['status']}",
                code="RET-UNKNOWN",
                fix="Nothing needs to be done in the shop.",
            )
        requested = data["status"] == "requested"
        reasons = self._reasons(data)
        lines = []
        for line, part, quantity in self._allocated(data):
            text = " ".join(said for said in (line.get("note"), f"[{record.marker}]") if said)[-_NOTE:]
            made: Json = {
                "fulfillmentLineItemId": part,
                "quantity": quantity,
                "customerNote" if requested else "returnReasonNote": text,
            }
            if reason := reasons.get(line.get("reason") or "other") or reasons.get("other"):
                made["returnReasonDefinitionId"] = reason
            lines.append(made)
        given = {"orderId": data["order_id"], "returnLineItems": lines}
        payload = self._api.mutate("return_request" if requested else "return_create", input=given)
        return self._returns.whole(payload["return"])

    def _reasons(self, data: Json) -> dict[str, str]:
        handles = sorted({"other", *(line["reason"] for line in data["lines"] if line.get("reason"))})
        found = self._api.query("return_reasons", handles=handles)["returnReasonDefinitions"]["nodes"]
        return {one["handle"]: one["id"] for one in found if not one["deleted"]}

    def _allocated(self, data: Json) -> Iterator[tuple[Json, str, int]]:
        """Which shipped pieces the lines come from: (line, fulfilment line item, quantity)."""
        slots = [[part["fulfillmentLineItem"], part["quantity"]] for part in self._returnable(data["order_id"])]
        for line in data["lines"]:
            rest = _whole_pieces(line)
            for slot in slots:
                if _fits(line, slot[0]["lineItem"]) and (taken := min(rest, slot[1])):
                    slot[1] -= taken
                    rest -= taken
                    yield line, slot[0]["id"], taken
            if rest:
                what = line.get("sku") or line.get("order_line")
                raise Rejected(
                    f"{rest} of {what} more come back than were shipped and are not returned yet",
                    code="RET-QTY",
                    fix="Compare the order in both systems: was it shipped, refunded or returned by hand?",
                )

    def _returnable(self, order_id: str) -> Iterator[Json]:
        after = None
        while True:
            page = self._api.query("returnable", id=order_id, after=after)["returnableFulfillments"]
            for found in page["nodes"]:
                yield from found["returnableFulfillmentLineItems"]["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    # --- going on

    def _next(self, found: Json, data: Json) -> Callable[[], Any] | None:
        """The next step that is missing; none when the shop is as far as is wanted, or further."""
        status, wanted = found["status"], data["status"]
        _refuse_what_cannot_be(found, wanted)
        notify = bool(data.get("notify_customer"))
        if status == "REQUESTED" and wanted in _APPROVED:
            return partial(self._api.mutate, "return_approve", input={"id": found["id"], "notifyCustomer": notify})
        if status == "REQUESTED" and wanted == "rejected":
            return partial(self._api.mutate, "return_decline", input=_decline(found, data, notify=notify))
        if status in {"REQUESTED", "OPEN"} and wanted == "cancelled":
            return partial(self._api.mutate, "return_cancel", id=found["id"])
        if status != "OPEN":
            return None
        if step := self._tracking(found, data, notify=notify):
            return step
        if wanted in _CAME and (lines := _came(found, data)):
            return partial(self._process, found, data, lines)
        return partial(self._api.mutate, "return_close", id=found["id"]) if wanted == "closed" else None

    def _tracking(self, found: Json, data: Json, *, notify: bool) -> Callable[[], Any] | None:
        """Tell the first parcel that the shop does not know yet, at the place that awaits it."""
        orders = [order for order in found["reverseFulfillmentOrders"]["nodes"] if order["status"] == "OPEN"]
        known = {
            ((delivery["deliverable"] or {}).get("tracking") or {}).get("number")
            for order in found["reverseFulfillmentOrders"]["nodes"]
            for delivery in order["reverseDeliveries"]["nodes"]
        }
        for parcel in data.get("tracking") or []:
            if orders and parcel.get("number") and parcel["number"] not in known:
                told = {"number": str(parcel["number"])} | ({"url": parcel["url"]} if parcel.get("url") else {})
                return partial(
                    self._api.mutate, "reverse_delivery_create", order=orders[0]["id"], tracking=told, notify=notify
                )
        return None

    def _process(self, found: Json, data: Json, lines: list[Json]) -> None:
        given: Json = {
            "returnId": found["id"],
            "returnLineItems": lines,
            "notifyCustomer": bool(data.get("notify_customer")),
        }
        if self._refunds and (payments := self._payments(found, lines)):
            given["financialTransfer"] = {"issueRefund": {"orderTransactions": payments}}
        self._api.mutate("return_process", input=given)

    def _payments(self, found: Json, lines: list[Json]) -> list[Json]:
        """The shop's own proposal of what these lines are worth."""
        asked = [{"id": line["id"], "quantity": line["quantity"]} for line in lines]
        worth = (
            self._api.query("return_worth", id=found["id"], lines=asked)["return"]["suggestedFinancialOutcome"] or {}
        )
        made = []
        for one in (worth.get("financialTransfer") or {}).get("suggestedTransactions") or []:
            money = one["amountSet"]["presentmentMoney"]
            if number(money["amount"]) > 0 and one["parentTransaction"]:
                amount = {"amount": str(money["amount"]), "currencyCode": money["currencyCode"]}
                made.append({"parentId": one["parentTransaction"]["id"], "transactionAmount": amount})
        return made


def _came(found: Json, data: Json) -> list[Json]:
    """What came back and the shop has not processed yet, with what becomes of it."""
    free = _reverse_lines(found)
    left = {line["id"]: line["quantity"] for line in found["returnLineItems"]["nodes"]}
    made = []
    for wanted in data["lines"]:
        rest = _whole_pieces(wanted)
        for line in found["returnLineItems"]["nodes"]:
            part = line.get("fulfillmentLineItem")
            if not part or not _fits(wanted, part["lineItem"]) or not (taken := min(rest, left[line["id"]])):
                continue
            before = line["quantity"] - left[line["id"]]
            left[line["id"]] -= taken
            rest -= taken
            fresh = before + taken - max(before, line["processedQuantity"])
            if fresh > 0:
                made.append(
                    {
                        "id": line["id"],
                        "quantity": fresh,
                        "dispositions": _dispositions(wanted, data, free[part["id"]], fresh),
                    }
                )
        if rest:
            raise Rejected(
                f"{rest} of {wanted.get('sku') or wanted.get('order_line')} more came back than return {found['name']} holds",
                code="RET-QTY",
                fix="Add them to the return in the shop, or correct what was received.",
            )
    return made


def _dispositions(wanted: Json, data: Json, free: list[list[Any]], quantity: int) -> list[Json]:
    kind = _DISPOSITIONS.get(str(wanted.get("disposition")), _UNSETTLED)
    if kind == "RESTOCKED" and not data.get("location_id"):
        kind = _UNSETTLED  # the shop restocks at a place that is named, and nowhere else
    made = []
    for slot in free:
        if taken := min(quantity, slot[1]):
            slot[1] -= taken
            quantity -= taken
            place = {"locationId": data["location_id"]} if data.get("location_id") else {}
            made.append(
                {"reverseFulfillmentOrderLineItemId": slot[0], "quantity": taken, "dispositionType": kind, **place}
            )
    return made


def _reverse_lines(found: Json) -> defaultdict[str, list[list[Any]]]:
    """The pieces that the shop awaits and of which nothing is said yet, by what was shipped: [id, quantity]."""
    made: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for order in found["reverseFulfillmentOrders"]["nodes"]:
        for line in order["lineItems"]["nodes"]:
            rest = line["totalQuantity"] - sum(one["quantity"] for one in line["dispositions"])
            made[(line["fulfillmentLineItem"] or {}).get("id", "")].append([line["id"], rest])
    return made


def _refuse_what_cannot_be(found: Json, wanted: str) -> None:
    status = found["status"]
    too_late = {
        "DECLINED": _APPROVED,
        "CANCELED": _APPROVED | {"rejected"},
        "OPEN": {"rejected"},
        "CLOSED": {"rejected", "cancelled"},
    }
    if wanted in too_late.get(status, ()):
        raise Rejected(
            f"return {found['name']} is {status.lower()} in the shop and cannot be {wanted} any more",
            code="RET-CONFLICT",
            fix="Settle it with the person who decided in the shop.",
        )


def _decline(found: Json, data: Json, *, notify: bool) -> Json:
    said: Json = {
        "id": found["id"],
        "declineReason": _DECLINES.get(str(data.get("decline_reason")), "OTHER"),
        "notifyCustomer": notify,
    }
    return said | ({"declineNote": str(data["note"])[:500]} if data.get("note") else {})


def _same_pieces(found: Json, data: Json) -> bool:
    """Does the return hold the lines that are wanted, piece for piece, and none besides? Lines with a marker are somebody's own."""
    left = []
    for line in found["returnLineItems"]["nodes"]:
        if not line.get("fulfillmentLineItem") or "[hub-" in f"{line['returnReasonNote']}{line['customerNote']}":
            return False
        left.append([line["fulfillmentLineItem"]["lineItem"], line["quantity"]])
    for wanted in data["lines"]:
        rest = _whole_pieces(wanted)
        for slot in left:
            if _fits(wanted, slot[0]) and (taken := min(rest, slot[1])):
                slot[1] -= taken
                rest -= taken
        if rest:
            return False
    return not any(slot[1] for slot in left)


def _fits(line: Json, item: Json) -> bool:
    """Is this line of the order meant? By its id where that is the shop's, else by the SKU."""
    named = str(line.get("order_line") or "")
    if named.startswith("gid://shopify/LineItem/"):
        return bool(named == item["id"])
    return bool(line.get("sku")) and line["sku"] == item["sku"]


def _whole_pieces(line: Json) -> int:
    quantity = number(line["quantity"])
    if quantity != int(quantity):
        raise Rejected(
            f"Shopify takes whole pieces back only, not {quantity} of {line.get('sku')}",
            code="ITM-UOM",
            fix="Convert the unit of measure in the mapping.",
        )
    return int(quantity)


def _result(found: Json, applied: Any) -> DeliverResult:
    return DeliverResult(found["id"], applied, version_of(found["order"]["updatedAt"]))
