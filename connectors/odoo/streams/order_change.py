"""Changes of a sale order that is there already: other lines or quantities, and cancellation."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.streams.base import external_value, many2one
from connectors.odoo.streams.order_lines import Line, line_cells, number, tax_field
from hub.errors import Rejected

_NEAR = Decimal("0.000005")


class OrderChange:
    """One order and what may still be changed in it."""

    def __init__(self, client: OdooClient, order: Record) -> None:
        self.client = client
        self.order = order

    def lines(self, wanted: list[Line]) -> Literal["updated", "unchanged"]:
        """Bring the lines that the hub made to what is wanted. Quantities are absolute, so that repeating it changes nothing."""
        known = self._known()
        changed = [line for line in wanted if line.key not in known or _differs(known[line.key], line)]
        keys = {line.key for line in wanted}
        gone = [row for key, row in known.items() if key not in keys and number(row["product_uom_qty"])]
        if not changed and not gone:
            return "unchanged"
        self._allow(changed, gone, known)
        if changed:
            self._load(changed, wanted)
        if gone:
            self._drop(gone)
        return "updated"

    def cancel(self) -> Literal["updated", "unchanged"]:
        """Cancel the order, unless something has left already."""
        if self.order["state"] == "cancel":
            return "unchanged"
        if self.order.get("locked") or any(number(row["qty_delivered"]) for row in self._rows()):
            raise Rejected(
                f"{self.order['name']} was delivered or locked before its cancellation came.",
                code="ORD-CANCEL-LATE",
                fix="Intercept the delivery or start a return; then close the exception.",
            )
        context = {"disable_cancel_warning": True}
        self.client.call("sale.order", "action_cancel", [self.order["id"]], effect=True, context=context)
        return "updated"

    def _rows(self) -> list[Record]:
        fields = ["product_id", "product_uom_qty", "price_unit", "discount", "qty_delivered", "qty_invoiced"]
        return self.client.search_read("sale.order.line", [["order_id", "=", self.order["id"]]], fields)

    def _known(self) -> dict[str, Record]:
        """The order's lines by their id at the shop. Lines that people added in Odoo are theirs and stay."""
        rows = {row["id"]: row for row in self._rows()}
        if not rows:
            return {}
        names = self.client.call("sale.order.line", "get_external_id", list(rows))
        keys = {int(id_): external_value(name, "line") for id_, name in names.items()}
        return {key: rows[id_] for id_, key in keys.items() if key}

    def _allow(self, changed: list[Line], gone: list[Record], known: dict[str, Record]) -> None:
        late = any(number(row["qty_delivered"]) or number(row["qty_invoiced"]) for row in gone)
        for line in changed:
            row = known.get(line.key)
            late = late or bool(row and line.quantity < number(row["qty_delivered"]))
        if late or self.order.get("locked") or self.order["state"] == "cancel":
            raise Rejected(
                f"{self.order['name']} was changed in the shop after it was delivered, invoiced, locked or cancelled in Odoo.",
                code="ORD-EDIT-LATE",
                fix="Tell the warehouse, settle it in Odoo by hand, then close the exception.",
            )

    def _load(self, changed: list[Line], wanted: list[Line]) -> None:
        marker = str(self.order["client_order_ref"])
        positions = {line.key: position for position, line in enumerate(wanted, start=1)}
        cells = [line_cells(marker, positions[line.key], line, tax_field(self.client)) for line in changed]
        rows = [[str(self.order["id"]) if index == 0 else "", *cell.values()] for index, cell in enumerate(cells)]
        self.client.upsert("sale.order", [".id", *cells[0]], rows)

    def _drop(self, gone: list[Record]) -> None:
        """A quotation loses the lines; a confirmed order keeps them with the quantity 0, which takes back their moves."""
        ids = [row["id"] for row in gone]
        if self.order["state"] in ("draft", "sent"):
            self.client.call("sale.order.line", "unlink", ids, effect=True)
        else:
            self.client.write("sale.order.line", ids, {"product_uom_qty": 0})


def _differs(row: Record, line: Line) -> bool:
    if many2one(row["product_id"]) != line.product:
        return True
    pairs = ((row["product_uom_qty"], line.quantity), (row["price_unit"], line.price), (row["discount"], line.discount))
    return any(abs(number(there) - here) > _NEAR for there, here in pairs)
