"""Invoices and credit notes (account.move), posted, with their lines, how far they are paid, and the PDF where Odoo made one."""

from __future__ import annotations

from typing import Literal

from connectors.odoo.changes import iso
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import ChangingRecords, external_name, external_value, many2one
from connectors.odoo.streams.invoicing import Invoicing
from connectors.odoo.streams.order_lines import number
from connectors.odoo.streams.settling import settle, waiting_payments
from hub.sdk.connector import FULL, Clock, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord

_FIELDS = (
    "name", "state", "move_type", "payment_state", "partner_id", "invoice_origin", "ref", "invoice_date", "invoice_date_due",
    "amount_untaxed", "amount_tax", "amount_total", "amount_residual", "currency_id", "reversed_entry_id", "payment_reference",
)  # fmt: skip
_LINE = (
    "move_id", "name", "product_id", "quantity", "price_unit", "discount", "price_subtotal", "price_total", "sale_line_ids",
)  # fmt: skip
_PDF = ["res_model", "=", "account.move"]


class Invoices(ChangingRecords):
    """Customer invoices and credit notes. A payment changes the invoice's payment state, and so its record."""

    stream = Stream(
        "invoice", "invoice", poll=FULL, fetch=FULL, find=FULL, create=FULL, update=FULL, natural_key="number", state_carrying=True
    )  # fmt: skip
    model = "account.move"
    domain = (["move_type", "in", ["out_invoice", "out_refund"]], ["state", "in", ["posted", "cancel"]])

    def __init__(self, client: OdooClient, config: OdooConfig, clock: Clock, invoicing: Invoicing) -> None:
        super().__init__(client, config, clock)
        self.invoicing = invoicing

    def fields(self) -> list[str]:
        """The fields to read."""
        return list(_FIELDS)

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``lines`` with SKUs and order lines, ``sale`` and ``documents``; one call for each kind of record."""
        ids = [record["id"] for record in records]
        goods = [["move_id", "in", ids], ["display_type", "=", "product"]]
        lines = self.client.search_read("account.move.line", goods, _LINE)
        skus = self.client.read(
            "product.product", {many2one(r["product_id"]) or 0 for r in lines} - {0}, ["default_code"]
        )
        sold = {id_ for line in lines for id_ in line["sale_line_ids"] or []}
        sales = self.client.read("sale.order.line", sold, ["order_id"])
        names = self.client.call("sale.order.line", "get_external_id", sorted(sold)) if sold else {}
        orders = self.client.read(
            "sale.order",
            {many2one(row["order_id"]) or 0 for row in sales.values()},
            ["name", "client_order_ref", "origin"],
        )
        documents = self._documents(ids)
        completed = []
        for record in records:
            mine = [line for line in lines if many2one(line["move_id"]) == record["id"]]
            shown, order = [], None
            for line in mine:
                first = next(iter(line["sale_line_ids"] or []), 0)
                order = order or orders.get(many2one(sales.get(first, {}).get("order_id")) or 0)
                shown.append({
                    **line, "sku": skus.get(many2one(line["product_id"]) or 0, {}).get("default_code") or False,
                    "order_line": external_value(names.get(str(first)), "line") or False,
                })  # fmt: skip
            completed.append({**record, "lines": shown, "sale": order, "documents": documents.get(record["id"], [])})
        return completed

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The invoice with this number."""
        return self.find_one(self.model, [*self.domain, ["name", "=", key.value]], key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The invoice that this marker made, when it is as far as `deliver` would bring it."""
        if record.external_id:
            return None
        made = self.client.by_external_id(external_name(record.marker))
        if made is None:
            return None
        move = self.invoicing.read(made)
        if move["state"] == "draft" or self._to_settle(move):
            return None
        unprinted = self.config.print_invoices and move["state"] == "posted" and not self.invoicing.printed(made)
        return None if unprinted else _result(move, "adopted")

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make an invoice or a credit note, compare it, post it, print it; or carry over what may still change in it."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        if record.external_id:
            return self._change(self.invoicing.read(int(record.external_id)), record)
        again = record.maybe_sent or record.attempt > 1
        known = self.client.by_external_id(external_name(record.marker)) if again else None
        id_ = known if known is not None else self.invoicing.make(record)
        return self._finish(id_, record, "created" if known is None else "adopted")

    def _finish(self, id_: int, record: OutboundRecord, applied: Literal["created", "adopted"]) -> DeliverResult:
        warnings: list[str] = []
        move = self.invoicing.read(id_)
        if move["state"] == "draft" and not record.data.get("cancelled"):
            self.invoicing.compare(move, record.data, warnings)
            self.invoicing.post(id_)
            move = self.invoicing.read(id_)
        elif record.data.get("cancelled") and move["state"] != "cancel":
            self.invoicing.cancel(move)
        for payment in self._to_settle(move):
            settle(self.client, payment, [move])
        if self.config.print_invoices and not record.data.get("cancelled") and not self.invoicing.printed(id_):
            self.invoicing.print(id_, warnings)
        return _result(self.invoicing.read(id_), applied, warnings)

    def _to_settle(self, move: Record) -> list[Record]:
        """The payments of the order that came before this invoice of it."""
        is_open = (
            move["move_type"] == "out_invoice" and move["state"] == "posted" and number(move["amount_residual"]) > 0
        )
        return waiting_payments(self.client, str(move["invoice_origin"])) if is_open and move["invoice_origin"] else []

    def _change(self, move: Record, record: OutboundRecord) -> DeliverResult:
        """A posted invoice is cancelled while nothing was paid on it, or gets another due date or reference; amounts stay."""
        data = record.data
        if data.get("cancelled"):
            if move["state"] == "cancel":
                return _result(move, "unchanged")
            self.invoicing.cancel(move)
            return _result(self.invoicing.read(move["id"]), "updated")
        warnings: list[str] = []
        self.invoicing.compare(move, data, warnings)
        wanted = {"payment_reference": data.get("payment_reference"), "invoice_date_due": data.get("due_date")}
        changed = {name: value for name, value in wanted.items() if value and value != move[name]}
        if changed:
            self.client.write(self.model, [move["id"]], changed)
        if move["state"] == "draft":
            return self._finish(move["id"], record, "adopted")
        return _result(self.invoicing.read(move["id"]), "updated" if changed else "unchanged", warnings)

    def _documents(self, ids: list[int]) -> dict[int, list[Record]]:
        """The PDFs that Odoo made when the invoices were sent or printed: where they are, and their checksums."""
        domain = [
            _PDF,
            ["res_id", "in", ids],
            ["mimetype", "=", "application/pdf"],
            ["res_field", "in", [False, "invoice_pdf_report_file"]],
        ]
        found: dict[int, list[Record]] = {}
        for row in self.client.search_read(
            "ir.attachment", domain, ["name", "res_id", "checksum", "mimetype", "file_size"]
        ):
            url = f"{self.config.url}/web/content/{row['id']}?unique={row['checksum']}"
            found.setdefault(row["res_id"], []).append({**row, "url": url})
        return found


def _result(
    move: Record, applied: Literal["created", "updated", "unchanged", "adopted"], warnings: list[str] | None = None
) -> DeliverResult:
    return DeliverResult(str(move["id"]), applied, iso(move["write_date"]), tuple(warnings or ()))
