"""Invoices and credit notes (account.move), posted, with their lines, how far they are paid, and the PDF where Odoo made one."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, external_value, many2one
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import ExternalRef, NaturalKey

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

    stream = Stream("invoice", "invoice", poll=FULL, fetch=FULL, find=FULL, natural_key="number", state_carrying=True)
    model = "account.move"
    domain = (["move_type", "in", ["out_invoice", "out_refund"]], ["state", "in", ["posted", "cancel"]])

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
