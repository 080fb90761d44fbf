"""Webhook subscriptions of the simulated shop: made, changed and deleted by the API, and deleted by the shop itself when nobody answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.shopify.simulator.graph import Resolver, connection
from connectors.shopify.simulator.shop import Refused, Shop

Json = dict[str, Any]


class WebhookSubscriptions:
    """The subscriptions, in ``shop.subscriptions``."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any]) -> None:
        self._shop = shop
        self._effect = effect

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {
            "webhookSubscriptionCreate": self.create,
            "webhookSubscriptionUpdate": self.update,
            "webhookSubscriptionDelete": self.delete,
        }

    def tables(self) -> dict[str, Resolver]:
        """The fields."""

        def subscriptions(
            _: Any, __: Any, first: int | None = None, after: str | None = None, uri: str | None = None
        ) -> Any:
            return connection(
                [found for found in self._shop.subscriptions if uri in (None, found["uri"])], first, after
            )

        return {"QueryRoot.webhookSubscriptions": subscriptions}

    def create(self, *, topic: str, webhookSubscription: Json) -> Json:  # noqa: N803
        """Make a subscription; the same topic for the same address twice is refused."""
        given = webhookSubscription
        uri = given.get("uri") or ""
        if not uri.startswith(("https://", "http://127.0.0.1")):
            raise Refused("Address protocol http:// is not supported", ["webhookSubscription", "callbackUrl"])
        if any(found["topic"] == topic and found["uri"] == uri for found in self._shop.subscriptions):
            raise Refused("Address for this topic has already been taken", ["webhookSubscription", "callbackUrl"])
        made: Json = {
            "id": f"gid://shopify/WebhookSubscription/{self._shop.next_id()}",
            "topic": topic,
            "uri": uri,
            "format": given.get("format") or "JSON",
            "filter": given.get("filter") or "",
            "includeFields": given.get("includeFields") or [],
            "createdAt": self._shop.now(),
        }
        self._shop.subscriptions.append(made)
        self._effect("subscription.create", made["id"], topic)
        return {"webhookSubscription": made}

    def update(self, *, id: str, webhookSubscription: Json) -> Json:  # noqa: A002, N803
        """Change the fields that are given."""
        found = self._found(id)
        found.update(webhookSubscription)
        self._effect("subscription.update", id, webhookSubscription)
        return {"webhookSubscription": found}

    def delete(self, *, id: str) -> Json:  # noqa: A002
        """Delete a subscription."""
        self._shop.subscriptions.remove(self._found(id))
        self._effect("subscription.delete", id, None)
        return {"deletedWebhookSubscriptionId": id}

    def uris(self, topic: str) -> list[str]:
        """The addresses that subscribed to a topic."""
        return [found["uri"] for found in self._shop.subscriptions if found["topic"] == topic]

    def give_up(self, topic: str, uri: str) -> None:
        """Nobody answered, eight times in four hours: the shop deletes the subscription, and tells nobody."""
        self._shop.subscriptions[:] = [
            found for found in self._shop.subscriptions if (found["topic"], found["uri"]) != (topic, uri)
        ]

    def _found(self, gid: str) -> Json:
        found = next((one for one in self._shop.subscriptions if one["id"] == gid), None)
        if found is None:
            raise Refused("Webhook subscription does not exist", ["id"])
        return found
