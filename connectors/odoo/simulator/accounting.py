"""Invoices and credit notes of sale orders, and their payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, number, one, rpc


class PaymentTerms(Model):
    """account.payment.term."""

    name = "account.payment.term"
    title = "Payment Terms"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True), "active": flag(True)}


class Incoterms(Model):
    """account.incoterms."""

    name = "account.incoterms"
    title = "Incoterms"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "code": char(required=True),
        "active": flag(True),
    }

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return f"[{row['code']}] {row['name']}"


class Invoices(Model):
    """account.move: invoices and credit notes."""

    name = "account.move"
    title = "Journal Entry"
    order = "date desc, id desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(), "state": Field("selection", default="draft"), "move_type": Field("selection", default="out_invoice"),
        "payment_state": Field("selection", compute="_payment_state"), "partner_id": one("res.partner"), "invoice_origin": char(),
        "ref": char(), "payment_reference": char(), "invoice_date": Field("date"), "invoice_date_due": Field("date"), "date": Field("date"),
        "currency_id": one("res.currency", default=1), "company_id": one("res.company", default=1),
        "invoice_line_ids": many("account.move.line", "move_id"), "reversed_entry_id": one("account.move"),
        "sale_ids": many("sale.order"), "amount_untaxed": number("monetary", compute="_untaxed"),
        "amount_tax": number("monetary", compute="_tax"), "amount_total": number("monetary", compute="_total"),
        "amount_residual": number("monetary", compute="_residual"), "paid": number("monetary"),
    }  # fmt: skip

    def lines(self, row: Row) -> list[Row]:
        """The invoice's lines."""
        return [line for line in self.env["account.move.line"].rows.values() if line["move_id"] == row["id"]]

    def _untaxed(self, row: Row) -> Decimal:
        return sum((line["price_subtotal"] for line in self.lines(row)), Decimal(0))

    def _tax(self, row: Row) -> Decimal:
        return sum((line["price_total"] - line["price_subtotal"] for line in self.lines(row)), Decimal(0))

    def _total(self, row: Row) -> Decimal:
        return self._untaxed(row) + self._tax(row)

    def _residual(self, row: Row) -> Decimal:
        return Decimal(self._total(row) - row["paid"])

    def _payment_state(self, row: Row) -> str:
        if not row["paid"]:
            return "not_paid"
        return "paid" if self._residual(row) <= 0 else "partial"

    @rpc
    def action_post(self, ids: list[int]) -> bool:
        """Post drafts: they get their number. Odoo answers false."""
        for id_ in ids:
            row = self.get(id_)
            if row["state"] != "draft":
                raise user_error("The entry must be in draft.")
            letters = "INV" if row["move_type"] == "out_invoice" else "RINV"
            count = (
                sum(1 for r in self.rows.values() if r["move_type"] == row["move_type"] and r["state"] == "posted") + 1
            )
            today = self.env.now.date()
            self.change(row, {
                "state": "posted", "name": f"{letters}/{today.year}/{count:05d}", "invoice_date": today.isoformat(),
                "date": today.isoformat(), "invoice_date_due": row["invoice_date_due"] or today.isoformat(),
            })  # fmt: skip
            self.env.effect("invoice.create", id_, {"name": row["name"], "ref": row["ref"]})
        return False


class InvoiceLines(Model):
    """account.move.line, of invoices only."""

    name = "account.move.line"
    title = "Journal Item"
    fields: ClassVar[dict[str, Field]] = {
        "move_id": one("account.move", required=True), "name": char(), "product_id": one("product.product"), "quantity": number(),
        "price_unit": number(), "discount": number(), "price_subtotal": number("monetary"), "price_total": number("monetary"),
        "sale_line_ids": many("sale.order.line"), "display_type": Field("selection", default="product"), "tax_ids": many("account.tax"),
    }  # fmt: skip

    def invoiced(self, line: int) -> Decimal:
        """How much of a sale order line was invoiced, less what was credited."""
        total = Decimal(0)
        for row in self.rows.values():
            move = self.env["account.move"].rows[row["move_id"]]
            if line in (row["sale_line_ids"] or []) and move["state"] != "cancel":
                total += row["quantity"] if move["move_type"] == "out_invoice" else -row["quantity"]
        return total


class AdvanceInvoice(Model):
    """sale.advance.payment.inv: the wizard that makes invoices of orders."""

    name = "sale.advance.payment.inv"
    title = "Sales Advance Payment Invoice"
    fields: ClassVar[dict[str, Field]] = {
        "advance_payment_method": Field("selection", default="delivered"),
        "sale_order_ids": many("sale.order"),
    }

    @rpc
    def create_invoices(self, ids: list[int]) -> Any:
        """A draft invoice of what may be invoiced; the answer is the action that shows it."""
        orders = self.env.context.get("active_ids") or [one for id_ in ids for one in self.get(id_)["sale_order_ids"]]
        made = [self._invoice(self.env["sale.order"].get(int(id_))) for id_ in orders]
        partner = self.env["account.move"].get(made[0])["partner_id"]
        context = {
            "default_move_type": "out_invoice",
            "default_partner_id": partner,
            "default_partner_shipping_id": partner,
        }
        return {
            "id": 261, "type": "ir.actions.act_window", "name": "Invoices", "res_model": "account.move", "res_id": made[0],
            "target": "current", "context": {**context, "default_invoice_payment_term_id": None},
        }  # fmt: skip

    def _invoice(self, order: Row) -> int:
        lines = self.env["sale.order.line"]
        mine = [line for line in lines.rows.values() if line["order_id"] == order["id"] and line["product_id"]]
        open_ = [(line, line["product_uom_qty"] - lines.value(line, "qty_invoiced")) for line in mine]
        open_ = [(line, rest) for line, rest in open_ if rest > 0]
        if order["state"] != "sale" or not open_:
            raise user_error("Cannot create an invoice. No items are available to invoice.")
        move = self.env["account.move"].insert({
            "partner_id": order["partner_invoice_id"], "invoice_origin": order["name"], "ref": order["client_order_ref"],
            "sale_ids": [[6, 0, [order["id"]]]], "currency_id": self.env["sale.order"].value(order, "currency_id"),
        })  # fmt: skip
        for line, rest in open_:
            share = rest / line["product_uom_qty"]
            self.env["account.move.line"].insert({
                "move_id": move["id"], "name": line["name"], "product_id": line["product_id"], "quantity": rest,
                "price_unit": line["price_unit"], "discount": line["discount"], "sale_line_ids": [[6, 0, [line["id"]]]],
                "price_subtotal": lines.value(line, "price_subtotal") * share, "price_total": lines.value(line, "price_total") * share,
            })  # fmt: skip
        return int(move["id"])


class Reversal(Model):
    """account.move.reversal: the wizard that makes a credit note of an invoice."""

    name = "account.move.reversal"
    title = "Account Move Reversal"
    fields: ClassVar[dict[str, Field]] = {
        "move_ids": many("account.move"), "reason": char(), "journal_id": one("account.journal"), "date": Field("date"),
    }  # fmt: skip

    @rpc
    def refund_moves(self, ids: list[int]) -> Any:
        """A draft credit note with the same lines."""
        moves, lines = self.env["account.move"], self.env["account.move.line"]
        made = 0
        for id_ in self.get(ids[0])["move_ids"] or self.env.context.get("active_ids") or []:
            invoice = moves.get(int(id_))
            common = {name: invoice[name] for name in ("partner_id", "invoice_origin", "currency_id", "sale_ids")}
            sales = [[6, 0, common.pop("sale_ids")]]
            note = {**common, "sale_ids": sales, "move_type": "out_refund", "reversed_entry_id": invoice["id"]}
            made = moves.insert({**note, "ref": f"Reversal of: {invoice['name']}"})["id"]
            for line in moves.lines(invoice):
                kept = ("name", "product_id", "quantity", "price_unit", "discount", "price_subtotal", "price_total")
                copy = {name: line[name] for name in kept}
                lines.insert({**copy, "move_id": made, "sale_line_ids": [[6, 0, line["sale_line_ids"]]]})
        return {"type": "ir.actions.act_window", "name": "Reverse Moves", "res_model": "account.move", "res_id": made}


class PaymentRegister(Model):
    """account.payment.register: the wizard that records a payment of invoices."""

    name = "account.payment.register"
    title = "Pay"
    fields: ClassVar[dict[str, Field]] = {"amount": number("monetary"), "payment_date": Field("date")}

    @rpc
    def action_create_payments(self, ids: list[int]) -> Any:
        """Pay the invoices in the context: the amount given, or all that is due."""
        moves, amount = self.env["account.move"], self.get(ids[0])["amount"]
        for id_ in self.env.context.get("active_ids") or []:
            row = moves.get(int(id_))
            moves.change(row, {"paid": row["paid"] + (amount or moves.value(row, "amount_residual"))})
        return True


MODELS = (PaymentTerms, Incoterms, Invoices, InvoiceLines, AdvanceInvoice, Reversal, PaymentRegister)
