"""A real Odoo in the simulated one's place: the same things that people do there, done over its API.

For the demo and for trials only: it creates products and counts stock in that database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from hub.sdk.http import HttpClient


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is; it looks like the face of a simulator."""

    url: str


class RealOdoo:
    """An Odoo database that stands in for the simulator. Orders and partners are those made since it was opened."""

    name = "odoo"

    def __init__(self, url: str, database: str, api_key: str, login: str = "admin") -> None:
        self.url = url.rstrip("/")
        self._settings = {"url": self.url, "database": database, "api_key": api_key, "login": login}
        config = OdooConfig.model_validate(self._settings)
        self.client = OdooClient(config, HttpClient(allow_hosts=[urlsplit(url).hostname or ""], secrets=[api_key]))
        self._first = {model: self._last(model) for model in ("sale.order", "res.partner", "stock.picking")}
        for sku in (config.shipping_product, config.discount_product):
            if not self._product(sku):
                values = {"name": sku.title(), "default_code": sku, "type": "service", "taxes_id": [[6, 0, []]]}
                self.client.create("product.product", values)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[Address]:  # noqa: ARG002
        """The server's address: it runs already."""
        yield Address(self.url)

    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this database. A strange database's taxes may differ from the shop's."""
        return {**self._settings, "url": url, "on_total_mismatch": "warn"}

    def close(self) -> None:
        """Nothing is held."""

    # --- what people do in Odoo

    def add_product(self, sku: str, name: str, price: Any, stock: Mapping[str, Any] | None = None) -> int:
        """Create a product, or take the one that has this SKU, and count its stock."""
        known = self._product(sku)
        values = {"name": name, "list_price": Decimal(str(price))}
        if known:
            self.client.write("product.product", [known], values)
        else:
            goods = {"default_code": sku, "is_storable": True, "type": "consu"}
            known = self.client.create("product.product", {**values, **goods})
        for code, quantity in (stock or {}).items():
            self._count(known, code, quantity)
        return known

    def set_stock(self, sku: str, wh: str, qty: Any) -> None:
        """Count: make the quantity on hand of a SKU in a warehouse this."""
        self._count(self._product(sku), wh, qty)

    def ship(
        self, order_ref: str, lines: Mapping[str, Any] | None = None, tracking: str | None = None, carrier: str = ""
    ) -> str:  # fmt: skip
        """Ship an order, all that is planned or a part of it; returns the delivery's name. Carriers are left as they are."""
        del carrier
        names = [[name, "=", order_ref] for name in ("name", "origin", "client_order_ref")]
        domain = ["|", "|", *names, ["id", ">", self._first["sale.order"]]]
        order = self.client.search_read("sale.order", domain, ["name"], limit=1)[0]
        waiting = [["sale_id", "=", order["id"]], ["state", "not in", ["done", "cancel"]]]
        picking = self.client.search_read("stock.picking", waiting, ["name", "move_ids"], limit=1)[0]
        moves = self.client.read("stock.move", picking["move_ids"], ["product_id", "product_uom_qty"])
        skus = self.client.read("product.product", [m["product_id"][0] for m in moves.values()], ["default_code"])
        for move in moves.values():
            sku = skus[move["product_id"][0]]["default_code"]
            quantity = move["product_uom_qty"] if lines is None else Decimal(str(lines.get(sku, 0)))
            self.client.write("stock.move", [move["id"]], {"quantity": quantity, "picked": bool(quantity)})
        if tracking and self.client.has("stock.picking", "carrier_tracking_ref"):
            self.client.write("stock.picking", [picking["id"]], {"carrier_tracking_ref": tracking})
        answer = self.client.call("stock.picking", "button_validate", [picking["id"]], effect=True)
        if isinstance(answer, dict) and answer.get("res_model") == "stock.backorder.confirmation":
            wizard = self.client.create("stock.backorder.confirmation", {}, context=answer["context"])
            call = "stock.backorder.confirmation", "process", [wizard]
            self.client.call(*call, effect=True, context=answer["context"])
        return str(picking["name"])

    # --- what is in Odoo

    @property
    def orders(self) -> list[Record]:
        """The sale orders made since, with ``lines`` [{sku, quantity, price, discount, delivered}]."""
        fields = [
            "name",
            "origin",
            "client_order_ref",
            "state",
            "amount_total",
            "amount_tax",
            "amount_untaxed",
            "currency_id",
        ]
        orders = self.client.search_read(
            "sale.order", [["id", ">", self._first["sale.order"]]], [*fields, "partner_id"]
        )
        asked = ["order_id", "product_id", "product_uom_qty", "price_unit", "discount", "qty_delivered"]
        rows = self.client.search_read("sale.order.line", [["order_id", "in", [o["id"] for o in orders]]], asked)
        skus = self._skus(rows)
        return [
            {
                **order, "currency": order["currency_id"][1], "partner_id": order["partner_id"][0],
                "lines": [
                    {
                        "sku": skus.get(row["product_id"][0]), "quantity": row["product_uom_qty"], "price": row["price_unit"],
                        "discount": row["discount"], "delivered": row["qty_delivered"],
                    }
                    for row in rows if row["order_id"][0] == order["id"] and row["product_id"]
                ],
            }
            for order in orders
        ]  # fmt: skip

    @property
    def partners(self) -> list[Record]:
        """The partners made since."""
        fields = ["name", "email", "type", "street", "parent_id", "ref"]
        return self.client.search_read("res.partner", [["id", ">", self._first["res.partner"]]], fields)

    @property
    def pickings(self) -> list[Record]:
        """The transfers made since, with ``moves`` [{sku, quantity, state}]."""
        domain = [["id", ">", self._first["stock.picking"]]]
        pickings = self.client.search_read("stock.picking", domain, ["name", "state", "sale_id", "backorder_id"])
        asked = ["picking_id", "product_id", "quantity", "state"]
        moves = self.client.search_read("stock.move", [["picking_id", "in", [p["id"] for p in pickings]]], asked)
        skus = self._skus(moves)
        return [
            {
                **picking,
                "moves": [
                    {"sku": skus.get(move["product_id"][0]), "quantity": move["quantity"], "state": move["state"]}
                    for move in moves if move["picking_id"][0] == picking["id"]
                ],
            }
            for picking in pickings
        ]  # fmt: skip

    def stock(self, sku: str, wh: str = "WH") -> Decimal:
        """What is on hand of a SKU in a warehouse."""
        context = {"warehouse_id": self._warehouse(wh)["id"]}
        id_ = self._product(sku)
        row = self.client.read("product.product", [id_], ["qty_available"], context=context)[id_]
        return Decimal(str(row["qty_available"]))

    def _skus(self, rows: list[Record]) -> dict[int, str]:
        ids = {row["product_id"][0] for row in rows if row["product_id"]}
        return {
            id_: row["default_code"] for id_, row in self.client.read("product.product", ids, ["default_code"]).items()
        }

    def _product(self, sku: str) -> int:
        found = self.client.search_read("product.product", [["default_code", "=", sku]], ["name"], limit=1)
        return int(found[0]["id"]) if found else 0

    def _warehouse(self, code: str) -> Record:
        fields = ["lot_stock_id"]
        found = self.client.search_read("stock.warehouse", [["code", "=", code]], fields, limit=1)
        if not found:
            made = self.client.create("stock.warehouse", {"name": f"Warehouse {code}", "code": code})
            found = list(self.client.read("stock.warehouse", [made], fields).values())
        return found[0]

    def _count(self, product: int, code: str, quantity: Any) -> None:
        # As people do: they open the physical inventory, and Odoo then merges the quants and drops the reservations that orders
        # confirmed at the same time have left behind.
        self.client.call("stock.quant", "action_view_inventory", effect=True)
        location = self._warehouse(code)["lot_stock_id"][0]
        values = {"product_id": product, "location_id": location, "inventory_quantity": Decimal(str(quantity))}
        quant = self.client.create("stock.quant", values, context={"inventory_mode": True})
        self.client.call("stock.quant", "action_apply_inventory", [quant], effect=True)

    def _last(self, model: str) -> int:
        found = self.client.search_read(model, [], ["id"], order="id desc", limit=1, context={"active_test": False})
        return int(found[0]["id"]) if found else 0
