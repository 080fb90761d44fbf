"""Looking records up by what people know them by: SKU, e-mail address, order number, warehouse code."""

from __future__ import annotations

from collections.abc import Collection

from connectors.shopify.api import ShopifyApi
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json, version_of
from hub.errors import Rejected
from hub.sdk.records import ExternalRef


class Finding:
    """Finds one record by its natural key. The search index is only asked for candidates; what counts is the field itself."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig) -> None:
        self._api = api
        self._config = config

    def variant(self, sku: str) -> ExternalRef | None:
        """The variant with exactly this SKU."""
        node = one_variant(self.variants([sku]), sku)
        if node is None:
            return None
        return ExternalRef(
            node["id"], version_of(node["updatedAt"]), {"inventory_item_id": node["inventoryItem"]["id"]}
        )

    def variants(self, skus: Collection[str]) -> list[Json]:
        """What the search index knows of these SKUs, and of similar ones."""
        query = " OR ".join(f"sku:{quoted(sku)}" for sku in skus)
        found: list[Json] = self._api.query("find_variants", query=query)["productVariants"]["nodes"]
        return found

    def customer(self, email: str) -> ExternalRef | None:
        """The customer with this e-mail address, whatever its case."""
        node = self._api.query("customer", identifier={"emailAddress": email})["customerByIdentifier"]
        return ExternalRef(node["id"], version_of(node["updatedAt"])) if node else None

    def order(self, number: str) -> ExternalRef | None:
        """The order with this number, such as #1001."""
        nodes = self._api.query("find_orders", query=f"name:{quoted(number)}")["orders"]["nodes"]
        node = _only([node for node in nodes if node["name"] == number], f"orders with number {number}")
        return ExternalRef(node["id"], version_of(node["updatedAt"])) if node else None

    def location(self, code: str) -> ExternalRef | None:
        """The location of a warehouse code: as the connection's settings say, else the location of that name."""
        wanted = self._config.locations.get(code, code)
        node = _only(
            [node for node in self.locations() if wanted == node["id"] or wanted.casefold() == node["name"].casefold()],
            f"locations for warehouse {code}",
        )
        return ExternalRef(node["id"], version_of(node["updatedAt"]), {"name": node["name"]}) if node else None

    def locations(self) -> list[Json]:
        """Every location that is in use."""
        nodes: list[Json] = []
        after = None
        while True:
            page = self._api.query("locations", first=50, after=after)["locations"]
            nodes += [node for node in page["nodes"] if node["isActive"]]
            if not page["pageInfo"]["hasNextPage"]:
                return nodes
            after = page["pageInfo"]["endCursor"]


def one_variant(nodes: list[Json], sku: str) -> Json | None:
    """The only one of the variants found that has exactly this SKU."""
    return _only([node for node in nodes if node["sku"] == sku], f"variants with SKU {sku}")


def _only(nodes: list[Json], what: str) -> Json | None:
    if len(nodes) > 1:
        raise Rejected(f"the shop has {len(nodes)} {what}", code="XREF-CONFLICT", fix="Keep one of them.")
    return nodes[0] if nodes else None


def quoted(value: str) -> str:
    """A value as a phrase of Shopify's search language."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
