"""Polling: what changed since a cursor, page by page, losing nothing to ties, to the search index's delay, or to changes while it reads.

Orders can be sorted by their change: a window is read forwards, and ends where the newest change was. Variants cannot: a window is walked
by id, and the next one begins where this one was begun. Either begins again ``poll_overlap`` seconds early; the hub absorbs repeats.
"""

from __future__ import annotations

from connectors.shopify.api import ShopifyApi
from connectors.shopify.bulk import Bulk
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.orders import order_payload
from connectors.shopify.reading import Reading
from connectors.shopify.shapes import Json, customer, earlier, fingerprint, since_query, version_of
from connectors.shopify.variants import variant_payload
from hub.sdk.connector import Clock
from hub.sdk.records import Cursor, Page, RawMessage

_DEEPEST = 20_000
"""Shopify pages no further than 25,000 objects into one search, so a new window is begun before that."""


class Polling:
    """Reads the changes of orders and variants."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, clock: Clock, bulk: Bulk) -> None:
        self._api = api
        self._config = config
        self._clock = clock
        self._reading = Reading(api, config)
        self._bulk = bulk

    def orders(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed orders, oldest change first."""
        at = dict(cursor or {})
        since = at.get("since") or (
            version_of(self._config.orders_since.isoformat()) if self._config.orders_since else None
        )
        found = self._reading.page(limit, at.get("after"), since_query(since))
        messages = [order_message(node, "poll") for node in found["nodes"]]
        return self._next(at, since, messages, found["pageInfo"])

    def order(self, external_id: str) -> RawMessage | None:
        """One order as it is now."""
        node = self._reading.order(external_id)
        return order_message(node, "fetch") if node else None

    def variants(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed variants, in the order of their ids; at the very first, of all by a background query if so set."""
        at = dict(cursor or {})
        if "bulk" in at or (not at and self._config.bulk_import):
            return self._all_variants(at)
        begun = at.get("begun") or version_of(self._clock.now().isoformat())
        data = self._api.query(
            "variants", first=min(limit, 100), after=at.get("after"), query=since_query(at.get("since"))
        )
        found = data["productVariants"]
        messages = [
            variant_message(variant_payload(node, data["shop"]["currencyCode"]), "poll") for node in found["nodes"]
        ]
        if found["pageInfo"]["hasNextPage"]:
            return Page(
                messages, {"since": at.get("since"), "begun": begun, "after": found["pageInfo"]["endCursor"]}, more=True
            )
        return Page(messages, {"since": earlier(begun, self._config.poll_overlap)})

    def _all_variants(self, at: Cursor) -> Page:
        def read(rows: list[Json], currency: str) -> list[RawMessage]:
            return [variant_message(variant_payload(row, currency), "poll") for row in rows]

        begun = version_of(self._clock.now().isoformat())
        return self._bulk.page("variants_bulk", at, begun, self._config.poll_overlap, read)

    def variant(self, external_id: str) -> RawMessage | None:
        """One variant as it is now."""
        data = self._api.query("variant", id=external_id)
        node = data["productVariant"]
        return variant_message(variant_payload(node, data["shop"]["currencyCode"]), "fetch") if node else None

    def customers(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed customers, oldest change first."""
        at = dict(cursor or {})
        since = at.get("since")
        found = self._api.query("customers", first=min(limit, 100), after=at.get("after"), query=since_query(since))[
            "customers"
        ]
        messages = [customer_message(node, "poll") for node in found["nodes"]]
        return self._next(at, since, messages, found["pageInfo"])

    def customer(self, external_id: str) -> RawMessage | None:
        """One customer as it is now."""
        node = self._api.query("customer", identifier={"id": external_id})["customerByIdentifier"]
        return customer_message(node, "fetch") if node else None

    def _next(self, at: Cursor, since: str | None, messages: list[RawMessage], info: Json) -> Page:
        """The page, and where a window that is read in the order of changes goes on."""
        newest = max([at.get("newest") or since or "", *(message.source_version for message in messages)])
        read = int(at.get("read", 0)) + len(messages)
        if not info["hasNextPage"]:
            return Page(
                messages, {"since": earlier(newest, self._config.poll_overlap) if newest else None, "newest": newest}
            )
        if read >= _DEEPEST and newest > (since or ""):
            return Page(messages, {"since": newest, "newest": newest}, more=True)
        return Page(messages, {"since": since, "newest": newest, "after": info["endCursor"], "read": read}, more=True)


def order_message(node: Json, topic: str) -> RawMessage:
    """A polled order as a message."""
    return _message("order", order_payload(node), topic)


def variant_message(payload: Json, topic: str) -> RawMessage:
    """A polled variant as a message."""
    return _message("variant", payload, topic)


def customer_message(node: Json, topic: str) -> RawMessage:
    """A polled customer as a message."""
    return _message("customer", customer(node) or {}, topic)


def _message(stream: str, payload: Json, topic: str) -> RawMessage:
    version = version_of(payload["updated_at"])
    # The buyer's own data changes without the order: that makes no new fact of the order.
    content = {name: value for name, value in payload.items() if name != "customer"}
    return RawMessage(
        stream=stream,
        external_id=payload["admin_graphql_api_id"],
        payload=payload,
        dedupe_key=f"poll:{payload['admin_graphql_api_id']}:{version}:{fingerprint(content)}",
        topic=topic,
        source_version=version,
        occurred_at=version,
    )
