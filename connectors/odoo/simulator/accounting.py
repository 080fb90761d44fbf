"""Invoices and credit notes, their lines, and which open items settle which."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, number, one, rpc
from connectors.odoo.simulator.sales import cents, without_taxes

_LETTERS = {"out_invoice": "INV", "out_refund": "RINV"}
_RECEIVABLE = "asset_receivable"


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


class Accounts(Model):
    """account.account."""

    name = "account.account"
    title = "Account"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True), "account_type": Field("selection")}

    def of(self, name: str) -> int:
        """The account with this name."""
        return int(next(row["id"] for row in self.rows.values() if row["name"] == name))


class Journals(Model):
    """account.journal."""

    name = "account.journal"
    title = "Journal"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "code": char(required=True), "type": Field("selection"), "active": flag(True),
        "company_id": one("res.company", default=1),
    }  # fmt: skip

    def first(self, *types: str) -> int:
        """The first journal of one of these types."""
        return int(next(row["id"] for row in self.rows.values() if row["type"] in types))


class Moves(Model):
    """account.move: invoices, credit notes, and the entries of payments. Only a posted one has a number."""

    name = "account.move"
    title = "Journal Entry"
    order = "date desc, id desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(), "state": Field("selection", default="draft"), "move_type": Field("selection", default="entry"),
        "payment_state": Field("selection", compute="_payment_state"), "partner_id": one("res.partner"), "invoice_origin": char(),
        "commercial_partner_id": one("res.partner", compute="_commercial"), "partner_shipping_id": one("res.partner"),
        "ref": char(), "payment_reference": char(), "invoice_date": Field("date"), "invoice_date_due": Field("date"), "date": Field("date"),
        "narration": Field("html"), "journal_id": one("account.journal"), "invoice_payment_term_id": one("account.payment.term"),
        "currency_id": one("res.currency", default=1), "company_id": one("res.company", default=1), "team_id": one("crm.team"),
        "fiscal_position_id": one("account.fiscal.position"), "line_ids": many("account.move.line", "move_id"),
        "invoice_line_ids": many("account.move.line", "move_id"), "reversed_entry_id": one("account.move"),
        "origin_payment_id": one("account.payment"), "matched_payment_ids": many("account.payment", compute="_matched"),
        "amount_untaxed": number("monetary", compute="_untaxed"), "amount_tax": number("monetary", compute="_tax"),
        "amount_total": number("monetary", compute="_total"), "amount_residual": number("monetary", compute="_residual"),
    }  # fmt: skip

    def lines(self, row: Row) -> list[Row]:
        """What was sold: the lines that people see."""
        return [line for line in self._all_lines(row) if line["display_type"] == "product"]

    def receivables(self, row: Row) -> list[Row]:
        """The open items of a posted invoice, or of a payment's entry."""
        return [line for line in self._all_lines(row) if line["account_type"] == _RECEIVABLE]

    def value(self, row: Row, name: str) -> Any:
        """A field's raw value."""
        if name == "invoice_line_ids":
            return [line["id"] for line in self.lines(row)]
        return super().value(row, name)

    def _all_lines(self, row: Row) -> list[Row]:
        return [line for line in self.env["account.move.line"].rows.values() if line["move_id"] == row["id"]]

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        invoice = row["move_type"] in _LETTERS
        row["journal_id"] = row["journal_id"] or self.env["account.journal"].first("sale" if invoice else "bank")

    def _created(self, row: Row) -> None:
        if row["move_type"] in _LETTERS:
            self.env.effect("invoice.create", row["id"], {"ref": row["ref"]})

    def _written(self, row: Row, before: Row) -> None:  # noqa: ARG002
        if row["move_type"] in _LETTERS:
            self.env.effect("invoice.update", row["id"], {"name": row["name"]})

    def _commercial(self, row: Row) -> Any:
        return self.env["res.partner"].value(self.env["res.partner"].rows[row["partner_id"]], "commercial_partner_id")

    def _matched(self, row: Row) -> list[int]:
        return [
            pay["id"] for pay in self.env["account.payment"].rows.values() if row["id"] in (pay["invoice_ids"] or [])
        ]

    def _untaxed(self, row: Row) -> Decimal:
        lines = self.env["account.move.line"]
        return sum((lines.value(line, "price_subtotal") for line in self.lines(row)), Decimal(0))

    def _tax(self, row: Row) -> Decimal:
        lines = self.env["account.move.line"]
        exact: dict[int, Decimal] = {}
        for line in self.lines(row):
            for tax, amount in lines.taxed(line)[1].items():
                exact[tax] = exact.get(tax, Decimal(0)) + amount
        return sum((cents(amount) for amount in exact.values()), Decimal(0))

    def _total(self, row: Row) -> Decimal:
        return self._untaxed(row) + self._tax(row)

    def _residual(self, row: Row) -> Decimal:
        if row["state"] != "posted":
            return self._total(row)
        lines = self.env["account.move.line"]
        return sum((lines.open(line) for line in self.receivables(row)), Decimal(0))

    def _payment_state(self, row: Row) -> str:
        """As Odoo 19 works it out, with its trap: a payment without an entry of its own makes its invoice paid, whatever its amount."""
        if row["state"] != "posted" or row["move_type"] not in _LETTERS:
            return "not_paid"
        lines = self.env["account.move.line"]
        against = [
            self.rows[lines.rows[id_]["move_id"]] for line in self.receivables(row) for id_ in lines.counterparts(line)
        ]
        if not self._residual(row):
            paid = any(move["origin_payment_id"] for move in against)
            reversed_ = row["move_type"] == "out_invoice" and {move["move_type"] for move in against} == {"out_refund"}
            return "reversed" if reversed_ and not paid else "paid"
        payments = [self.env["account.payment"].rows[id_] for id_ in self._matched(row)]
        if any(not pay["move_id"] and pay["state"] == "in_process" for pay in payments):
            return "paid"
        return "partial" if against else "not_paid"

    # --- methods that can be called from outside

    @rpc
    def action_post(self, ids: list[int]) -> bool:
        """Post drafts: they get their number and an open item. A credit note settles its invoice. Odoo answers false."""
        for id_ in ids:
            row = self.get(id_)
            if row["state"] != "draft":
                raise user_error(f"The entry {row['name']} (id {id_}) must be in draft.")
            if row["move_type"] in _LETTERS and not self.lines(row):
                raise user_error("Even magicians can't post nothing!")
            self._post(row)
        return False

    def _post(self, row: Row) -> None:
        kind, today = row["move_type"], self.env.now.date()
        same = [
            r
            for r in self.rows.values()
            if r["move_type"] == kind and r["name"] and r["journal_id"] == row["journal_id"]
        ]
        code = _LETTERS.get(kind) or f"P{self.env['account.journal'].rows[row['journal_id']]['code']}"
        name = row["name"] or f"{code}/{today.year}/{len(same) + 1:05d}"
        date = row["invoice_date"] or row["date"] or today.isoformat()
        values = {"state": "posted", "name": name, "date": date}
        if kind in _LETTERS:
            values |= {"invoice_date": date, "invoice_date_due": row["invoice_date_due"] or date}
            values |= {"payment_reference": row["payment_reference"] or (name if kind == "out_invoice" else False)}
        self.change(row, values)
        if kind in _LETTERS:
            side = "debit" if kind == "out_invoice" else "credit"
            self.env["account.move.line"].open_item(row, side, self._total(row))
            self.env.effect("invoice.post", row["id"], {"name": name})
        origin = self.rows.get(row["reversed_entry_id"]) if row["reversed_entry_id"] else None
        if origin is not None and origin["state"] == "posted":
            self.env["account.move.line"].reconcile([*self.receivables(origin), *self.receivables(row)])

    @rpc
    def button_draft(self, ids: list[int]) -> None:
        """Back to draft: it settles nothing any more. It keeps its number."""
        lines = self.env["account.move.line"]
        for id_ in ids:
            row = self.get(id_)
            for line in self.receivables(row):
                lines.release(line)
                lines.drop(line)
            self.change(row, {"state": "draft"})

    @rpc
    def button_cancel(self, ids: list[int]) -> None:
        """Cancel drafts."""
        for id_ in ids:
            if self.get(id_)["state"] != "draft":
                raise user_error("Only draft journal entries can be cancelled.")
            self.change(self.get(id_), {"state": "cancel"})

    @rpc
    def js_assign_outstanding_line(self, ids: list[int], line_id: int) -> None:
        """Settle the invoice with an open item, such as that of a payment. One that is used up is refused, unless this invoice used it."""
        lines = self.env["account.move.line"]
        line, mine = lines.get(int(line_id)), [one for one in self.receivables(self.get(ids[0])) if lines.open(one)]
        if not lines.open(line) and not any(line["id"] in lines.counterparts(one) for one in mine):
            raise user_error("You are trying to reconcile some entries that are already reconciled.")
        lines.reconcile([line, *mine])

    @rpc
    def unlink(self, ids: list[int]) -> bool:
        """Delete drafts."""
        if any(self.get(id_)["state"] == "posted" for id_ in ids):
            raise user_error("You cannot delete a posted entry.")
        return super().unlink(ids)

    def change(self, row: Row, vals: Row) -> None:
        """Change a move. What was posted is not changed any more, but for what says nothing about its amounts."""
        fixed = [name for name in vals if name in ("partner_id", "currency_id", "invoice_line_ids")]
        if row["state"] == "posted" and fixed:
            raise user_error(f"You cannot modify the following readonly fields on a posted move: {', '.join(fixed)}")
        super().change(row, vals)


class MoveLines(Model):
    """account.move.line: what was sold, and the open items that payments and credit notes settle."""

    name = "account.move.line"
    title = "Journal Item"
    fields: ClassVar[dict[str, Field]] = {
        "move_id": one("account.move", required=True), "name": char(), "product_id": one("product.product"), "quantity": number(),
        "price_unit": number(), "discount": number(), "price_subtotal": number("monetary", compute="_subtotal"),
        "price_total": number("monetary", compute="_price_total"), "sale_line_ids": many("sale.order.line"),
        "display_type": Field("selection", default="product"), "tax_ids": many("account.tax"), "sequence": number("integer"),
        "account_type": Field("selection"), "debit": number("monetary"), "credit": number("monetary"),
        "amount_residual": number("monetary", compute="_amount_residual"), "reconciled": flag(compute="_reconciled"),
        "parent_state": Field("selection", compute="_parent_state"),
    }  # fmt: skip

    def _defaults(self, row: Row, vals: Row) -> None:
        product = self.env["product.product"].rows.get(row["product_id"]) if row["product_id"] else None
        if product is not None:
            row["name"] = row["name"] or self.env["product.product"].shown_as(product)
            if "tax_ids" not in vals:
                row["tax_ids"] = list(product["taxes_id"])
            if "price_unit" not in vals:
                row["price_unit"] = product["list_price"]

    def taxed(self, row: Row) -> tuple[Decimal, dict[int, Decimal]]:
        """The amount without taxes, in whole cents, and each tax exactly."""
        gross = row["quantity"] * row["price_unit"] * (100 - row["discount"]) / 100
        return without_taxes(self.env, gross, row["tax_ids"] or [])

    def _subtotal(self, row: Row) -> Decimal:
        return self.taxed(row)[0]

    def _price_total(self, row: Row) -> Decimal:
        return self._subtotal(row) + sum((cents(amount) for amount in self.taxed(row)[1].values()), Decimal(0))

    def _parent_state(self, row: Row) -> Any:
        return self.env["account.move"].rows[row["move_id"]]["state"]

    def invoiced(self, line: int) -> Decimal:
        """How much of a sale order line was invoiced, less what was credited."""
        total = Decimal(0)
        for row in self.rows.values():
            move = self.env["account.move"].rows[row["move_id"]]
            if line in (row["sale_line_ids"] or []) and move["state"] != "cancel":
                total += row["quantity"] if move["move_type"] == "out_invoice" else -row["quantity"]
        return total

    # --- open items

    def open_item(self, move: Row, side: str, amount: Decimal) -> Row:
        """An item on the customer's account."""
        kind = "payment_term" if move["move_type"] in _LETTERS else "product"
        values = {
            "move_id": move["id"],
            "display_type": kind,
            "account_type": _RECEIVABLE,
            side: amount,
            "name": move["name"],
        }
        made: Row = self.insert(values)
        return made

    def _partials(self, row: Row) -> list[Row]:
        both = ("debit_move_id", "credit_move_id")
        rows = self.env["account.partial.reconcile"].rows.values()
        return [part for part in rows if row["id"] in [part[side] for side in both]]

    def counterparts(self, row: Row) -> list[int]:
        """The items that this one is settled with."""
        sides = [(part["debit_move_id"], part["credit_move_id"]) for part in self._partials(row)]
        return [credit if debit == row["id"] else debit for debit, credit in sides]

    def open(self, row: Row) -> Decimal:
        """What is left of an open item."""
        settled = sum((part["amount"] for part in self._partials(row)), Decimal(0))
        return Decimal(row["debit"] + row["credit"] - settled)

    def _amount_residual(self, row: Row) -> Decimal:
        if row["account_type"] != _RECEIVABLE:
            return Decimal(0)
        return self.open(row) if row["debit"] else -self.open(row)

    def _reconciled(self, row: Row) -> bool:
        return row["account_type"] == _RECEIVABLE and not self.open(row)

    def reconcile(self, rows: list[Row]) -> None:
        """Settle debits with credits, the first with the first, as far as they go."""
        for debit in [row for row in rows if row["debit"]]:
            for credit in [row for row in rows if row["credit"]]:
                amount = min(self.open(debit), self.open(credit))
                if amount > 0:
                    sides = {"debit_move_id": debit["id"], "credit_move_id": credit["id"]}
                    self.env["account.partial.reconcile"].insert({**sides, "amount": amount})
                    for row in (debit, credit):  # payment states and residuals are stored: their moves are touched
                        move = self.env["account.move"].rows[row["move_id"]]
                        self.env["account.move"].change(move, {})

    def release(self, row: Row) -> None:
        """Take all settlements of an item back."""
        for part in self._partials(row):
            self.env["account.partial.reconcile"].drop(part)


class Partials(Model):
    """account.partial.reconcile: how much of a debit is settled by which credit."""

    name = "account.partial.reconcile"
    title = "Partial Reconcile"
    fields: ClassVar[dict[str, Field]] = {
        "debit_move_id": one("account.move.line"), "credit_move_id": one("account.move.line"), "amount": number("monetary"),
    }  # fmt: skip


MODELS = (PaymentTerms, Incoterms, Accounts, Journals, Moves, MoveLines, Partials)
