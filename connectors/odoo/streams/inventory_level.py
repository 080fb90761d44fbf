"""Stock of one product in one warehouse.

Odoo has no record for it: quantities come from quants, reservations and planned moves. A change in any of them touches a
stock.quant or a stock.move, so both are walked, and the quantities of the products they name are then read anew, all products
of a page in one call a warehouse. What is reported is therefore always the present level, never a difference.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.odoo.changes import BEGINNING, Walk, fingerprint, iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import OdooStream, many2one
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import Cursor, Page, RawMessage

_QUANTITIES = ("qty_available", "free_qty", "incoming_qty", "outgoing_qty", "virtual_available")
_QUANT = ["product_id", "location_id", "quantity", "reserved_quantity"]
_MOVE = ["product_id", "state", "product_uom_qty", "quantity", "date"]

_WALKS = (
    ("quant", "stock.quant", (["location_id.usage", "=", "internal"],), _QUANT),
    ("move", "stock.move", (), _MOVE),
)


class InventoryLevels(OdooStream):
    """Levels per product and warehouse; the external id is ``<product id>@<warehouse id>``."""

    stream = Stream("inventory_level", "inventory_level", poll=FULL, fetch=FULL, state_carrying=True)

    def poll(self, cursor: Cursor | None, limit: int) -> Page:
        """First every stocked product, then those whose quants or moves changed."""
        state: dict[str, Any] = dict(cursor) if cursor else self._beginning()
        if self._is_due(state):
            state = {**state, "phase": "all", "after": 0, "full_at": self.clock.now().isoformat()}
        warehouses = self._warehouses()
        batch = max(1, limit // max(1, len(warehouses)))  # each product gives a message for each warehouse
        if state["phase"] == "all":
            return self._all(state, warehouses, batch)
        rows, state, more = self._changes(state, batch)
        versions: dict[int, str] = {}
        for row in rows:
            product = many2one(row["product_id"])
            if product:
                versions[product] = max(versions.get(product, ""), row["write_date"])
        return Page(self._levels(versions, warehouses), state, more)

    def _changes(self, state: dict[str, Any], batch: int) -> tuple[list[Record], dict[str, Any], bool]:
        """Changed quants, and when there are no more of them, changed moves; a round is over when both are through."""
        rows: list[Record] = []
        for phase, model, domain, fields in _WALKS[1 if state["phase"] == "move" else 0 :]:
            room = batch - len(rows)
            if room <= 0:
                return rows, {**state, "phase": phase}, True
            walk = Walk.of(state[phase])
            found, more = walk.step(
                self.client, model, list(domain), fields, room, overlap=self.config.overlap, now=self.clock.now()
            )
            rows += found
            state = {**state, phase: walk.as_cursor(), "phase": phase}
            if more:
                return rows, state, True
        return rows, {**state, "phase": "quant"}, False

    def fetch(self, external_id: str) -> RawMessage | None:
        """The level as it is now."""
        product, _, warehouse = external_id.partition("@")
        if not (product.isdigit() and warehouse.isdigit()):
            return None
        wanted = [w for w in self._warehouses() if w["id"] == int(warehouse)]
        version = self.clock.now().strftime("%Y-%m-%d %H:%M:%S")
        return next(iter(self._levels({int(product): version}, wanted)), None)

    def _all(self, state: dict[str, Any], warehouses: list[Record], batch: int) -> Page:
        stocked = (
            ["is_storable", "=", True]
            if self.client.has("product.product", "is_storable")
            else ["type", "=", "product"]
        )
        domain = [stocked, ["id", ">", state["after"]]]
        products = self.client.search_read("product.product", domain, ["write_date"], limit=batch)
        newest = max(state["quant"].get("high") or BEGINNING, state["move"].get("high") or BEGINNING)
        versions = {p["id"]: newest for p in products}
        full = len(products) >= batch
        following = {**state, "after": products[-1]["id"]} if full else {**state, "phase": "quant", "after": 0}
        return Page(self._levels(versions, warehouses), following, full)

    def _is_due(self, state: dict[str, Any]) -> bool:
        """Is it time to read all levels again? Odoo's own clean-up changes quants by SQL, without touching their write_date."""
        every = self.config.full_stock_every
        if not every or state["phase"] != "quant":
            return False
        return (self.clock.now() - datetime.fromisoformat(state["full_at"])).total_seconds() >= every

    def cursor_since(self, moment: datetime) -> Cursor:
        """The position from which every level whose quants or moves changed since then is read."""
        walk = Walk.since(moment).as_cursor()
        return {"full_at": self.clock.now().isoformat(), "phase": "quant", "after": 0, "quant": walk, "move": walk}

    def _beginning(self) -> dict[str, Any]:
        now = self.clock.now().isoformat()
        return {
            "full_at": now,
            "phase": "all",
            "after": 0,
            "quant": self._newest("stock.quant"),
            "move": self._newest("stock.move"),
        }

    def _newest(self, model: str) -> Cursor:
        """Where a walk of changes must begin so that nothing that happens during the first full reading is missed."""
        rows = self.client.search_read(model, [], ["write_date"], order="write_date desc, id desc", limit=1)
        return Walk(high=rows[0]["write_date"] if rows else "").as_cursor()

    def _warehouses(self) -> list[Record]:
        return self.client.search_read("stock.warehouse", [], ["code", "name"])

    def _levels(self, versions: dict[int, str], warehouses: list[Record]) -> list[RawMessage]:
        if not versions:
            return []
        messages: list[RawMessage] = []
        fields = ["default_code", "uom_id", *_QUANTITIES]
        for warehouse in warehouses:
            found = self.client.read("product.product", versions, fields, context={"warehouse_id": warehouse["id"]})
            messages += [self._message(record, warehouse, versions[id_]) for id_, record in found.items()]
        return messages

    def _message(self, product: Record, warehouse: Record, version: str) -> RawMessage:
        external_id = f"{product['id']}@{warehouse['id']}"
        level = {name: product[name] for name in _QUANTITIES}
        payload = {
            "id": external_id,
            "product_id": product["id"],
            "default_code": product["default_code"],
            "uom_id": product["uom_id"],
            "warehouse": warehouse,
            **level,
        }
        return RawMessage(
            stream=self.stream.name,
            external_id=external_id,
            payload=payload,
            topic="stock.quant/changed",
            dedupe_key=f"inventory_level/{external_id}@{iso(version)}#{fingerprint(level)}",
            source_version=iso(version),
            occurred_at=iso(version),
        )
