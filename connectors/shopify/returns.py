"""Returns out of the shop: read one by one, and found through the orders that changed.

Webhooks of returns carry neither articles nor times, so they are notices: the hub reads the return itself. A return has no time of change
of its own either; what changes it changes its order, whose time is its version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from connectors.shopify.api import ShopifyApi
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json, earlier, fingerprint, number_of, since_query, version_of
from hub.sdk.records import Cursor, Page, RawMessage

_DEEPEST = 20_000
"""Shopify pages no further than 25,000 orders into one search, so a new window is begun before that."""


class Returns:
    """Reads returns."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig) -> None:
        self._api = api
        self._config = config

    def page(self, cursor: Cursor | None, limit: int) -> Page:
        """The returns of the next changed orders, oldest change first. A page without any may still have more behind it."""
        at = dict(cursor or {})
        begin = self._config.orders_since
        since = at.get("since") or (version_of(begin.isoformat()) if begin else None)
        asked = {"first": min(limit, 50), "after": at.get("after"), "query": since_query(since)}
        found = self._api.query("returns", **asked)["orders"]
        messages: list[RawMessage] = []
        newest, after, more = at.get("newest") or since or "", at.get("after"), found["pageInfo"]["hasNextPage"]
        for edge in found["edges"]:
            ids = list(self._ids(edge["node"]))
            if messages and len(messages) + len(ids) > limit:
                more = True
                break
            messages += [message for gid in ids if (message := self.one(gid, "poll"))]
            newest, after = max(newest, version_of(edge["node"]["updatedAt"])), edge["cursor"]
        read = int(at.get("read", 0)) + len(found["edges"])
        if not more:
            return Page(
                messages, {"since": earlier(newest, self._config.poll_overlap) if newest else None, "newest": newest}
            )
        if read >= _DEEPEST and newest > (since or ""):
            return Page(messages, {"since": newest, "newest": newest}, more=True)
        return Page(messages, {"since": since, "newest": newest, "after": after, "read": read}, more=True)

    def one(self, external_id: str, topic: str = "fetch") -> RawMessage | None:
        """One return as it is now. Also by the id of one of its reverse fulfilment orders or deliveries, of which webhooks tell."""
        gid = self._owner(external_id)
        node = self.read(gid) if gid else None
        if node is None:
            return None
        payload = return_payload(node)
        version = version_of(node["order"]["updatedAt"])
        return RawMessage(
            stream="return",
            external_id=node["id"],
            payload=payload,
            dedupe_key=f"poll:{node['id']}:{version}:{fingerprint(payload)}",
            topic=topic,
            source_version=version,
            occurred_at=version,
        )

    def read(self, gid: str) -> Json | None:
        """One return with all its lines, as the API has it."""
        node: Json | None = self._api.query("return_read", id=gid)["return"]
        return self.whole(node) if node else None

    def whole(self, node: Json) -> Json:
        """The return with the lines that did not fit into its first page."""
        lines = self._rest(node["returnLineItems"], "return_lines", node["id"], "return", "returnLineItems")
        reverse = []
        for order in node["reverseFulfillmentOrders"]["nodes"]:
            parts = self._rest(order["lineItems"], "reverse_lines", order["id"], "reverseFulfillmentOrder", "lineItems")
            reverse.append(order | {"lineItems": {"nodes": parts}})
        return node | {"returnLineItems": {"nodes": lines}, "reverseFulfillmentOrders": {"nodes": reverse}}

    def of_order(self, order_id: str) -> Iterator[Json]:
        """The returns of an order, with as much as recognises each."""
        after = None
        while True:
            order = self._api.query("order_returns", id=order_id, after=after)["order"]
            if order is None:
                return
            yield from order["returns"]["nodes"]
            if not order["returns"]["pageInfo"]["hasNextPage"]:
                return
            after = order["returns"]["pageInfo"]["endCursor"]

    def _rest(self, page: Json, query: str, gid: str, root: str, field: str) -> list[Json]:
        nodes: list[Json] = list(page["nodes"])
        while page.get("pageInfo", {}).get("hasNextPage"):
            page = self._api.query(query, id=gid, after=page["pageInfo"]["endCursor"])[root][field]
            nodes += page["nodes"]
        return nodes

    def _ids(self, order: Json) -> Iterator[str]:
        page = order["returns"]
        if page["pageInfo"]["hasNextPage"]:
            yield from (found["id"] for found in self.of_order(order["id"]))
        else:
            yield from (found["id"] for found in page["nodes"])

    def _owner(self, gid: str) -> str | None:
        """The id of the return that this id belongs to. The API does not tell it; the order's returns are looked through."""
        reverse: Any = None
        if gid.startswith("gid://shopify/ReverseDelivery/"):
            delivery = self._api.query("reverse_delivery", id=gid)["reverseDelivery"]
            reverse = delivery and delivery["reverseFulfillmentOrder"]
        elif gid.startswith("gid://shopify/ReverseFulfillmentOrder/"):
            reverse = self._api.query("reverse_order", id=gid)["reverseFulfillmentOrder"]
        else:
            return gid if gid.startswith("gid://shopify/Return/") and gid.rpartition("/")[2].isdigit() else None
        if reverse is None or reverse["order"] is None:
            return None
        for found in self.of_order(reverse["order"]["id"]):
            if any(order["id"] == reverse["id"] for order in found["reverseFulfillmentOrders"]["nodes"]):
                return str(found["id"])
        return None


def return_payload(node: Json) -> Json:
    """One return: the fields of its webhooks, and what they leave out."""
    became: defaultdict[Any, list[Json]] = defaultdict(list)
    for order in node["reverseFulfillmentOrders"]["nodes"]:
        for line in order["lineItems"]["nodes"]:
            became[(line["fulfillmentLineItem"] or {}).get("id")] += [
                _disposition(found) for found in line["dispositions"]
            ]
    return {
        "id": number_of(node["id"]),
        "admin_graphql_api_id": node["id"],
        "name": node["name"],
        "status": node["status"].lower(),
        "created_at": node["createdAt"],
        "closed_at": node["closedAt"],
        "request_approved_at": node["requestApprovedAt"],
        "decline": {"reason": node["decline"]["reason"].lower(), "note": node["decline"]["note"]}
        if node["decline"]
        else None,
        "order": {
            "id": number_of(node["order"]["id"]),
            "admin_graphql_api_id": node["order"]["id"],
            "name": node["order"]["name"],
        },
        "total_return_line_items": node["totalQuantity"],
        "return_line_items": [_line(line, became) for line in node["returnLineItems"]["nodes"]],
        "reverse_deliveries": [
            {"number": parcel["number"], "carrier": parcel["carrierName"], "url": parcel["url"]}
            for order in node["reverseFulfillmentOrders"]["nodes"]
            for delivery in order["reverseDeliveries"]["nodes"]
            if (parcel := (delivery["deliverable"] or {}).get("tracking"))
        ],
    }


def _line(line: Json, became: Any) -> Json:
    reason, shipped = line["returnReasonDefinition"] or {}, line.get("fulfillmentLineItem") or {}
    item = shipped.get("lineItem") or {}
    return {
        "id": number_of(line["id"]),
        "admin_graphql_api_id": line["id"],
        "line_item": {
            "id": number_of(item.get("id")),
            "admin_graphql_api_id": item.get("id"),
            "sku": item.get("sku"),
            "name": item.get("name"),
        },
        "quantity": line["quantity"],
        "processed_quantity": line["processedQuantity"],
        "refunded_quantity": line["refundedQuantity"],
        "return_reason": reason.get("handle"),
        "return_reason_name": reason.get("name"),
        "return_reason_note": line["returnReasonNote"],
        "customer_note": line["customerNote"],
        "dispositions": became[shipped.get("id")] if shipped else [],
    }


def _disposition(found: Json) -> Json:
    place = found["location"] or {}
    return {
        "type": found["type"].lower(),
        "quantity": found["quantity"],
        "created_at": found["createdAt"],
        "location_id": number_of(place.get("id")),
        "location": place.get("name"),
    }
