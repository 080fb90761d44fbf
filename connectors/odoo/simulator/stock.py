"""Warehouses, what lies in them, and its moves and reservations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.orm import Env, Field, Model, Row, char, flag, moment, number, one, rpc

_OPEN = ("confirmed", "partially_available", "assigned")


class Locations(Model):
    """stock.location."""

    name = "stock.location"
    title = "Inventory Locations"
    rec_name = "complete_name"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(),
        "complete_name": char(),
        "usage": Field("selection", default="internal"),
        "warehouse_id": one("stock.warehouse"),
    }

    def special(self, usage: str) -> int:
        """The one location of this usage."""
        return int(next(row["id"] for row in self.rows.values() if row["usage"] == usage))


class Warehouses(Model):
    """stock.warehouse: it comes with its locations and operation types."""

    name = "stock.warehouse"
    title = "Warehouse"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "code": char(required=True), "active": flag(True), "company_id": one("res.company", default=1),
        "partner_id": one("res.partner"), "lot_stock_id": one("stock.location"), "view_location_id": one("stock.location"),
        "in_type_id": one("stock.picking.type"),
    }  # fmt: skip

    def _created(self, row: Row) -> None:
        locations, types = self.env["stock.location"], self.env["stock.picking.type"]
        code = row["code"]
        view = locations.insert({"name": code, "complete_name": code, "usage": "view", "warehouse_id": row["id"]})
        stock = locations.insert(
            {"name": "Stock", "complete_name": f"{code}/Stock", "usage": "internal", "warehouse_id": row["id"]}
        )
        row["view_location_id"], row["lot_stock_id"] = view["id"], stock["id"]
        for name, kind, letters in (("Receipts", "incoming", "IN"), ("Delivery Orders", "outgoing", "OUT")):
            target = stock["id"] if kind == "incoming" else locations.special("customer")
            made = types.insert({
                "name": name, "code": kind, "sequence_code": letters, "warehouse_id": row["id"], "default_location_dest_id": target,
            })  # fmt: skip
            if kind == "incoming":
                row["in_type_id"] = made["id"]


class PickingTypes(Model):
    """stock.picking.type."""

    name = "stock.picking.type"
    title = "Picking Type"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(),
        "code": Field("selection"),
        "sequence_code": char(),
        "warehouse_id": one("stock.warehouse"),
        "default_location_dest_id": one("stock.location"),
    }

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self._numbers: dict[int, int] = {}

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return f"{self.env['stock.warehouse'].rows[row['warehouse_id']]['name']}: {row['name']}"

    def of(self, warehouse: int, code: str) -> Row:
        """The warehouse's operation type of this kind."""
        return next(row for row in self.rows.values() if row["warehouse_id"] == warehouse and row["code"] == code)

    def number(self, type_: Row) -> str:
        """The next name of this kind, such as WH/OUT/00001."""
        number = self._numbers[type_["id"]] = self._numbers.get(type_["id"], 0) + 1
        return (
            f"{self.env['stock.warehouse'].rows[type_['warehouse_id']]['code']}/{type_['sequence_code']}/{number:05d}"
        )


class Quants(Model):
    """stock.quant: what lies where."""

    name = "stock.quant"
    title = "Quants"
    fields: ClassVar[dict[str, Field]] = {
        "product_id": one("product.product", required=True), "location_id": one("stock.location", required=True), "quantity": number(),
        "reserved_quantity": number(), "available_quantity": number(compute="_available"), "inventory_quantity": number(),
        "in_date": moment(), "warehouse_id": one("stock.warehouse", compute="_warehouse"),
    }  # fmt: skip

    def _available(self, row: Row) -> Decimal:
        return Decimal(row["quantity"] - row["reserved_quantity"])

    def _warehouse(self, row: Row) -> Any:
        return self.env["stock.location"].rows[row["location_id"]]["warehouse_id"]

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        row["in_date"] = self.env.now

    def _created(self, row: Row) -> None:
        """Odoo makes no second quant for the same place: a new one is merged into it."""
        twin = next((q for q in self.rows.values() if q is not row and _place(q) == _place(row)), None)
        if twin is not None and row["inventory_quantity"]:
            twin["inventory_quantity"] = row["inventory_quantity"]

    @rpc
    def action_apply_inventory(self, ids: list[int]) -> bool:
        """Make the counted quantity the quantity, by a move from or to the inventory location."""
        for id_ in ids:
            row = self.get(id_)
            self.adjust(row["product_id"], row["location_id"], row["inventory_quantity"])
        return True

    def adjust(self, product: int, location: int, quantity: Decimal) -> None:
        """Set the quantity at a location; the difference is a done move."""
        row = self.at(product, location)
        difference = quantity - row["quantity"]
        if not difference:
            return
        outside = self.env["stock.location"].special("inventory")
        source, target = (outside, location) if difference > 0 else (location, outside)
        self.env["stock.move"].insert({
            "product_id": product, "product_uom_qty": abs(difference), "quantity": abs(difference), "state": "done", "picked": True,
            "location_id": source, "location_dest_id": target, "origin": "Physical Inventory",
        })  # fmt: skip
        self.shift(product, location, difference)
        self.env["stock.picking"].assign_waiting(product)

    def at(self, product: int, location: int) -> Row:
        """The quant of this product at this location, made where there is none."""
        found = next((q for q in self.rows.values() if _place(q) == (product, location)), None)
        return found or self.insert({"product_id": product, "location_id": location})

    def shift(
        self, product: int, location: int, quantity: Decimal = Decimal(0), reserved: Decimal = Decimal(0)
    ) -> None:
        """Add to what lies or is reserved there. Nothing left and nothing reserved: Odoo deletes the quant."""
        row = self.at(product, location)
        values = {
            "quantity": row["quantity"] + quantity,
            "reserved_quantity": max(Decimal(0), row["reserved_quantity"] + reserved),
        }
        self.change(row, values)
        if not row["quantity"] and not row["reserved_quantity"]:
            self.drop(row)


def _place(quant: Row) -> tuple[int, int]:
    return (quant["product_id"], quant["location_id"])


class Moves(Model):
    """stock.move. ``quantity`` is what is reserved, or what was done."""

    name = "stock.move"
    title = "Stock Move"
    order = "sequence, id"
    fields: ClassVar[dict[str, Field]] = {
        "sequence": number("integer", default=Decimal(10)),
        "product_id": one("product.product", required=True), "product_uom_qty": number(),
        "product_uom": one("uom.uom", default=1),
        "quantity": number(), "picked": flag(), "state": Field("selection", default="confirmed"), "picking_id": one("stock.picking"),
        "sale_line_id": one("sale.order.line"), "location_id": one("stock.location"), "location_dest_id": one("stock.location"),
        "date": moment(), "origin": char(), "reference": char(compute="_reference"), "origin_returned_move_id": one("stock.move"),
        "to_refund": flag(True),
    }  # fmt: skip

    def _fields(self) -> dict[str, Field]:
        older = {"group_id": one("procurement.group"), "name": char()}
        return {**self.fields, **(older if self.env.version < 19 else {})}

    def _defaults(self, row: Row, vals: Row) -> None:
        row["date"] = row["date"] or self.env.now
        picking = self.env["stock.picking"].rows.get(row["picking_id"]) if row["picking_id"] else None
        if picking is None:
            return
        if "state" not in vals and picking["state"] == "draft":
            row["state"] = "draft"
        # its moves say to which order a transfer belongs: since 19 by their order lines, until 18 by their group
        if self.env.version >= 19:
            lines = self.env["sale.order.line"].rows
            if row["sale_line_id"] and not picking["sale_id"]:
                picking["sale_id"] = lines[row["sale_line_id"]]["order_id"]
        elif row["group_id"]:
            picking["sale_id"] = self.env["procurement.group"].rows[row["group_id"]]["sale_id"]
        elif picking["sale_id"]:
            row["group_id"] = self.env["procurement.group"].of(self.env["sale.order"].rows[picking["sale_id"]])

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return str(self.env["product.product"].shown_as(self.env["product.product"].rows[row["product_id"]]))

    def _reference(self, row: Row) -> Any:
        picking = self.env["stock.picking"].rows.get(row["picking_id"]) if row["picking_id"] else None
        return picking["name"] if picking else row["origin"]

    def _written(self, row: Row, before: Row) -> None:
        """Writing the quantity of an open move reserves or frees as much."""
        if row["state"] in _OPEN and row["quantity"] != before["quantity"] and self._internal(row):
            self.env["stock.quant"].shift(
                row["product_id"], row["location_id"], reserved=row["quantity"] - before["quantity"]
            )

    def _internal(self, row: Row) -> bool:
        return bool(self.env["stock.location"].rows[row["location_id"]]["usage"] == "internal")

    def reserve(self, row: Row) -> None:
        """Reserve what is free of what is still needed."""
        needed = row["product_uom_qty"] - row["quantity"]
        if row["state"] not in _OPEN or needed <= 0:
            return
        free = needed
        if self._internal(row) and self.env["product.product"].rows[row["product_id"]]["is_storable"]:
            quants = [
                q for q in self.env["stock.quant"].rows.values() if _place(q) == (row["product_id"], row["location_id"])
            ]
            free = min(
                needed, max(Decimal(0), sum((q["quantity"] - q["reserved_quantity"] for q in quants), Decimal(0)))
            )
        reserved = row["quantity"] + free
        state = "assigned" if reserved >= row["product_uom_qty"] else "partially_available" if reserved else "confirmed"
        if free or state != row["state"]:
            self.change(row, {"quantity": reserved, "state": state})

    def done(self, row: Row) -> None:
        """What was picked has left, or arrived."""
        quants, moved = self.env["stock.quant"], row["quantity"]
        if self.env["product.product"].rows[row["product_id"]]["is_storable"]:
            if self._internal(row):
                quants.shift(row["product_id"], row["location_id"], -moved, -moved)
            if self.env["stock.location"].rows[row["location_dest_id"]]["usage"] == "internal":
                quants.shift(row["product_id"], row["location_dest_id"], moved)
        row["state"] = "done"
        self.change(row, {"product_uom_qty": moved, "date": self.env.now, "picked": True})

    def free(self, row: Row) -> None:
        """Give back what is reserved."""
        if row["state"] in _OPEN and row["quantity"]:
            self.change(row, {"quantity": Decimal(0), "state": "confirmed"})


MODELS = (Locations, Warehouses, PickingTypes, Quants, Moves)
