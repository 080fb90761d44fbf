"""Taking goods back: the receipt of a return, planned when it is agreed and carried out when the goods have come.

Odoo's own wizard makes a new receipt each time it is asked. So the hub makes the receipt by Odoo's import under an external id, as it
makes orders: eight workers that send one return make one receipt. Its moves say which delivered moves they take back, as the wizard's
do, so that Odoo counts less as delivered and a person cannot return the same pieces once more.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.streams.base import external_name, many2one
from connectors.odoo.streams.moves import assigned, line_keys
from connectors.odoo.streams.order_lines import number
from hub.errors import Rejected

CAME = ("received", "inspected", "closed")
"""The goods are there."""
OFF = ("rejected", "cancelled")
"""They will not come."""
_READ = ("name", "state", "note", "write_date", "carrier_tracking_ref")
_MOVE = ("picking_id", "product_id", "product_uom_qty", "quantity", "sale_line_id", "state")
_ELSEWHERE = ("scrap", "repair", "exchange")


class Returning:
    """Makes, carries out and cancels the receipts of returned goods."""

    def __init__(self, client: OdooClient) -> None:
        self.client = client

    def by_marker(self, marker: str) -> Record | None:
        """The receipt that this marker made."""
        made = self.client.by_external_id(external_name(marker))
        return self.read(made) if made else None

    def read(self, id_: int) -> Record | None:
        """The receipt as it is now."""
        return self.client.read("stock.picking", [id_], self._fields()).get(id_)

    def is_far_enough(self, receipt: Record, status: str) -> bool:
        """Is the receipt where the return stands?"""
        return bool(
            receipt["state"] == _wanted(status) or (status not in (*CAME, *OFF) and receipt["state"] != "draft")
        )

    def make(self, data: Mapping[str, Any], marker: str, warnings: list[str]) -> Record:
        """The planned receipt of a return, made once however many workers ask for it."""
        known = self.by_marker(marker)
        if known is not None:
            return known
        delivered = self._delivered(int(data["order_id"]), str(data.get("shipment") or ""))
        back = assigned(data["lines"], delivered, line_keys(self.client, [move for move, _ in delivered]))
        if back is None:
            known = self.by_marker(marker)  # another attempt at this return may have taken the pieces since
            if known is None:
                raise _too_much(delivered)
            return known
        if not back:
            raise Rejected(
                "the return names no goods that come back.", code="RET-QTY",
                fix="Where the buyer keeps everything, nothing is to be done in Odoo: close the exception.",
            )  # fmt: skip
        columns, rows = self._import(data, marker, delivered, back)
        made = self.client.upsert("stock.picking", columns, rows, once=True)
        warnings += _dispositions(data["lines"])
        receipt = self.read(made)
        if receipt is None:
            raise Rejected("the receipt is gone from Odoo.", code="RET-CONFLICT", fix="Look in Odoo who deleted it.")
        return receipt

    def bring(self, receipt: Record, data: Mapping[str, Any], warnings: list[str]) -> tuple[Record, bool]:
        """Bring the receipt to where the return stands; the receipt, and whether anything was changed."""
        status, changed = str(data["status"]), False
        if status in OFF and receipt["state"] == "done":
            raise Rejected(
                f"the return is {status}, but Odoo has received it ({receipt['name']}).", code="RET-CONFLICT",
                fix="Agree on one: send the goods out again in Odoo, or accept the return.",
            )  # fmt: skip
        if status not in OFF and receipt["state"] == "cancel":
            raise Rejected(
                f"the return is {status}, but its receipt is cancelled in Odoo ({receipt['name']}).", code="RET-CONFLICT",
                fix="Return the delivery in Odoo by hand, then close the exception.",
            )  # fmt: skip
        if status in OFF and receipt["state"] != "cancel":
            self._call("action_cancel", receipt)
            changed = True
        elif receipt["state"] == "done":
            self._compare(receipt, data, warnings)
        elif receipt["state"] != "cancel":
            changed = self._go_on(receipt, data, status)
        if changed:
            receipt = self.read(receipt["id"]) or receipt
        changed |= self._track(receipt, str(data.get("tracking") or ""), warnings)
        if not self.is_far_enough(receipt, status):
            raise Rejected(f"Odoo did not carry {receipt['name']} out.", fix="Validate it in Odoo, then release it.")
        return self.read(receipt["id"]) or receipt, changed

    # --- making

    def _import(
        self, data: Mapping[str, Any], marker: str, delivered: list[tuple[Record, Decimal]], back: Mapping[int, Decimal]
    ) -> tuple[list[str], list[list[str]]]:
        """The columns and rows of Odoo's import: the receipt, and a move for each delivered move that comes back."""
        moves = [move for move, _ in delivered if move["id"] in back]
        delivery = self._delivery(many2one(moves[0]["picking_id"]) or 0)
        kind = self._receiving(str(data.get("warehouse") or ""), delivery)
        source, target = many2one(delivery["location_dest_id"]), many2one(kind["default_location_dest_id"])
        head = {
            "id": external_name(marker), "picking_type_id/.id": kind["id"], "location_id/.id": source,
            "location_dest_id/.id": target, "origin": f"Return of {delivery['name']}",
            "partner_id/.id": many2one(delivery["partner_id"]) or "", "note": _note(data, marker),
        }  # fmt: skip

        def older(move: Record) -> dict[str, Any]:
            """Until 18 a move has a name, and belongs to its order by its group."""
            named = {"move_ids/name": move["product_id"][1]} if self.client.has("stock.move", "name") else {}
            if self.client.has("stock.move", "group_id"):
                named["move_ids/group_id/.id"] = many2one(move["group_id"]) or ""
            return named

        if self.client.has("stock.picking", "return_id"):
            head["return_id/.id"] = delivery["id"]
        if data.get("tracking") and self.client.has("stock.picking", "carrier_tracking_ref"):
            head["carrier_tracking_ref"] = str(data["tracking"])
        rows = [
            {
                "move_ids/id": external_name(marker, "move", str(move["id"])), "move_ids/product_id/.id": many2one(move["product_id"]),
                "move_ids/product_uom_qty": format(back[move["id"]], "f"), "move_ids/product_uom/.id": many2one(move["product_uom"]),
                "move_ids/location_id/.id": source,
                "move_ids/location_dest_id/.id": target, "move_ids/origin_returned_move_id/.id": move["id"],
                "move_ids/sale_line_id/.id": many2one(move["sale_line_id"]) or "", "move_ids/to_refund": "1",
                **older(move),
            }
            for move in moves
        ]  # fmt: skip
        columns = [*head, *rows[0]]
        first, blank = [str(cell) for cell in head.values()], [""] * len(head)
        lines = [[str(cell) for cell in row.values()] for row in rows]
        return columns, [[*(first if index == 0 else blank), *line] for index, line in enumerate(lines)]

    def _delivered(self, order: int, shipment: str) -> list[tuple[Record, Decimal]]:
        """The moves that delivered the order, each with how much of it has not come back; the named shipment's first."""
        domain: list[Any] = [
            ["picking_id.sale_id", "=", order],
            ["state", "=", "done"],
            ["picking_id.picking_type_id.code", "in", ["outgoing", "dropship"]],
        ]
        more = ["product_uom", *(["group_id"] if self.client.has("stock.move", "group_id") else [])]
        moves = self.client.search_read("stock.move", domain, [*_MOVE, *more])
        back = self.client.search_read(
            "stock.move",
            [["origin_returned_move_id", "in", [move["id"] for move in moves]], ["state", "!=", "cancel"]],
            ["origin_returned_move_id", "product_uom_qty", "quantity", "state"],
        )
        left = {move["id"]: number(move["quantity"]) for move in moves}
        for one in back:
            taken = number(one["quantity" if one["state"] == "done" else "product_uom_qty"])
            left[many2one(one["origin_returned_move_id"]) or 0] -= taken
        moves.sort(key=lambda move: (move["picking_id"][1] != shipment, move["id"]))
        return [(move, left[move["id"]]) for move in moves]

    def _delivery(self, id_: int) -> Record:
        fields = ["name", "location_dest_id", "partner_id", "picking_type_id"]
        return self.client.read("stock.picking", [id_], fields)[id_]

    def _receiving(self, warehouse: str, delivery: Record) -> Record:
        """The operation by which the warehouse receives: the named one's, or the one's that delivered."""
        if not warehouse:
            type_ = many2one(delivery["picking_type_id"]) or 0
            kind = self.client.read("stock.picking.type", [type_], ["warehouse_id"])[type_]
            domain: list[Any] = [["id", "=", many2one(kind["warehouse_id"])]]
        else:
            domain = [["code", "=", warehouse]]
        found = self.client.search_read("stock.warehouse", domain, ["in_type_id"], limit=1)
        if not found:
            raise Rejected(
                f"Odoo has no warehouse {warehouse or 'for this delivery'} that could take the goods back.", code="RET-CONFLICT",
                fix="Make the warehouse in Odoo, or correct the warehouse of the return; then release it.",
            )  # fmt: skip
        type_ = many2one(found[0]["in_type_id"]) or 0
        return self.client.read("stock.picking.type", [type_], ["default_location_dest_id"])[type_]

    # --- going on

    def _go_on(self, receipt: Record, data: Mapping[str, Any], status: str) -> bool:
        """Confirm the receipt, and carry it out where the goods have come."""
        changed = receipt["state"] == "draft"
        if changed:
            self._call("action_confirm", receipt)
        waiting = [["picking_id", "=", receipt["id"]], ["state", "not in", ["done", "cancel"]]]
        moves = self.client.search_read("stock.move", waiting, _MOVE)
        planned = [(move, number(move["product_uom_qty"])) for move in moves]
        back = assigned(data["lines"], planned, line_keys(self.client, moves))
        if back is None:
            now = self.read(receipt["id"])
            if now is not None and now["state"] in ("done", "cancel"):  # another attempt has gone on meanwhile
                return True
            raise Rejected(
                f"more comes back than {receipt['name']} in Odoo expects.", code="RET-QTY",
                fix="Correct the receipt in Odoo, then release it.",
            )  # fmt: skip
        if status not in CAME:
            return self._plan(planned, back) or changed
        came = [
            [1, move["id"], {"quantity": back.get(move["id"], Decimal(0)), "picked": move["id"] in back}]
            for move in moves
        ]
        self.client.write("stock.picking", [receipt["id"]], {"move_ids": came})
        self._call(
            "button_validate", receipt, skip_backorder=True, skip_sms=True, picking_ids_not_to_backorder=[receipt["id"]]
        )
        return True

    def _compare(self, receipt: Record, data: Mapping[str, Any], warnings: list[str]) -> None:
        """What was received is not changed any more; a difference is told."""
        done = [["picking_id", "=", receipt["id"]], ["state", "=", "done"]]
        moves = self.client.search_read("stock.move", done, ["quantity"])
        came = sum((number(move["quantity"]) for move in moves), Decimal(0))
        said = sum((number(line["quantity"]) for line in data["lines"]), Decimal(0))
        if came != said:
            warnings.append(f"RET-QTY: Odoo has received {came:f} in {receipt['name']}, the return says {said:f}")

    def _plan(self, planned: list[tuple[Record, Decimal]], back: Mapping[int, Decimal]) -> bool:
        """Less is to come back than was planned."""
        fewer = {move["id"]: back.get(move["id"], Decimal(0)) for move, left in planned if back.get(move["id"]) != left}
        for id_, quantity in fewer.items():
            self.client.write("stock.move", [id_], {"product_uom_qty": quantity})
        return bool(fewer)

    def _track(self, receipt: Record, tracking: str, warnings: list[str]) -> bool:
        if not tracking or receipt.get("carrier_tracking_ref", tracking) == tracking:
            if tracking and "carrier_tracking_ref" not in receipt:
                warnings.append("Odoo keeps no tracking numbers: install its module stock_delivery")
            return False
        self.client.write("stock.picking", [receipt["id"]], {"carrier_tracking_ref": tracking})
        return True

    def _call(
        self, method: Literal["action_confirm", "action_cancel", "button_validate"], receipt: Record, **context: Any
    ) -> None:
        self.client.call("stock.picking", method, [receipt["id"]], effect=True, context=context)

    def _fields(self) -> list[str]:
        return [name for name in _READ if self.client.has("stock.picking", name)]


def _wanted(status: str) -> str:
    return "done" if status in CAME else "cancel" if status in OFF else ""


def _note(data: Mapping[str, Any], marker: str) -> str:
    """What people read at the receipt: the return's number, what the buyer said, and the marker."""
    said = [str(data.get("note") or ""), *(str(line.get("reason") or "") for line in data["lines"])]
    parts = [f"{data.get('number') or ''} [{marker}]", *dict.fromkeys(one for one in said if one)]
    return "".join(f"<p>{html.escape(part)}</p>" for part in parts)


def _dispositions(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Odoo puts everything that comes back into stock: what must not stay there a person moves on."""
    kinds = dict.fromkeys(str(line.get("disposition")) for line in lines if line.get("disposition") in _ELSEWHERE)
    return [f"Odoo receives into stock; the goods to {kind} have to be moved on there" for kind in kinds]


def _too_much(delivered: Sequence[object]) -> Rejected:
    if not delivered:
        return Rejected(
            "Odoo has delivered nothing of this order that could come back.", code="RET-QTY",
            fix="Validate the order's delivery in Odoo, then release the return.",
        )  # fmt: skip
    return Rejected(
        "more comes back than Odoo has delivered of this order and not yet taken back.", code="RET-QTY",
        fix="Compare the return with the order's deliveries and returns in Odoo; then release or close it.",
    )  # fmt: skip
