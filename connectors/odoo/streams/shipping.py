"""Carrying out deliveries that left elsewhere: a warehouse that is not Odoo's says what went, and Odoo's picking follows.

A picking is found by its order and written in one call: quantities, tracking number, and the marker in its note. Only then is it
validated, which Odoo does once however often it is asked. Whoever looks first at what is open and then for the marker can never take
the backorder of a shipment for the shipment itself.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.streams.moves import assigned, line_keys
from connectors.odoo.streams.order_lines import number
from hub.errors import Rejected

_OPEN = ("confirmed", "waiting", "assigned", "partially_available")
_READ = ("name", "state", "note", "write_date", "carrier_tracking_ref")


class Shipping:
    """Validates pickings of sale orders, in parts where only a part has left."""

    def __init__(self, client: OdooClient) -> None:
        self.client = client

    def fields(self) -> list[str]:
        """What is read of a picking; tracking is there only with the module stock_delivery."""
        return [name for name in _READ if self.client.has("stock.picking", name)]

    def by_marker(self, order: int, marker: str) -> Record | None:
        """The picking of the order that this marker took."""
        domain = [["sale_id", "=", order], ["note", "ilike", f"[{marker}]"]]
        found = self.client.search_read("stock.picking", domain, self.fields(), limit=1)
        return found[0] if found else None

    def ship(self, data: Mapping[str, Any], marker: str, warnings: list[str]) -> Record:
        """The done picking of this shipment."""
        order = int(data["order_id"])
        waiting = self._waiting(order, str(data.get("warehouse") or ""))
        known = self.by_marker(order, marker)  # asked after what is open was read, and not before
        if known is None:
            known = self._take(data, marker, waiting, warnings) or self.by_marker(order, marker)
        if (
            known is None
        ):  # asked once more above: another attempt at this shipment may have taken it since what is open was read
            raise _nothing_fits(waiting)
        if known["state"] != "done":
            context = {"skip_backorder": True, "skip_sms": True}
            self.client.call("stock.picking", "button_validate", [known["id"]], effect=True, context=context)
            known = self.client.read("stock.picking", [known["id"]], self.fields())[known["id"]]
        if known["state"] != "done":
            raise Rejected(f"Odoo did not carry {known['name']} out.", fix="Validate it in Odoo, then release it.")
        return known

    def _waiting(self, order: int, warehouse: str) -> list[Record]:
        domain: list[Any] = [
            ["sale_id", "=", order],
            ["state", "in", list(_OPEN)],
            ["picking_type_id.code", "=", "outgoing"],
        ]
        if warehouse:
            domain.append(["picking_type_id.warehouse_id.code", "=", warehouse])
        return self.client.search_read("stock.picking", domain, [*self.fields(), "move_ids"])

    def _take(self, data: Mapping[str, Any], marker: str, waiting: list[Record], warnings: list[str]) -> Record | None:
        """Write what left into the first picking that has all of it; None where there is none."""
        moves = self.client.read(
            "stock.move", [id_ for picking in waiting for id_ in picking["move_ids"]],
            ["picking_id", "product_id", "product_uom_qty", "sale_line_id", "state"],
        )  # fmt: skip
        keys = line_keys(self.client, moves.values())
        for picking in waiting:
            mine = [
                moves[id_]
                for id_ in picking["move_ids"]
                if id_ in moves and moves[id_]["state"] not in ("done", "cancel")
            ]
            gone = assigned(data["lines"], [(move, number(move["product_uom_qty"])) for move in mine], keys)
            if gone is not None:
                self._write(picking, mine, gone, data, marker, warnings)
                return picking
        return None

    def _write(
        self,
        picking: Record,
        moves: list[Record],
        gone: dict[int, Decimal],
        data: Mapping[str, Any],
        marker: str,
        warnings: list[str],
    ) -> None:
        values: Record = {
            "note": f"{picking['note'] or ''}<p>{html.escape(str(data.get('number') or ''))} [{marker}]</p>",
            "move_ids": [
                [1, move["id"], {"quantity": gone.get(move["id"], Decimal(0)), "picked": move["id"] in gone}] for move in moves
            ],
        }  # fmt: skip
        if data.get("tracking"):
            if "carrier_tracking_ref" in self.fields():
                values["carrier_tracking_ref"] = str(data["tracking"])
            else:
                warnings.append("Odoo keeps no tracking numbers: install its module stock_delivery")
        self.client.write("stock.picking", [picking["id"]], values)


def _nothing_fits(waiting: list[Record]) -> Rejected:
    """What a person is told where no open picking has what left."""
    if not waiting:
        return Rejected(
            "the order has no delivery in Odoo that is still to go.", code="ORD-EDIT-CONFLICT",
            fix="Look in Odoo whether it was delivered or cancelled there; then close the exception.",
        )  # fmt: skip
    return Rejected(
        "more has left than the order's delivery in Odoo has to go.", code="ORD-EDIT-CONFLICT",
        fix="Compare the order in both systems; correct the delivery in Odoo, then release it.",
    )  # fmt: skip
