"""Warehouses, stock, reservations, and deliveries with their partial ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, moment, number, one, rpc

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
            types.insert({"name": name, "code": kind, "sequence_code": letters, "warehouse_id": row["id"]})


class PickingTypes(Model):
    """stock.picking.type."""

    name = "stock.picking.type"
    title = "Picking Type"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(),
        "code": Field("selection"),
        "sequence_code": char(),
        "warehouse_id": one("stock.warehouse"),
        "last": number("integer"),
    }

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return f"{self.env['stock.warehouse'].rows[row['warehouse_id']]['name']}: {row['name']}"

    def of(self, warehouse: int, code: str) -> Row:
        """The warehouse's operation type of this kind."""
        return next(row for row in self.rows.values() if row["warehouse_id"] == warehouse and row["code"] == code)

    def number(self, type_: Row) -> str:
        """The next name of this kind, such as WH/OUT/00001."""
        type_["last"] = int(type_["last"]) + 1
        return f"{self.env['stock.warehouse'].rows[type_['warehouse_id']]['code']}/{type_['sequence_code']}/{type_['last']:05d}"


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
        "quantity": number(), "picked": flag(), "state": Field("selection", default="confirmed"), "picking_id": one("stock.picking"),
        "sale_line_id": one("sale.order.line"), "location_id": one("stock.location"), "location_dest_id": one("stock.location"),
        "date": moment(), "origin": char(), "reference": char(compute="_reference"), "origin_returned_move_id": one("stock.move"),
        "to_refund": flag(True),
    }  # fmt: skip

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        row["date"] = row["date"] or self.env.now

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


class Pickings(Model):
    """stock.picking: deliveries and receipts. The fields of the carrier come with the module stock_delivery."""

    name = "stock.picking"
    title = "Transfer"
    order = "id desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(), "state": Field("selection", default="confirmed"), "origin": char(), "sale_id": one("sale.order"),
        "partner_id": one("res.partner"), "picking_type_id": one("stock.picking.type"), "location_id": one("stock.location"),
        "location_dest_id": one("stock.location"), "move_ids": many("stock.move", "picking_id"), "backorder_id": one("stock.picking"),
        "backorder_ids": many("stock.picking", "backorder_id"), "scheduled_date": moment(), "date_done": moment(),
        "company_id": one("res.company", default=1), "return_id": one("stock.picking"),
    }  # fmt: skip

    def _fields(self) -> dict[str, Field]:
        carrier = {
            "carrier_id": one("delivery.carrier"),
            "carrier_tracking_ref": char(),
            "carrier_tracking_url": char(),
        }
        return {**self.fields, **(carrier if "stock_delivery" in self.env.modules else {})}

    def _moves(self, row: Row) -> list[Row]:
        return [move for move in self.env["stock.move"].rows.values() if move["picking_id"] == row["id"]]

    # --- planning

    def deliver_order(self, order: Row) -> None:
        """Plan the delivery of a confirmed order: goods only, no services."""
        lines = [line for line in self.env["sale.order.line"].rows.values() if line["order_id"] == order["id"]]
        for line in sorted(lines, key=lambda one: (one["sequence"], one["id"])):
            self.replan(order, line, line["product_uom_qty"], plan_only=True)
        for picking in self._open(order):
            self.action_assign([picking["id"]])

    def replan(self, order: Row, line: Row, difference: Decimal, *, plan_only: bool = False) -> None:
        """More or less of one order line is to be delivered."""
        product = self.env["product.product"].rows.get(line["product_id"]) if line["product_id"] else None
        if product is None or product["type"] == "service" or not difference:
            return
        moves = self.env["stock.move"]
        open_ = [
            m
            for p in self._open(order)
            for m in self._moves(p)
            if m["sale_line_id"] == line["id"] and m["state"] in _OPEN
        ]
        if open_:
            wanted = open_[0]["product_uom_qty"] + difference
            moves.free(open_[0])
            moves.change(
                open_[0],
                {"product_uom_qty": wanted} if wanted > 0 else {"product_uom_qty": Decimal(0), "state": "cancel"},
            )
            touched = self.rows[open_[0]["picking_id"]]
        elif difference > 0:
            touched = (self._open(order) or [self.plan(order)])[0]
            moves.insert({
                "picking_id": touched["id"], "product_id": line["product_id"], "product_uom_qty": difference, "sale_line_id": line["id"],
                "location_id": touched["location_id"], "location_dest_id": touched["location_dest_id"], "origin": touched["origin"],
            })  # fmt: skip
        else:
            return
        if not plan_only:
            self.action_assign([touched["id"]])
        self._settle_state(touched)

    def _open(self, order: Row) -> list[Row]:
        return [p for p in self.rows.values() if p["sale_id"] == order["id"] and p["state"] in _OPEN]

    def plan(self, order: Row) -> Row:
        """A new, empty delivery of an order."""
        warehouse = self.env["stock.warehouse"].rows[order["warehouse_id"]]
        type_ = self.env["stock.picking.type"].of(warehouse["id"], "outgoing")
        reference = f" - {order['client_order_ref']}" if self.env.version < 19 and order["client_order_ref"] else ""
        return self.insert({
            "name": self.env["stock.picking.type"].number(type_), "sale_id": order["id"],
            "origin": f"{order['name']}{reference}", "partner_id": order["partner_shipping_id"], "picking_type_id": type_["id"],
            "location_id": warehouse["lot_stock_id"], "location_dest_id": self.env["stock.location"].special("customer"),
            "scheduled_date": self.env.now, "company_id": order["company_id"],
        })  # fmt: skip

    def assign_waiting(self, product: int) -> None:
        """Stock came in: deliveries that wait for it get it, the oldest first."""
        waiting = {
            m["picking_id"]
            for m in self.env["stock.move"].rows.values()
            if m["product_id"] == product and m["state"] in _OPEN
        }
        for id_ in sorted(id_ for id_ in waiting if id_):
            self.action_assign([id_])

    def _settle_state(self, row: Row) -> None:
        states = {move["state"] for move in self._moves(row)} - {"cancel"}
        if not states:
            state = "cancel"
        elif states == {"done"}:
            state = "done"
        else:
            state = "assigned" if states <= {"assigned", "partially_available", "done"} else "confirmed"
        if state != row["state"]:
            self.change(row, {"state": state})

    # --- methods that can be called from outside

    @rpc
    def action_assign(self, ids: list[int]) -> bool:
        """Check availability: reserve what is there."""
        for id_ in ids:
            for move in self._moves(self.get(id_)):
                self.env["stock.move"].reserve(move)
            self._settle_state(self.get(id_))
        return True

    @rpc
    def action_cancel(self, ids: list[int]) -> bool:
        """Cancel transfers that are not done."""
        moves = self.env["stock.move"]
        for id_ in ids:
            row = self.get(id_)
            if row["state"] == "done":
                raise user_error("You cannot cancel a stock move that has been set to 'Done'.")
            for move in self._moves(row):
                moves.free(move)
                moves.change(move, {"state": "cancel"})
            self.change(row, {"state": "cancel"})
        return True

    @rpc
    def button_validate(self, ids: list[int]) -> Any:
        """Do the transfers. Where less than planned was picked, Odoo does nothing yet: it answers with the question about a backorder."""
        for id_ in ids:
            if not self._quantities(self.get(id_)):
                raise user_error("You cannot validate a transfer if no quantities are reserved.")
        short = [id_ for id_ in ids if self._short(self.get(id_))]
        if short and not self.env.context.get("skip_backorder"):
            return {
                "name": "Create Backorder?", "type": "ir.actions.act_window", "view_mode": "form",
                "res_model": "stock.backorder.confirmation",
                "views": [[933, "form"]], "view_id": 933, "target": "new",
                "context": {
                    "button_validate_picking_ids": ids, "default_show_transfers": False, "default_pick_ids": [[4, id_] for id_ in short],
                },
            }  # fmt: skip
        no_backorder = self.env.context.get("picking_ids_not_to_backorder") or []
        for id_ in ids:
            self.finish(self.get(id_), backorder=id_ not in no_backorder)
        return True

    def _quantities(self, row: Row) -> dict[int, Decimal]:
        """What goes out by move: what was marked as picked, or all that is reserved where nothing was marked."""
        moves = [move for move in self._moves(row) if move["state"] in _OPEN]
        picked = [move for move in moves if move["picked"]]
        return {move["id"]: move["quantity"] for move in picked or moves if move["quantity"]}

    def _short(self, row: Row) -> bool:
        done = self._quantities(row)
        return any(
            done.get(m["id"], Decimal(0)) < m["product_uom_qty"] for m in self._moves(row) if m["state"] in _OPEN
        )

    def finish(self, row: Row, *, backorder: bool) -> Row | None:
        """Carry a transfer out; what is left goes into a backorder, which is returned, or is cancelled."""
        moves, done = self.env["stock.move"], self._quantities(row)
        left: list[tuple[Row, Decimal]] = []
        for move in [m for m in self._moves(row) if m["state"] in _OPEN]:
            rest = move["product_uom_qty"] - done.get(move["id"], Decimal(0))
            if move["id"] in done:
                moves.done(move)
                if rest > 0:
                    left.append((self._copy_of(move), rest))
            elif backorder:
                left.append((move, rest))
            else:
                moves.free(move)
                moves.change(move, {"state": "cancel"})
        row["state"] = "done"
        self.change(row, {"date_done": self.env.now})
        self.env.effect("shipment.create", row["id"], {"name": row["name"]})
        return self._backorder(row, left) if left and backorder else None

    def _copy_of(self, move: Row) -> Row:
        names = ("product_id", "sale_line_id", "location_id", "location_dest_id", "origin", "sequence")
        return {name: move[name] for name in names}

    def _backorder(self, row: Row, left: list[tuple[Row, Decimal]]) -> Row:
        type_ = self.env["stock.picking.type"].rows[row["picking_type_id"]]
        names = (
            "origin",
            "sale_id",
            "partner_id",
            "picking_type_id",
            "location_id",
            "location_dest_id",
            "scheduled_date",
        )
        new = self.insert({
            **{name: row[name] for name in names}, "name": self.env["stock.picking.type"].number(type_),
            "backorder_id": row["id"],
        })  # fmt: skip
        for move, rest in left:
            if "id" in move:
                self.env["stock.move"].change(move, {"picking_id": new["id"]})
            else:
                self.env["stock.move"].insert({**move, "picking_id": new["id"], "product_uom_qty": rest})
        self.action_assign([new["id"]])
        return new


class BackorderConfirmation(Model):
    """stock.backorder.confirmation: the answer to the question that button_validate asks."""

    name = "stock.backorder.confirmation"
    title = "Backorder Confirmation"
    fields: ClassVar[dict[str, Field]] = {"pick_ids": many("stock.picking"), "show_transfers": flag()}

    @rpc
    def process(self, ids: list[int]) -> bool:  # noqa: ARG002
        """Do what was picked, and make a backorder of the rest."""
        return self._finish(backorder=True)

    @rpc
    def process_cancel_backorder(self, ids: list[int]) -> bool:  # noqa: ARG002
        """Do what was picked, and cancel the rest."""
        return self._finish(backorder=False)

    def _finish(self, *, backorder: bool) -> bool:
        pickings = self.env["stock.picking"]
        for id_ in self.env.context.get("button_validate_picking_ids") or []:
            pickings.finish(pickings.get(int(id_)), backorder=backorder)
        return True


class Carriers(Model):
    """delivery.carrier."""

    name = "delivery.carrier"
    title = "Delivery Methods"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True), "active": flag(True)}


MODELS = (Locations, Warehouses, PickingTypes, Quants, Moves, Pickings, BackorderConfirmation, Carriers)
