"""Stock levels out of the shop: what each location has of each item, read location by location.

The shop can search one location's levels by their change and pages them in an order of its own: a window is walked location by location,
and the next one begins where this one was begun, ``poll_overlap`` seconds early.
"""

from __future__ import annotations

from connectors.shopify.api import ShopifyApi
from connectors.shopify.bulk import Bulk
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.finding import Finding
from connectors.shopify.shapes import Json, earlier, fingerprint, number_of, since_query, version_of
from hub.sdk.connector import Clock
from hub.sdk.records import Cursor, Page, RawMessage

_NAMES = ("available", "on_hand", "committed", "reserved", "incoming", "damaged", "safety_stock", "quality_control")


class Levels:
    """Reads inventory levels."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, clock: Clock, finding: Finding, bulk: Bulk) -> None:
        self._api = api
        self._config = config
        self._clock = clock
        self._finding = finding
        self._bulk = bulk

    def page(self, cursor: Cursor | None, limit: int) -> Page:
        """The next changed levels of one location. A page without any may still have more behind it: the other locations.

        At the very first, all levels by a background query, if so set.
        """
        at = dict(cursor or {})
        begun = at.get("begun") or version_of(self._clock.now().isoformat())
        if "bulk" in at or (not at and self._config.bulk_import):
            return self._bulk.page("levels_bulk", at, begun, self._config.poll_overlap, self._rows)
        places = sorted(node["id"] for node in self._finding.locations())
        place = at.get("location") or next(iter(places), None)
        if place is None:
            return Page([], {"since": earlier(begun, self._config.poll_overlap)})
        asked = {"first": min(limit, 100), "after": at.get("after"), "query": since_query(at.get("since"))}
        found = self._api.query("levels", location=place, **asked)["location"]
        messages, info = [], {"hasNextPage": False}
        if found is not None:  # else it was deleted meanwhile
            messages = [self._message(node, "poll") for node in found["inventoryLevels"]["nodes"]]
            info = found["inventoryLevels"]["pageInfo"]
        window = {"since": at.get("since"), "begun": begun}
        if info["hasNextPage"]:
            return Page(messages, {**window, "location": place, "after": info["endCursor"]}, more=True)
        further = next((other for other in places if other > place), None)
        if further is not None:
            return Page(messages, {**window, "location": further}, more=True)
        return Page(messages, {"since": earlier(begun, self._config.poll_overlap)})

    def _rows(self, rows: list[Json], _: str) -> list[RawMessage]:
        """The levels in a piece of the file; its other records are the locations that they belong to."""
        return [self._message(row, "poll") for row in rows if "__parentId" in row]

    def one(self, external_id: str) -> RawMessage | None:
        """One level as it is now."""
        node = self._api.query("level", id=external_id)["inventoryLevel"]
        return self._message(node, "fetch") if node else None

    def _message(self, node: Json, topic: str) -> RawMessage:
        payload = self._payload(node)
        version = version_of(node["updatedAt"])
        return RawMessage(
            stream="inventory_level",
            external_id=node["id"],
            payload=payload,
            dedupe_key=f"poll:{node['id']}:{version}:{fingerprint(payload)}",
            topic=topic,
            source_version=version,
            occurred_at=version,
        )

    def _payload(self, node: Json) -> Json:
        """A level in the shape of REST's, with its SKU, its warehouse and all its quantities beside it."""
        item, place = node["item"], node["location"]
        known = {found["name"]: found["quantity"] for found in node["quantities"]}
        return {
            "admin_graphql_api_id": node["id"],
            "inventory_item_id": number_of(item["id"]),
            "location_id": number_of(place["id"]),
            "sku": item["sku"],
            "tracked": item["tracked"],
            "warehouse": self._code(place),
            "active": node["isActive"],
            **{name: known.get(name) for name in _NAMES},
            "updated_at": node["updatedAt"],
        }

    def _code(self, place: Json) -> str:
        """The warehouse's code, as the connection's settings have it; else the location's name."""
        named = {place["id"], place["name"].casefold()}
        codes = [code for code, wanted in self._config.locations.items() if {wanted, wanted.casefold()} & named]
        return codes[0] if codes else str(place["name"])
