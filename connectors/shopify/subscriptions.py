"""Webhook subscriptions: made where they are missing, left alone where they are right.

Shopify deletes a subscription whose address did not answer for a while, so `ensure` is repeated from time to time; and so that nothing
is lost until then, orders are polled as well.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.shopify.api import ShopifyApi
from connectors.shopify.shapes import Json
from hub.sdk.records import SubscriptionReport

TOPICS: dict[str, tuple[str, ...]] = {
    "order": ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_DELETE"),
    "variant": ("PRODUCTS_CREATE", "PRODUCTS_UPDATE"),
    "customer": ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
}
"""ORDERS_UPDATED comes with payments, fulfilments, refunds and edits too, so those have no subscriptions of their own."""


class Subscriptions:
    """The subscriptions of the app in one shop."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def ensure(self, streams: Collection[str], url: str) -> SubscriptionReport:
        """Make what is missing for these streams. Subscriptions to other addresses are somebody else's and stay."""
        present = {(found["topic"], found["uri"]) for found in self._all()}
        return SubscriptionReport({stream: self._ensure(stream, url, present) for stream in streams})

    def end(self, url: str) -> int:
        """Delete every subscription to this address, to pause; returns how many there were."""
        mine = [found for found in self._all() if found["uri"] == url]
        for found in mine:
            self._api.mutate("subscription_delete", id=found["id"])
        return len(mine)

    def _ensure(self, stream: str, url: str, present: set[tuple[str, str]]) -> str:
        if stream == "privacy_request":
            return "unsupported: the addresses for privacy webhooks are part of the app's own settings at Shopify"
        if stream not in TOPICS:
            return "unsupported: Shopify is told of these records, and does not tell of them"
        missing = [topic for topic in TOPICS[stream] if (topic, url) not in present]
        for topic in missing:
            self._api.mutate("subscription_create", topic=topic, subscription={"uri": url, "format": "JSON"})
        if not missing:
            return "kept"
        return "created" if len(missing) == len(TOPICS[stream]) else "updated"

    def _all(self) -> list[Json]:
        nodes: list[Json] = []
        after = None
        while True:
            page = self._api.query("subscriptions", after=after)["webhookSubscriptions"]
            nodes += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return nodes
            after = page["pageInfo"]["endCursor"]
