"""Payments of customers and to them, and the wizards of the accounting department."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, many, number, one, rpc

_OUTSTANDING = {"inbound": "Outstanding Receipts", "outbound": "Outstanding Payments"}


class Payments(Model):
    """account.payment. Its entry is booked when it is posted, through the outstanding account that it got when it was made."""

    name = "account.payment"
    title = "Payments"
    order = "date desc, name desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(), "state": Field("selection", default="draft"), "payment_type": Field("selection", default="inbound"),
        "partner_type": Field("selection", default="customer"), "partner_id": one("res.partner"), "amount": number("monetary"),
        "currency_id": one("res.currency", default=1), "date": Field("date"), "memo": char(), "payment_reference": char(),
        "journal_id": one("account.journal"), "move_id": one("account.move"), "company_id": one("res.company", default=1),
        "outstanding_account_id": one("account.account"), "invoice_ids": many("account.move"),
        "reconciled_invoice_ids": many("account.move", compute="_invoices"), "is_reconciled": Field("boolean", compute="_is_reconciled"),
    }  # fmt: skip

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        row["date"] = row["date"] or self.env.now.date().isoformat()
        row["journal_id"] = row["journal_id"] or self.env["account.journal"].first("bank", "cash")
        row["outstanding_account_id"] = self.env["account.account"].of(_OUTSTANDING[row["payment_type"]])

    def _created(self, row: Row) -> None:
        self.env.effect("payment.create", row["id"], {"memo": row["memo"], "amount": row["amount"]})

    def change(self, row: Row, vals: Row) -> None:
        """Change a payment. Odoo 19 forgets the outstanding account of a draft whose journal is written again, even to the same."""
        super().change(row, vals)
        if "journal_id" in vals and not row["move_id"]:
            row["outstanding_account_id"] = False

    def open_line(self, row: Row) -> Row | None:
        """The open item on the customer's account."""
        move = self.env["account.move"].rows.get(row["move_id"]) if row["move_id"] else None
        return next(iter(self.env["account.move"].receivables(move)), None) if move else None

    def _invoices(self, row: Row) -> list[int]:
        lines, moves = self.env["account.move.line"], self.env["account.move"].rows
        line = self.open_line(row)
        settled = [lines.rows[id_]["move_id"] for id_ in lines.counterparts(line)] if line else []
        found = {*(row["invoice_ids"] or []), *(id_ for id_ in settled if moves[id_]["move_type"] != "entry")}
        return sorted(found)

    def _is_reconciled(self, row: Row) -> bool:
        line = self.open_line(row)
        return line is not None and not self.env["account.move.line"].open(line)

    @rpc
    def action_post(self, ids: list[int]) -> None:
        """Confirm payments. One that is confirmed already is left as it is."""
        for id_ in ids:
            row = self.get(id_)
            if row["state"] in ("draft", "in_process"):
                self._post(row)

    def _post(self, row: Row) -> None:
        if row["outstanding_account_id"] and not row["move_id"]:
            move = self.env["account.move"].insert({
                "move_type": "entry", "partner_id": row["partner_id"], "journal_id": row["journal_id"], "ref": row["memo"],
                "date": row["date"], "currency_id": row["currency_id"], "origin_payment_id": row["id"],
            })  # fmt: skip
            self.env["account.move"].action_post([move["id"]])
            side = "credit" if row["payment_type"] == "inbound" else "debit"
            self.env["account.move.line"].open_item(move, side, row["amount"])
            row["move_id"] = move["id"]
            row["name"] = move["name"]
        count = sum(1 for pay in self.rows.values() if str(pay["name"]).startswith("PAY")) + 1
        super().change(row, {"state": "in_process", "name": row["name"] or f"PAY{count:05d}"})
        self.env.effect("payment.post", row["id"], {"name": row["name"]})


class PaymentRegister(Model):
    """account.payment.register: the wizard that records a payment of invoices."""

    name = "account.payment.register"
    title = "Pay"
    fields: ClassVar[dict[str, Field]] = {"amount": number("monetary"), "payment_date": Field("date")}

    @rpc
    def action_create_payments(self, ids: list[int]) -> Any:
        """Pay the invoices in the context: the amount given, or all that is due."""
        moves, payments, amount = self.env["account.move"], self.env["account.payment"], self.get(ids[0])["amount"]
        for id_ in self.env.context.get("active_ids") or []:
            row = moves.get(int(id_))
            if row["state"] != "posted":
                raise user_error("You can only register payment for posted journal entries.")
            payment = payments.insert({
                "partner_id": row["partner_id"], "amount": amount or moves.value(row, "amount_residual"), "memo": row["name"],
                "payment_type": "inbound" if row["move_type"] == "out_invoice" else "outbound",
            })  # fmt: skip
            payments.action_post([payment["id"]])
            line = payments.open_line(payment)
            moves.js_assign_outstanding_line([row["id"]], line["id"])
            payments.change(payment, {"invoice_ids": [[6, 0, [row["id"]]]]})
        return True


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
        open_ = [(line, lines.value(line, "qty_to_invoice")) for line in mine]
        open_ = [(line, rest) for line, rest in open_ if rest > 0]
        if order["state"] != "sale" or not open_:
            raise user_error("Cannot create an invoice. No items are available to invoice.")
        move = self.env["account.move"].insert({
            "move_type": "out_invoice", "partner_id": order["partner_invoice_id"], "invoice_origin": order["name"],
            "ref": order["client_order_ref"] or order["name"], "currency_id": self.env["sale.order"].value(order, "currency_id"),
            "narration": order["note"], "invoice_payment_term_id": order["payment_term_id"], "team_id": order["team_id"],
        })  # fmt: skip
        for line, rest in open_:
            self.env["account.move.line"].insert({
                "move_id": move["id"], "name": line["name"], "product_id": line["product_id"], "quantity": rest,
                "price_unit": line["price_unit"], "discount": line["discount"], "sale_line_ids": [[6, 0, [line["id"]]]],
                "tax_ids": [[6, 0, line[lines.tax_field] or []]],
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
            common = {name: invoice[name] for name in ("partner_id", "invoice_origin", "currency_id")}
            note = {**common, "move_type": "out_refund", "reversed_entry_id": invoice["id"]}
            made = moves.insert({**note, "ref": f"Reversal of: {invoice['name']}"})["id"]
            for line in moves.lines(invoice):
                copy = {name: line[name] for name in ("name", "product_id", "quantity", "price_unit", "discount")}
                linked = {name: [[6, 0, line[name] or []]] for name in ("sale_line_ids", "tax_ids")}
                lines.insert({**copy, **linked, "move_id": made})
        return {"type": "ir.actions.act_window", "name": "Reverse Moves", "res_model": "account.move", "res_id": made}


class SendWizard(Model):
    """account.move.send.wizard: prints an invoice, and sends it in the ways that are chosen; with none it only prints."""

    name = "account.move.send.wizard"
    title = "Account Move Send Wizard"
    fields: ClassVar[dict[str, Field]] = {
        "move_id": one("account.move", required=True),
        "sending_methods": Field("json"),
    }

    def _created(self, row: Row) -> None:
        if self.env["account.move"].get(row["move_id"])["state"] != "posted":
            raise user_error("You can't generate invoices that are not posted.")

    @rpc
    def action_send_and_print(self, ids: list[int], allow_fallback_pdf: bool = False) -> Row:  # noqa: ARG002
        """Print. Without the program wkhtmltopdf on its machine Odoo cannot."""
        move = self.env["account.move"].get(self.get(ids[0])["move_id"])
        if not self.env.printing:
            raise user_error("Unable to find Wkhtmltopdf on this system. The PDF can not be created.")
        content = (
            f"%PDF-1.4\n% {move['name']} {Decimal(self.env['account.move'].value(move, 'amount_total'))}\n".encode()
        )
        known = ("account.move", move["id"], "invoice_pdf_report_file")
        attachments = self.env["ir.attachment"]
        if not any((row["res_model"], row["res_id"], row["res_field"]) == known for row in attachments.rows.values()):
            attachments.insert({
                "name": f"{str(move['name']).replace('/', '_')}.pdf", "res_model": known[0], "res_id": known[1], "res_field": known[2],
                "mimetype": "application/pdf", "checksum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                "file_size": len(content), "datas": base64.b64encode(content).decode(),
            })  # fmt: skip
            self.env["account.move"].change(move, {})
        return {"type": "ir.actions.act_window_close"}


MODELS = (Payments, PaymentRegister, AdvanceInvoice, Reversal, SendWizard)
