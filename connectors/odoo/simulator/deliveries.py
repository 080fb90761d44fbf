"""Deliveries and receipts: planned, reserved, done in parts, returned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, moment, one, rpc

_OPEN = ("confirmed", "partially_available", "assigned")


class Pickings(Model):
    """stock.picking: deliveries and receipts. The fields of the carrier come with the module stock_delivery."""

    name = "stock.picking"
    title = "Transfer"
    order = "id desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(), "state": Field("selection", default="draft"), "origin": char(), "sale_id": one("sale.order"),
        "partner_id": one("res.partner"), "picking_type_id": one("stock.picking.type"), "location_id": one("stock.location"),
        "location_dest_id": one("stock.location"), "move_ids": many("stock.move", "picking_id"), "backorder_id": one("stock.picking"),
        "backorder_ids": many("stock.picking", "backorder_id"), "scheduled_date": moment(), "date_done": moment(),
        "company_id": one("res.company", default=1), "return_id": one("stock.picking"), "note": Field("html"),
    }  # fmt: skip

    def _fields(self) -> dict[str, Field]:
        carrier = {
            "carrier_id": one("delivery.carrier"),
            "carrier_tracking_ref": char(),
            "carrier_tracking_url": char(),
        }
        return {**self.fields, **(carrier if "stock_delivery" in self.env.modules else {})}

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        type_ = self.env["stock.picking.type"].rows[row["picking_type_id"]]
        row["name"] = row["name"] or self.env["stock.picking.type"].number(type_)

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
            "name": self.env["stock.picking.type"].number(type_), "sale_id": order["id"], "state": "confirmed",
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
    def action_confirm(self, ids: list[int]) -> bool:
        """Mark a draft as to do, and reserve for it."""
        for row in [self.get(id_) for id_ in ids]:
            for move in self._moves(row):
                if move["state"] == "draft":
                    self.env["stock.move"].change(move, {"state": "confirmed"})
            if row["state"] == "draft":
                self.change(row, {"state": "confirmed"})
        return self.action_assign(ids)

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
        """Do the transfers. Where less than planned was picked, Odoo does nothing yet: it answers with the question about a backorder.

        A transfer that is done is left as it is, and Odoo says true.
        """
        ids = [id_ for id_ in ids if self.get(id_)["state"] != "done"]
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
        self.env.effect(f"{self._kind(row)}.create", row["id"], {"name": row["name"]})
        return self._backorder(row, left) if left and backorder else None

    def _written(self, row: Row, before: Row) -> None:
        if row["state"] == before["state"] == "done":
            self.env.effect(f"{self._kind(row)}.update", row["id"], {"name": row["name"]})

    def _kind(self, row: Row) -> str:
        return "return" if row["return_id"] else "shipment"

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
            "backorder_id": row["id"], "state": "confirmed",
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


class Groups(Model):
    """procurement.group: until Odoo 18, what ties the moves of an order together, and by them its transfers."""

    name = "procurement.group"
    title = "Procurement Group"
    fields: ClassVar[dict[str, Field]] = {"name": char(), "sale_id": one("sale.order")}

    def of(self, order: Row) -> int:
        """The group of an order, made where there is none."""
        known = next((row["id"] for row in self.rows.values() if row["sale_id"] == order["id"]), None)
        return int(known or self.insert({"name": order["name"], "sale_id": order["id"]})["id"])


MODELS = (Pickings, BackorderConfirmation, Carriers)
