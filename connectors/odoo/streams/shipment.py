"""Deliveries that left (stock.picking, outgoing, done), with what was in them."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, external_value, many2one
from hub.sdk.connector import FULL, Stream

_PICKING = (
    "name",
    "state",
    "origin",
    "sale_id",
    "partner_id",
    "date_done",
    "scheduled_date",
    "backorder_id",
    "picking_type_id",
    "company_id",
)
_CARRIER = ("carrier_id", "carrier_tracking_ref", "carrier_tracking_url")
"""There only with the module stock_delivery."""


class Shipments(ChangingRecords):
    """Done deliveries of sale orders. They belong to their order by ``sale_id``; ``origin`` is free text that differs by version."""

    stream = Stream("shipment", "shipment", poll=FULL, fetch=FULL)
    model = "stock.picking"
    domain = (
        ["picking_type_id.code", "in", ["outgoing", "dropship"]],
        ["state", "=", "done"],
        ["sale_id", "!=", False],
    )

    def fields(self) -> list[str]:
        """The picking's fields, with those of the carrier where the module for them is installed."""
        return [*_PICKING, *(name for name in (*_CARRIER, "return_id") if self.client.has(self.model, name))]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``sale``, ``moves`` with their SKUs and order lines, and ``warehouse``; one call for each kind of record."""
        ids = [record["id"] for record in records]
        moves = self.client.search_read(
            "stock.move",
            [["picking_id", "in", ids], ["state", "=", "done"]],
            ["picking_id", "product_id", "quantity", "product_uom_qty", "sale_line_id", "state"],
        )
        skus = self.client.read("product.product", _ids(moves, "product_id"), ["default_code", "barcode"])
        lines = self.client.read("sale.order.line", _ids(moves, "sale_line_id"), ["product_id", "sequence"])
        names = self._line_names(list(lines))
        sales = self.client.read(
            "sale.order", _ids(records, "sale_id"), ["name", "client_order_ref", "origin", "state"]
        )
        types = self.client.read("stock.picking.type", _ids(records, "picking_type_id"), ["warehouse_id"])
        codes = self.client.read("stock.warehouse", _ids(list(types.values()), "warehouse_id"), ["code", "name"])
        by_picking: dict[int, list[Record]] = {id_: [] for id_ in ids}
        for move in moves:
            product = skus.get(many2one(move["product_id"]) or 0, {})
            line = many2one(move["sale_line_id"])
            by_picking[many2one(move["picking_id"]) or 0].append(
                {**move, "sku": product.get("default_code") or False, "order_line": names.get(line or 0, False)}
            )
        none = dict.fromkeys((*_CARRIER, "return_id"), False)
        completed = []
        for record in records:
            kind = types.get(many2one(record["picking_type_id"]) or 0, {})
            completed.append(
                {
                    **none,
                    **record,
                    "sale": sales.get(many2one(record["sale_id"]) or 0),
                    "warehouse": codes.get(many2one(kind.get("warehouse_id")) or 0),
                    "moves": by_picking[record["id"]],
                }
            )
        return completed

    def _line_names(self, lines: list[int]) -> dict[int, str]:
        """The shop's ids of the order lines that the hub made: they are the last part of the lines' external ids."""
        if not lines:
            return {}
        found = self.client.call("sale.order.line", "get_external_id", lines)
        named = {int(id_): external_value(name, "line") for id_, name in found.items()}
        return {id_: name for id_, name in named.items() if name}


class Returns(Shipments):
    """Done receipts of what customers send back. They belong to the order whose delivery they take back."""

    stream = Stream("return", "return", poll=FULL, fetch=FULL)
    domain = (["picking_type_id.code", "=", "incoming"], ["state", "=", "done"], ["sale_id", "!=", False])


def _ids(records: list[Record], field: str) -> set[int]:
    return {id_ for record in records if (id_ := many2one(record.get(field)))}
