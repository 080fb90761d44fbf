"""Sale orders (sale.order): made once, confirmed once, compared with what the shop charged.

A write takes several calls, each a transaction of its own at Odoo, and can go on after any of them: the order is made under an
Odoo external id derived from the marker, which the database keeps unique; a quotation that an earlier attempt left is
confirmed; what is confirmed already is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connectors.odoo.changes import iso
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import ChangingRecords, external_name, many2one
from connectors.odoo.streams.order_change import OrderChange
from connectors.odoo.streams.order_head import OrderHead
from connectors.odoo.streams.order_lines import Line, OrderLines, line_cells, number, tax_field
from connectors.odoo.streams.partners import Partners
from hub.errors import Rejected
from hub.sdk.connector import FULL, Clock, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord

_READ = ("name", "state", "client_order_ref", "amount_total", "amount_tax", "currency_id", "write_date", "locked")
_LINE = (
    "order_id",
    "sequence",
    "product_id",
    "name",
    "product_uom_qty",
    "price_unit",
    "discount",
    "price_subtotal",
    "price_total",
    "qty_delivered",
    "qty_invoiced",
    "display_type",
)
_DONE = ("sale", "done")


Applied = Literal["created", "updated", "unchanged", "adopted", "deleted"]


class Orders(ChangingRecords):
    """Sale orders. The marker stands in the customer reference (client_order_ref), where people and the hub can search it."""

    stream = Stream("order", "order", poll=FULL, fetch=FULL, find=FULL, create=FULL, update=FULL, natural_key="number")
    model = "sale.order"

    def __init__(
        self, client: OdooClient, config: OdooConfig, clock: Clock, partners: Partners, lines: OrderLines
    ) -> None:
        super().__init__(client, config, clock)
        self.partners = partners
        self.lines = lines
        self.head = OrderHead(client, config, partners)

    def fields(self) -> list[str]:
        """The fields to read."""
        return [
            *_READ,
            "origin",
            "partner_id",
            "date_order",
            "amount_untaxed",
            "invoice_status",
            "delivery_status",
            "note",
        ]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``lines`` with their SKUs, all lines of the page in one call."""
        rows = self.client.search_read("sale.order.line", [["order_id", "in", [r["id"] for r in records]]], _LINE)
        skus = self.client.read("product.product", {many2one(row["product_id"]) or 0 for row in rows}, ["default_code"])
        lines: dict[int, list[Record]] = {record["id"]: [] for record in records}
        for row in rows:
            sku = skus.get(many2one(row["product_id"]) or 0, {}).get("default_code") or False
            lines[many2one(row["order_id"]) or 0].append({**row, "sku": sku})
        return [{**record, "lines": lines[record["id"]]} for record in records]

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The order with this number of the shop (its origin) or this name in Odoo."""
        return self.find_one("sale.order", ["|", ["origin", "=", key.value], ["name", "=", key.value]], key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The order with this marker, when it is as far as `deliver` would bring it."""
        if record.operation != "create" and record.external_id:
            return None  # a change is compared with the order again, line by line: repeating it is safe
        order = self._by_marker(record.marker)
        if order is None:
            return None
        cancelled = bool(record.data.get("cancelled"))
        finished = (
            order["state"] == "cancel" if cancelled else order["state"] in _DONE or not self.config.confirm_orders
        )
        return _result(order, "adopted") if finished else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make or change the order, compare its total, confirm it."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        known = self._known(record)
        wanted, warnings = self.lines.make(record.data)
        applied: Applied = "adopted" if known is not None else "created"
        if known is None:
            known = self._create(record, wanted, warnings)
        elif record.external_id:
            change = OrderChange(self.client, known)
            if bool(record.data.get("cancelled")):
                return _result(self._again(known), change.cancel(), warnings)
            applied = change.lines(wanted)
            known = self._again(known)
        if bool(record.data.get("cancelled")):
            OrderChange(self.client, known).cancel()
            return _result(self._again(known), "created", warnings)
        if known["state"] == "cancel":
            return _result(known, "unchanged", [*warnings, "the order is cancelled in Odoo"])
        self._compare(known, record.data, warnings)
        if self.config.confirm_orders and known["state"] not in _DONE:
            known = self._confirm(known)
            applied = "created" if applied == "unchanged" else applied
        return _result(known, applied, warnings)

    def _known(self, record: OutboundRecord) -> Record | None:
        """The order to go on with. A first attempt need not look: nothing can be there yet."""
        if record.external_id:
            found = self.client.read("sale.order", [int(record.external_id)], _READ)
            if not found:
                raise Rejected(
                    "the Odoo order is gone.", fix="Look in Odoo who deleted it; then release or close the exception."
                )
            return found[int(record.external_id)]
        if record.maybe_sent or record.attempt > 1:
            return self._by_marker(record.marker)
        return None

    def _by_marker(self, marker: str) -> Record | None:
        found = self.client.search_read("sale.order", [["client_order_ref", "=", marker]], _READ, limit=2)
        if len(found) > 1:
            raise Rejected(
                f"Odoo holds this order twice ({found[0]['name']}, {found[1]['name']}).",
                code="HUB-DUPLICATE",
                fix="Cancel one of the two in Odoo and clear its customer reference, then release it.",
            )
        return found[0] if found else None

    def _again(self, order: Record) -> Record:
        return self.client.read("sale.order", [order["id"]], _READ)[order["id"]]

    def _create(self, record: OutboundRecord, wanted: list[Line], warnings: list[str]) -> Record:
        if not wanted:
            warnings.append("the order has no lines")
        head = self.head.cells(record, warnings)
        columns = ["id", *head]
        first = [external_name(record.marker), *head.values()]
        taxes = tax_field(self.client)
        sold = [line_cells(record.marker, position, line, taxes) for position, line in enumerate(wanted, start=1)]
        names = list(sold[0]) if sold else []
        blank = [""] * len(columns)
        rows = [[*(first if index == 0 else blank), *line.values()] for index, line in enumerate(sold)] or [first]
        made = self.client.upsert("sale.order", [*columns, *names], rows)
        return self.client.read("sale.order", [made], _READ)[made]

    def _compare(self, order: Record, data: Mapping[str, Any], warnings: list[str]) -> None:
        """Compare Odoo's total with the shop's. Odoo's taxes depend on settings that the hub does not see."""
        if data.get("total") in (None, ""):
            return
        currency = order["currency_id"][1]
        if data.get("currency") and currency != data["currency"]:
            raise Rejected(
                f"the order is in {data['currency']}, but Odoo made it in {currency}.",
                code="CUR-UNSUPPORTED",
                fix="Set pricelists in the connection's config, correct the quotation in Odoo, then release it.",
            )
        theirs, ours = number(order["amount_total"]), number(data["total"])
        if abs(theirs - ours) <= self.config.total_tolerance:
            return
        said = f"Odoo's total {theirs} {currency} (tax {number(order['amount_tax'])}) differs from the shop's {ours}"
        if self.config.on_total_mismatch == "hold" and order["state"] not in _DONE:
            raise Rejected(
                f"{said}; {order['name']} stays a quotation.",
                code="AMT-TOTAL",
                fix="Compare the taxes and prices in both systems, correct the quotation in Odoo, then release it.",
            )
        warnings.append(f"AMT-TOTAL: {said}")

    def _confirm(self, order: Record) -> Record:
        """Confirm a quotation. Where somebody else just did, that is as good."""
        refused: Rejected | None = None
        try:
            self.client.call("sale.order", "action_confirm", [order["id"]], effect=True)
        except Rejected as error:
            refused = error
        now = self._again(order)
        if now["state"] not in _DONE:
            raise refused or Rejected(
                f"Odoo did not confirm {order['name']}.", fix="Confirm it in Odoo, then release it."
            )
        return now


def _result(order: Record, applied: Applied, warnings: list[str] | None = None) -> DeliverResult:
    return DeliverResult(str(order["id"]), applied, iso(order["write_date"]), tuple(warnings or ()))
