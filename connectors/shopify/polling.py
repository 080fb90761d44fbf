"""Polling: what changed since a cursor, page by page, losing nothing to ties, to the search index's delay, or to changes while it reads.

Orders can be sorted by their change: a window is read forwards, and ends where the newest change was. Variants cannot: a window is walked
by id, and the next one begins where this one was begun. Either begins again ``poll_overlap`` seconds early; the hub absorbs repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.api import ShopifyApi, TooCostly
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.orders import order_payload
from connectors.shopify.shapes import Json, fingerprint, version_of
from connectors.shopify.variants import variant_payload
from hub.errors import RetryLater
from hub.sdk.connector import Clock
from hub.sdk.records import Cursor, Page, RawMessage

_DEEPEST = 20_000
"""Shopify pages no further than 25,000 objects into one search, so a new window is begun before that."""
_LEAST_LINES = 5


class Polling:
    """Reads the changes of orders and variants."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, clock: Clock) -> None:
        self._api = api
        self._config = config
        self._clock = clock
        self._lines = config.line_page
        self._page = config.page_size

    def orders(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed orders, oldest change first."""
        at = dict(cursor or {})
        since = at.get("since") or (
            version_of(self._config.orders_since.isoformat()) if self._config.orders_since else None
        )
        data = self._fitting(
            lambda first, lines: self._api.query(
                "orders", first=first, lines=lines, after=at.get("after"), query=_since(since)
            ),
            limit,
        )["orders"]
        messages = [order_message(self._complete(node), "poll") for node in data["nodes"]]
        newest = max([at.get("newest") or since or "", *(message.source_version for message in messages)])
        read = int(at.get("read", 0)) + len(messages)
        if not data["pageInfo"]["hasNextPage"]:
            return Page(messages, {"since": self._earlier(newest) if newest else None, "newest": newest})
        if read >= _DEEPEST and newest > (since or ""):
            return Page(messages, {"since": newest, "newest": newest}, more=True)
        return Page(
            messages,
            {"since": since, "newest": newest, "after": data["pageInfo"]["endCursor"], "read": read},
            more=True,
        )

    def order(self, external_id: str) -> RawMessage | None:
        """One order as it is now."""
        node = self._fitting(lambda _, lines: self._api.query("order", id=external_id, lines=lines), 1)["order"]
        return order_message(self._complete(node), "fetch") if node else None

    def variants(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed variants, in the order of their ids."""
        at = dict(cursor or {})
        begun = at.get("begun") or version_of(self._clock.now().isoformat())
        data = self._api.query("variants", first=min(limit, 100), after=at.get("after"), query=_since(at.get("since")))
        found = data["productVariants"]
        messages = [
            variant_message(variant_payload(node, data["shop"]["currencyCode"]), "poll") for node in found["nodes"]
        ]
        if found["pageInfo"]["hasNextPage"]:
            return Page(
                messages, {"since": at.get("since"), "begun": begun, "after": found["pageInfo"]["endCursor"]}, more=True
            )
        return Page(messages, {"since": self._earlier(begun)})

    def variant(self, external_id: str) -> RawMessage | None:
        """One variant as it is now."""
        data = self._api.query("variant", id=external_id)
        node = data["productVariant"]
        return variant_message(variant_payload(node, data["shop"]["currencyCode"]), "fetch") if node else None

    def _fitting(self, ask: Callable[[int, int], Json], limit: int) -> Json:
        """Ask for as much as one query may cost, and remember how much that was."""
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

    def _complete(self, node: Json) -> Json:
        """The order with all its lines. Lines of another moment than the order's own are not mixed with it."""
        for _ in range(3):
            lines = node["lineItems"]
            rest = list(self._further_lines(node["id"], lines["pageInfo"]))
            if all(page["updatedAt"] == node["updatedAt"] for page in rest):
                further = [line for page in rest for line in page["lineItems"]["nodes"]]
                return node | {"lineItems": {"nodes": lines["nodes"] + further}}
            node = self._api.query("order", id=node["id"], lines=self._lines)["order"]
        raise RetryLater(f"order {node['name']} changes while it is read", after=2)

    def _further_lines(self, order: str, info: Json) -> Iterator[Json]:
        while info["hasNextPage"]:
            page: Any = self._api.query("order_lines", id=order, first=self._lines, after=info["endCursor"])["order"]
            yield page
            info = page["lineItems"]["pageInfo"]

    def _earlier(self, moment: str) -> str:
        parsed = datetime.fromisoformat(moment)
        return version_of((parsed - timedelta(seconds=self._config.poll_overlap)).isoformat())


def order_message(node: Json, topic: str) -> RawMessage:
    """A polled order as a message."""
    return _message("order", order_payload(node), topic)


def variant_message(payload: Json, topic: str) -> RawMessage:
    """A polled variant as a message."""
    return _message("variant", payload, topic)


def _message(stream: str, payload: Json, topic: str) -> RawMessage:
    version = version_of(payload["updated_at"])
    return RawMessage(
        stream=stream,
        external_id=payload["admin_graphql_api_id"],
        payload=payload,
        dedupe_key=f"poll:{payload['admin_graphql_api_id']}:{version}:{fingerprint(payload)}",
        topic=topic,
        source_version=version,
        occurred_at=version,
    )


def _since(moment: str | None) -> str | None:
    return f"updated_at:>='{moment[:19]}Z'" if moment else None
