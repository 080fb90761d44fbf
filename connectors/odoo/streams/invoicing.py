"""Writing invoices and credit notes: made once under an external id, compared with what their owner says, posted, printed.

Odoo's own wizard makes a new draft at every call. So the hub makes the same records by `load`, whose external id Odoo keeps unique:
an invoice with the lines of its sale order, a credit note with the lines of its invoice, linked as the wizards link them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import cell, external_name, external_value, many2one
from connectors.odoo.streams.order_lines import number, tax_field
from hub.errors import Rejected
from hub.sdk.records import OutboundRecord

READ = (
    "name", "state", "move_type", "payment_state", "amount_total", "amount_tax", "amount_residual", "currency_id", "write_date",
    "payment_reference", "invoice_date_due", "invoice_origin",
)  # fmt: skip
_SOLD = (
    "order_id",
    "product_id",
    "name",
    "price_unit",
    "discount",
    "price_total",
    "product_uom_qty",
    "qty_invoiced",
    "display_type",
)
_BILLED = ("product_id", "name", "price_unit", "discount", "price_total", "quantity", "tax_ids", "sale_line_ids")
_EXTRA = ("shipping-", "order-discount-")
"""How the keys of lines begin that the hub adds to an order and that no shop counts among its goods."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line that can be invoiced or credited. ``open`` is how much of it is left, ``total`` what that costs with tax."""

    key: str
    product: int | None
    name: str
    open: Decimal
    price: Decimal
    discount: Decimal
    total: Decimal
    taxes: tuple[int, ...]
    sale_lines: tuple[int, ...]

    @property
    def extra(self) -> bool:
        """Is it a charge or a discount that the hub made a line of?"""
        return self.key.startswith(_EXTRA) or self.key.endswith("-discount")

    def cost(self, quantity: Decimal) -> Decimal:
        """What so many of it cost with tax."""
        return self.total * quantity / self.open if self.open else Decimal(0)


class Invoicing:
    """Makes customer invoices and credit notes in Odoo."""

    def __init__(self, client: OdooClient, config: OdooConfig) -> None:
        self.client = client
        self.config = config

    def make(self, record: OutboundRecord) -> int:
        """The draft that this marker makes, or what it has made already."""
        try:
            head, items = (
                self._credit(record.data) if record.data.get("kind") == "credit_note" else self._bill(record.data)
            )
            lines = self._chosen(record.data, items)
        except (
            Rejected
        ):  # somebody else, at this moment, has used up what was to be invoiced; perhaps with this very marker
            known = self.client.by_external_id(external_name(record.marker))
            if known is None:
                raise
            return known
        return self._load(record, head, lines)

    # --- what may be invoiced

    def _bill(self, data: Mapping[str, Any]) -> tuple[Record, list[Item]]:
        if not data.get("order_id"):
            return {"partner": int(data["partner_id"])} if data.get("partner_id") else {}, []
        id_ = int(data["order_id"])
        fields = [
            "name",
            "partner_invoice_id",
            "partner_shipping_id",
            "currency_id",
            "fiscal_position_id",
            "payment_term_id",
            "note",
        ]
        order = self.client.read("sale.order", [id_], fields).get(id_)
        if order is None:
            raise Rejected("the Odoo order of the invoice is gone.", fix="Look in Odoo who deleted it.")
        taxes = tax_field(self.client)
        rows = self.client.search_read(
            "sale.order.line", [["order_id", "=", id_]], [*_SOLD, taxes], order="sequence, id"
        )
        keys = self._keys([row["id"] for row in rows])
        items = [self._item(row, keys, taxes) for row in rows if not row["display_type"]]
        head = {
            "partner": many2one(order["partner_invoice_id"]), "partner_shipping_id/.id": many2one(order["partner_shipping_id"]),
            "invoice_origin": order["name"], "currency_id/.id": many2one(order["currency_id"]), "narration": order["note"],
            "fiscal_position_id/.id": many2one(order["fiscal_position_id"]),
            "invoice_payment_term_id/.id": many2one(order["payment_term_id"]),
        }  # fmt: skip
        return head, items

    def _item(self, row: Record, keys: dict[int, str], taxes: str) -> Item:
        ordered = number(row["product_uom_qty"])
        left = ordered - number(row["qty_invoiced"])
        total = number(row["price_total"]) * left / ordered if ordered else Decimal(0)
        return Item(
            keys.get(row["id"], ""), many2one(row["product_id"]), str(row["name"]), left, number(row["price_unit"]),
            number(row["discount"]), total, tuple(row[taxes] or ()), (row["id"],),
        )  # fmt: skip

    def _credit(self, data: Mapping[str, Any]) -> tuple[Record, list[Item]]:
        invoice = self.original(data)
        rows = self.client.search_read(
            "account.move.line", [["move_id", "=", invoice["id"]], ["display_type", "=", "product"]], _BILLED
        )
        keys = self._keys([id_ for row in rows for id_ in row["sale_line_ids"] or []])
        items = [
            Item(
                next((keys[id_] for id_ in row["sale_line_ids"] or [] if id_ in keys), ""), many2one(row["product_id"]),
                str(row["name"] or "-"), number(row["quantity"]), number(row["price_unit"]), number(row["discount"]),
                number(row["price_total"]), tuple(row["tax_ids"] or ()), tuple(row["sale_line_ids"] or ()),
            )
            for row in rows
        ]  # fmt: skip
        head = {
            "partner": many2one(invoice["partner_id"]), "invoice_origin": invoice["invoice_origin"],
            "currency_id/.id": many2one(invoice["currency_id"]), "reversed_entry_id/.id": invoice["id"],
            "fiscal_position_id/.id": many2one(invoice["fiscal_position_id"]),
        }  # fmt: skip
        return head, items

    def original(self, data: Mapping[str, Any]) -> Record:
        """The invoice that a credit note takes back: by its number, Odoo's or its owner's, or the only one of the order."""
        domain: list[Any] = [["move_type", "=", "out_invoice"], ["state", "=", "posted"]]
        if data.get("order_id"):
            domain.append(["invoice_line_ids.sale_line_ids.order_id", "=", int(data["order_id"])])
        if data.get("reverses"):
            domain += ["|", ["name", "=", data["reverses"]], ["ref", "=", data["reverses"]]]
        elif not data.get("order_id"):
            domain.append(["id", "=", 0])
        fields = ["name", "partner_id", "invoice_origin", "currency_id", "fiscal_position_id"]
        found = self.client.search_read("account.move", domain, fields, limit=2)
        if len(found) != 1:
            raise Rejected(
                "Odoo has no posted invoice for the credit note."
                if not found
                else "the credit note fits several invoices in Odoo.",
                code="XREF-MISSING" if not found else "XREF-CONFLICT",
                fix="Post the invoice in Odoo, then release it."
                if not found
                else "State the invoice that it takes back.",
            )
        return found[0]

    def _keys(self, lines: list[int]) -> dict[int, str]:
        """The shop's ids of sale order lines, by their ids in Odoo."""
        names = self.client.call("sale.order.line", "get_external_id", lines) if lines else {}
        found = {int(id_): external_value(name, "line") for id_, name in names.items()}
        return {id_: key for id_, key in found.items() if key}

    # --- what is invoiced

    def _chosen(self, data: Mapping[str, Any], items: list[Item]) -> list[tuple[Item, Decimal]]:
        """The lines with their quantities: those that the data names, or everything that is left."""
        if not data.get("lines"):
            chosen = [(item, item.open) for item in items if item.open]
        else:
            chosen = [self._match(given, items) for given in data["lines"]]
            extras = [
                (item, item.open)
                for item in items
                if item.extra and item.open and item not in [one for one, _ in chosen]
            ]
            if extras and _nearer(chosen, extras, data.get("total")):
                chosen += extras
        if not chosen:
            raise Rejected(
                "there is nothing left to invoice.",
                fix="Look at the order's invoices in Odoo; then close the exception.",
            )
        return chosen

    def _match(self, given: Mapping[str, Any], items: list[Item]) -> tuple[Item, Decimal]:
        """The line of the order that is meant, by its id at the shop or its product; else a line of its own."""
        quantity, product = (
            number(given.get("quantity") or 1),
            int(given["product_id"]) if given.get("product_id") else None,
        )
        by_key = [item for item in items if given.get("order_line") and item.key == str(given["order_line"])]
        by_product = [item for item in items if product is not None and item.product == product]
        found = next(iter(by_key or by_product), None)
        if found is not None:
            if quantity > found.open:
                raise Rejected(
                    f"{quantity.normalize():f} of {found.name.splitlines()[0]!r} are to be invoiced or credited, but only "
                    f"{found.open.normalize():f} are left.",
                    code="AMT-TOTAL", fix="Compare the invoices in both systems; then release or close the exception.",
                )  # fmt: skip
            return found, quantity
        if given.get("order_line"):
            raise Rejected("a line of the invoice is none of its order's lines in Odoo.", code="XREF-MISSING")
        price = number(given.get("price_unit"))
        return Item(
            "", product, str(given.get("name") or "-"), quantity, price, Decimal(0), price * quantity, (), ()
        ), quantity

    def _load(self, record: OutboundRecord, head: Record, lines: list[tuple[Item, Decimal]]) -> int:
        data = record.data
        partner = head.pop("partner", None)
        if not partner:
            raise Rejected("the invoice has neither an order nor a customer.", code="ACC-UNKNOWN")
        due = {"invoice_date_due": data["due_date"]} if data.get("due_date") else {}
        if due:
            head.pop("invoice_payment_term_id/.id", None)
        values = {
            "id": external_name(record.marker), "move_type": "out_refund" if data.get("kind") == "credit_note" else "out_invoice",
            "partner_id/.id": partner, **head, **due, "ref": data.get("number"), "invoice_date": data.get("invoice_date"),
            "payment_reference": data.get("payment_reference"),
        }  # fmt: skip
        first = {name: cell(value) for name, value in values.items() if value not in (None, False, "")}
        rows = []
        for position, (item, quantity) in enumerate(lines, start=1):
            line = {
                "invoice_line_ids/id": external_name(record.marker, "item", str(position)),
                "invoice_line_ids/product_id/.id": cell(item.product), "invoice_line_ids/name": item.name,
                "invoice_line_ids/quantity": format(quantity, "f"), "invoice_line_ids/price_unit": format(item.price, "f"),
                "invoice_line_ids/discount": format(item.discount, "f"),
                "invoice_line_ids/tax_ids/.id": ",".join(str(id_) for id_ in item.taxes),
                "invoice_line_ids/sale_line_ids/.id": ",".join(str(id_) for id_ in item.sale_lines),
            }  # fmt: skip
            rows.append([*(first.values() if position == 1 else [""] * len(first)), *line.values()])
        return self.client.upsert("account.move", [*first, *line], rows, once=True)

    # --- what becomes of it

    def compare(self, move: Record, data: Mapping[str, Any], warnings: list[str]) -> None:
        """Compare Odoo's total with its owner's."""
        if data.get("total") in (None, ""):
            return
        theirs, ours = number(move["amount_total"]), number(data["total"])
        currency = move["currency_id"][1]
        if abs(theirs - ours) <= self.config.total_tolerance and data.get("currency") in (None, currency):
            return
        said = f"Odoo's total {theirs} {currency} differs from the {ours} {data.get('currency') or currency} that were billed"
        if self.config.on_total_mismatch == "hold":
            stays = "stays a draft" if move["state"] == "draft" else "is posted"
            raise Rejected(
                f"{said}; the invoice {stays}.", code="AMT-TOTAL",
                fix="Compare both, correct the draft or send a credit note, then release it.",
            )  # fmt: skip
        warnings.append(f"AMT-TOTAL: {said}")

    def post(self, id_: int) -> None:
        """Post a draft. Where somebody else just did, that is as good."""
        try:
            self.client.call("account.move", "action_post", [id_], effect=True)
        except Rejected:
            if self.read(id_)["state"] != "posted":
                raise

    def printed(self, id_: int) -> bool:
        """Is there a PDF of it?"""
        domain = [
            ["res_model", "=", "account.move"],
            ["res_id", "=", id_],
            ["res_field", "=", "invoice_pdf_report_file"],
        ]
        return bool(self.client.search_read("ir.attachment", domain, ["id"], limit=1))

    def print(self, id_: int, warnings: list[str]) -> None:
        """Have Odoo make the PDF. Without it the invoice is as good, so that a printer that fails is only told."""
        if self.client.version[0] < 18:
            warnings.append("Odoo 17 prints no invoice for the hub: print it in Odoo")
            return
        try:
            wizard = self.client.create("account.move.send.wizard", {"move_id": id_, "sending_methods": []})
            self.client.call("account.move.send.wizard", "action_send_and_print", [wizard], effect=True)
        except Rejected as error:
            warnings.append(f"the invoice was not printed: {error.message}")

    def cancel(self, move: Record) -> None:
        """Take an invoice back that nothing was paid on. One that is settled, wholly or in part, needs a credit note."""
        if move["payment_state"] != "not_paid":
            raise Rejected(
                f"{move['name']} is settled already and cannot be cancelled.",
                fix="Send a credit note, or settle it in Odoo by hand.",
            )
        if move["state"] == "posted":
            self.client.call("account.move", "button_draft", [move["id"]], effect=True)
        self.client.call("account.move", "button_cancel", [move["id"]], effect=True)

    def read(self, id_: int) -> Record:
        """The invoice as it is now."""
        found = self.client.read("account.move", [id_], READ)
        if not found:
            raise Rejected(
                "the Odoo invoice is gone.", fix="Look in Odoo who deleted it; then release or close the exception."
            )
        return found[id_]


def _nearer(chosen: list[tuple[Item, Decimal]], extras: list[tuple[Item, Decimal]], total: object) -> bool:
    """Do the charges and discounts of the order bring the sum nearer to what was billed?"""
    if total in (None, ""):
        return True
    goods = sum((item.cost(quantity) for item, quantity in chosen), Decimal(0))
    more = sum((item.cost(quantity) for item, quantity in extras), Decimal(0))
    return abs(goods + more - number(total)) < abs(goods - number(total))
