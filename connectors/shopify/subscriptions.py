"""Webhook subscriptions: made where they are missing, put right where somebody changed them, left alone where they are right.

Shopify deletes a subscription whose address did not answer for four hours, so `ensure` is repeated from time to time; and so that
nothing is lost until then, orders are polled as well.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.shopify.api import ShopifyApi
from connectors.shopify.shapes import Json, version_of
from hub.sdk.records import Subscription, SubscriptionReport

TOPICS: dict[str, tuple[str, ...]] = {
    "order": ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_DELETE"),
    "variant": ("PRODUCTS_CREATE", "PRODUCTS_UPDATE"),
    "customer": ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
    "return_notice": (
        *(
            f"RETURNS_{what}"
            for what in ("REQUEST", "APPROVE", "DECLINE", "CANCEL", "CLOSE", "REOPEN", "UPDATE", "PROCESS")
        ),
        "REVERSE_DELIVERIES_ATTACH_DELIVERABLE",
        "REVERSE_FULFILLMENT_ORDERS_DISPOSE",
    ),
    "company_notice": (
        "COMPANIES_CREATE",
        "COMPANIES_UPDATE",
        *(f"COMPANY_{part}_{what}" for part in ("CONTACTS", "LOCATIONS") for what in ("CREATE", "UPDATE", "DELETE")),
    ),
    "inventory_notice": ("INVENTORY_LEVELS_CONNECT", "INVENTORY_LEVELS_UPDATE"),
}
"""ORDERS_UPDATED comes with payments, fulfilments, refunds and edits too, so those have no subscriptions of their own."""
_STREAMS = {topic: stream for stream, topics in TOPICS.items() for topic in topics}


class Subscriptions:
    """The subscriptions of the app in one shop."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def all(self) -> list[Subscription]:
        """Every subscription that was made through the API; those of the app's own settings are not told."""
        return [
            Subscription(
                found["id"],
                found["topic"],
                found["uri"],
                _STREAMS.get(found["topic"], ""),
                version_of(found["createdAt"]),
            )
            for found in self._all()
        ]

    def ensure(self, streams: Collection[str], url: str, *, dry_run: bool = False) -> SubscriptionReport:
        """Make what is missing for these streams. Subscriptions to other addresses are somebody else's and stay."""
        present = {found["topic"]: found for found in self._all() if found["uri"] == url}
        outcome: dict[str, str] = {}
        made: list[str] = []
        for stream in streams:
            outcome[stream], changed = self._ensure(stream, url, present, dry_run=dry_run)
            made += changed
        return SubscriptionReport(outcome, made)

    def end(self, url: str) -> int:
        """Delete every subscription to this address; returns how many there were."""
        mine = [found for found in self._all() if found["uri"] == url]
        for found in mine:
            self._api.mutate("subscription_delete", id=found["id"])
        return len(mine)

    def _ensure(self, stream: str, url: str, present: dict[str, Json], *, dry_run: bool) -> tuple[str, list[str]]:
        if stream == "privacy_request":
            return "unsupported: the addresses for privacy webhooks are part of the app's own settings at Shopify", []
        if stream not in TOPICS:
            return "unsupported: Shopify is told of these records, and does not tell of them", []
        missing = [topic for topic in TOPICS[stream] if topic not in present]
        bent = [topic for topic in TOPICS[stream] if topic in present and _bent(present[topic])]
        if not dry_run:
            for topic in missing:
                self._api.mutate("subscription_create", topic=topic, subscription={"uri": url, "format": "JSON"})
            for topic in bent:
                straight = {"uri": url, "format": "JSON", "filter": "", "includeFields": []}
                self._api.mutate("subscription_update", id=present[topic]["id"], subscription=straight)
        changed = [*missing, *bent]
        if not changed:
            return "kept", []
        return "created" if len(missing) == len(TOPICS[stream]) else "updated", changed

    def _all(self) -> list[Json]:
        nodes: list[Json] = []
        after = None
        while True:
            page = self._api.query("subscriptions", after=after)["webhookSubscriptions"]
            nodes += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return nodes
            after = page["pageInfo"]["endCursor"]


def _bent(found: Json) -> bool:
    """Does somebody have it leave out fields or records, or send XML? What is left out would look empty to a mapping."""
    return found["format"] != "JSON" or bool(found["includeFields"]) or bool(found["filter"])
