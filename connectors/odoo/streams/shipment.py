"""Deliveries that left (stock.picking, outgoing, done) and goods that came back, with what was in them."""

from __future__ import annotations

from typing import Literal

from connectors.odoo.changes import iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, many2one
from connectors.odoo.streams.moves import line_keys
from connectors.odoo.streams.returning import Returning
from connectors.odoo.streams.shipping import Shipping
from hub.errors import Rejected
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import DeliverResult, OutboundRecord

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


class Pickings(ChangingRecords):
    """Transfers of sale orders. They belong to their order by ``sale_id``; ``origin`` is free text that differs by version."""

    model = "stock.picking"

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
        names = line_keys(self.client, moves)
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


class Shipments(Pickings):
    """Deliveries that left: told by Odoo where its warehouse ships, carried out there where another one does."""

    stream = Stream("shipment", "shipment", poll=FULL, fetch=FULL, create=FULL, update=FULL)
    domain = (
        ["picking_type_id.code", "in", ["outgoing", "dropship"]],
        ["state", "=", "done"],
        ["sale_id", "!=", False],
    )

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The picking that this marker took, when it is done."""
        if record.external_id:
            return None
        found = Shipping(self.client).by_marker(int(record.data["order_id"]), record.marker)
        return _result(found, "adopted") if found is not None and found["state"] == "done" else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Carry out the order's delivery, or a part of it; later only its tracking number changes."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        if record.external_id:
            return self._track(int(record.external_id), str(record.data.get("tracking") or ""))
        warnings: list[str] = []
        return _result(Shipping(self.client).ship(record.data, record.marker, warnings), "created", warnings)

    def _track(self, id_: int, tracking: str) -> DeliverResult:
        shipping = Shipping(self.client)
        known = self.client.read(self.model, [id_], shipping.fields()).get(id_)
        if known is None:
            raise Rejected("the Odoo delivery is gone.", fix="Look in Odoo who deleted it; then close the exception.")
        if not tracking or known.get("carrier_tracking_ref", tracking) == tracking:
            return _result(known, "unchanged")
        self.client.write(self.model, [id_], {"carrier_tracking_ref": tracking})
        return _result(self.client.read(self.model, [id_], shipping.fields())[id_], "updated")


class Returns(Pickings):
    """Receipts of what customers send back: told when they are done, made and carried out where another system decides.

    They belong to the order whose delivery they take back.
    """

    stream = Stream("return", "return", poll=FULL, fetch=FULL, create=FULL, update=FULL)
    domain = (["picking_type_id.code", "=", "incoming"], ["state", "=", "done"], ["sale_id", "!=", False])

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The receipt that this marker made, when it is as far as `deliver` would bring it."""
        if record.external_id:
            return None  # a change is compared with the receipt again: repeating it is safe
        returning = Returning(self.client)
        found = returning.by_marker(record.marker)
        far = found is not None and returning.is_far_enough(found, str(record.data["status"]))
        return _result(found, "adopted") if found is not None and far else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Plan the receipt of a return; carry it out when the goods have come; cancel it when they will not."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        warnings: list[str] = []
        returning = Returning(self.client)
        if record.external_id:
            known = returning.read(int(record.external_id))
            if known is None:
                raise Rejected(
                    "the Odoo receipt is gone.", fix="Look in Odoo who deleted it; then close the exception."
                )
        else:
            known = returning.make(record.data, record.marker, warnings)
        receipt, changed = returning.bring(known, record.data, warnings)
        if record.external_id:
            return _result(receipt, "updated" if changed else "unchanged", warnings)
        return _result(receipt, "created", warnings)


def _ids(records: list[Record], field: str) -> set[int]:
    return {id_ for record in records if (id_ := many2one(record.get(field)))}


def _result(
    picking: Record, applied: Literal["created", "updated", "unchanged", "adopted"], warnings: list[str] | None = None
) -> DeliverResult:
    return DeliverResult(str(picking["id"]), applied, iso(picking["write_date"]), tuple(warnings or ()))
