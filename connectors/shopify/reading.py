"""Reading whole orders: as many in one query as it may cost, and the long ones to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from connectors.shopify.api import ShopifyApi, TooCostly
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json
from hub.errors import RetryLater

_LEAST_LINES = 5
_FULFILMENTS, _REFUNDS = 5, 5
"""How many the ordinary page holds. These two are plain lists, so a full one may have gone on."""


class Reading:
    """Reads orders. It learns how much fits into one query, and keeps to that."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig) -> None:
        self._api = api
        self._page = config.page_size
        self._lines = config.line_page

    def page(self, limit: int, after: str | None, query: str | None) -> Json:
        """One page of orders in the order of their change: ``nodes``, each whole, and ``pageInfo``."""
        found = self._fitting(
            lambda first, lines: self._api.query("orders", first=first, lines=lines, after=after, query=query), limit
        )["orders"]
        return {"nodes": [self._whole(node) for node in found["nodes"]], "pageInfo": found["pageInfo"]}

    def order(self, external_id: str) -> Json | None:
        """One whole order, or none."""
        node = self._read(external_id)
        return self._whole(node) if node else None

    def _read(self, external_id: str) -> Any:
        return self._fitting(lambda _, lines: self._api.query("order", id=external_id, lines=lines), 1)["order"]

    def _fitting(self, ask: Callable[[int, int], Json], limit: int) -> Json:
        """Ask for as much as one query may cost."""
        while True:
            try:
                return ask(min(self._page, limit), self._lines)
            except TooCostly:
                if self._page > 1 and limit > 1:
                    self._page = max(1, min(self._page, limit) // 2)
                elif self._lines > _LEAST_LINES:
                    self._lines = max(_LEAST_LINES, self._lines // 2)
                else:
                    raise

    def _whole(self, node: Json) -> Json:
        """The order with all its parts. Parts that were read after another change of the order are not mixed with it."""
        for _ in range(3):
            parts = list(self._further(node))
            if all(part["updatedAt"] == node["updatedAt"] for part in parts):
                return self._joined(node, parts)
            node = self._read(node["id"])
        raise RetryLater(f"order {node['name']} changes while it is read", after=2)

    def _further(self, node: Json) -> Iterator[Json]:
        """What the order has beyond its ordinary page."""
        info = node["lineItems"]["pageInfo"]
        while info["hasNextPage"]:
            page = self._api.query("order_lines", id=node["id"], first=self._lines, after=info["endCursor"])["order"]
            yield page
            info = page["lineItems"]["pageInfo"]
        if len(node["fulfillments"]) >= _FULFILMENTS or _goes_on(node["shippingLines"], node["discountApplications"]):
            yield self._api.query("order_parts", id=node["id"])["order"]
        refunds = node["refunds"]
        inner = [found[name] for found in refunds for name in ("refundLineItems", "orderAdjustments", "transactions")]
        if len(refunds) >= _REFUNDS or _goes_on(*inner):
            yield self._api.query("order_refunds", id=node["id"])["order"]

    def _joined(self, node: Json, parts: list[Json]) -> Json:
        whole = dict(node)
        lines = list(node["lineItems"]["nodes"])
        for part in parts:
            if "lineItems" in part:
                lines += part["lineItems"]["nodes"]
            else:
                whole.update(part)
        whole["lineItems"] = {"nodes": lines}
        whole["fulfillments"] = [with_all_lines(self._api, found) for found in whole["fulfillments"]]
        return whole


def with_all_lines(api: ShopifyApi, fulfilment: Json) -> Json:
    """The fulfilment with all its lines. They never change, so they may be read at any time."""
    page: Any = fulfilment["fulfillmentLineItems"]
    nodes = list(page["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        found = api.query("fulfilment_lines", id=fulfilment["id"], after=page["pageInfo"]["endCursor"])
        page = found["fulfillment"]["fulfillmentLineItems"]
        nodes += page["nodes"]
    return fulfilment | {"fulfillmentLineItems": {"nodes": nodes}}


def _goes_on(*pages: Json) -> bool:
    return any(page["pageInfo"]["hasNextPage"] for page in pages)
