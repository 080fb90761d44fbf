"""Sale orders and their amounts, and the taxes that go with them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error
from connectors.odoo.simulator.orm import Env, Field, Model, Row, char, flag, many, moment, number, one, rpc

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """The amount in whole cents."""
    return value.quantize(CENT, ROUND_HALF_UP)


def without_taxes(env: Env, gross: Decimal, taxes: list[int]) -> tuple[Decimal, dict[int, Decimal]]:
    """An amount without the taxes that it includes, in whole cents, and each tax on it exactly."""
    rows = [env["account.tax"].rows[id_] for id_ in taxes]
    inside = sum((tax["amount"] for tax in rows if tax["price_include"]), Decimal(0))
    base = gross / (1 + inside / 100) if inside else gross
    return cents(base), {tax["id"]: base * tax["amount"] / 100 for tax in rows}


class SaleTaxes(Model):
    """account.tax."""

    name = "account.tax"
    title = "Tax"
    order = "sequence, id"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "amount": number(), "amount_type": Field("selection", default="percent"),
        "type_tax_use": Field("selection", default="sale"), "price_include": flag(), "sequence": number("integer", default=Decimal(1)),
        "company_id": one("res.company", default=1), "country_id": one("res.country"), "active": flag(True),
    }  # fmt: skip


class SaleOrders(Model):
    """sale.order. Its client_order_ref is not unique: Odoo makes as many orders with one as it is asked for."""

    name = "sale.order"
    title = "Sales Order"
    order = "date_order desc, id desc"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(label="Order Reference"), "state": Field("selection", default="draft"), "locked": flag(), "client_order_ref": char(),
        "origin": char(), "partner_id": one("res.partner", required=True, label="Customer"), "partner_invoice_id": one("res.partner"),
        "partner_shipping_id": one("res.partner"), "date_order": moment(),
        "note": Field("html"), "pricelist_id": one("product.pricelist"),
        "currency_id": one("res.currency", compute="_currency"), "company_id": one("res.company", default=1), "team_id": one("crm.team"),
        "warehouse_id": one("stock.warehouse", default=1), "fiscal_position_id": one("account.fiscal.position"),
        "order_line": many("sale.order.line", "order_id"), "picking_ids": many("stock.picking", "sale_id"),
        "invoice_ids": many("account.move", compute="_invoices"), "amount_untaxed": number("monetary", compute="_untaxed"),
        "amount_tax": number("monetary", compute="_tax"), "amount_total": number("monetary", compute="_total"),
        "invoice_status": Field("selection", compute="_invoice_status"),
        "delivery_status": Field("selection", compute="_delivery_status"),
        "commitment_date": moment(), "payment_term_id": one("account.payment.term"), "incoterm": one("account.incoterms"),
        "source_id": one("utm.source"),
    }  # fmt: skip

    def _defaults(self, row: Row, vals: Row) -> None:
        row["name"] = row["name"] or f"S{len(self.rows):05d}"
        row["date_order"] = row["date_order"] or self.env.now
        company = (
            (self.env.context.get("allowed_company_ids") or [1])[0] if "company_id" not in vals else row["company_id"]
        )
        row["company_id"] = company
        if "warehouse_id" not in vals:
            rows = self.env["stock.warehouse"].rows.values()
            row["warehouse_id"] = next(one["id"] for one in rows if one["company_id"] == company)
        for name in ("partner_invoice_id", "partner_shipping_id"):
            row[name] = row[name] or row["partner_id"]
        partner = self.env["res.partner"].rows.get(row["partner_id"])
        country = partner["country_id"] if partner else False
        home = self.env["res.company"].rows[company]["country_id"]
        if self.env.version >= 19 and country and country != home:
            row["fiscal_position_id"] = (
                2  # 19 exports by itself: a customer abroad pays the tax "0% Exports"; 18 did not
            )

    def _created(self, row: Row) -> None:
        self.env.effect("order.create", row["id"], {"marker": row["client_order_ref"], "name": row["name"]})

    def _currency(self, row: Row) -> Any:
        if row["pricelist_id"]:
            return self.env["product.pricelist"].rows[row["pricelist_id"]]["currency_id"]
        return self.env["res.company"].rows[row["company_id"]]["currency_id"]

    def order_lines(self, row: Row) -> list[Row]:
        """The order's lines."""
        return [line for line in self.env["sale.order.line"].rows.values() if line["order_id"] == row["id"]]

    def _untaxed(self, row: Row) -> Decimal:
        lines = self.env["sale.order.line"]
        return sum((lines.value(line, "price_subtotal") for line in self.order_lines(row)), Decimal(0))

    def _tax(self, row: Row) -> Decimal:
        """Taxes are rounded once for the order (round_globally, the default of 19)."""
        lines = self.env["sale.order.line"]
        exact: dict[int, Decimal] = {}
        for line in self.order_lines(row):
            for tax, amount in lines.taxed(line)[1].items():
                exact[tax] = exact.get(tax, Decimal(0)) + amount
        return sum((cents(amount) for amount in exact.values()), Decimal(0))

    def _total(self, row: Row) -> Decimal:
        return self._untaxed(row) + self._tax(row)

    def _invoices(self, row: Row) -> list[int]:
        mine = {line["id"] for line in self.order_lines(row)}
        lines = self.env["account.move.line"].rows.values()
        return sorted({line["move_id"] for line in lines if mine & set(line["sale_line_ids"] or [])})

    def _invoice_status(self, row: Row) -> str:
        if row["state"] != "sale":
            return "no"
        lines = self.env["sale.order.line"]
        open_ = any(lines.value(line, "qty_invoiced") < line["product_uom_qty"] for line in self.order_lines(row))
        return "to invoice" if open_ else "invoiced"

    def _delivery_status(self, row: Row) -> Any:
        pickings = [
            p for p in self.env["stock.picking"].rows.values() if p["sale_id"] == row["id"] and p["state"] != "cancel"
        ]
        done = [p for p in pickings if p["state"] == "done"]
        if not pickings:
            return False
        if not done:
            return "pending"
        return "full" if len(done) == len(pickings) else "partial"

    # --- methods that can be called from outside

    @rpc
    def action_confirm(self, ids: list[int]) -> bool:
        """Confirm quotations. The date of the order becomes now, whatever it was; its origin stays."""
        for id_ in ids:
            row = self.get(id_)
            if row["state"] not in ("draft", "sent"):
                raise user_error("Some orders are not in a state requiring confirmation.")
            self.change(row, {"state": "sale", "date_order": self.env.now})
            self.env["stock.picking"].deliver_order(row)
            self.env.effect("order.confirm", id_, {"marker": row["client_order_ref"]})
        return True

    @rpc
    def action_cancel(self, ids: list[int]) -> bool:
        """Cancel orders, and their deliveries that are not done."""
        for id_ in ids:
            row = self.get(id_)
            if row["locked"]:
                raise user_error("You cannot cancel a locked order. Please unlock it first.")
            pickings = self.env["stock.picking"]
            for picking in [
                p for p in pickings.rows.values() if p["sale_id"] == id_ and p["state"] not in ("done", "cancel")
            ]:
                pickings.action_cancel([picking["id"]])
            self.change(row, {"state": "cancel"})
            self.env.effect("order.cancel", id_, {"marker": row["client_order_ref"]})
        return True

    @rpc
    def action_lock(self, ids: list[int]) -> bool:
        """Lock orders."""
        return self.write(ids, {"locked": True})

    @rpc
    def unlink(self, ids: list[int]) -> bool:
        """Delete quotations and cancelled orders."""
        if any(self.get(id_)["state"] not in ("draft", "cancel") for id_ in ids):
            raise user_error(
                "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
            )
        return super().unlink(ids)


class SaleOrderLines(Model):
    """sale.order.line."""

    name = "sale.order.line"
    title = "Sales Order Line"
    order = "order_id, sequence, id"
    fields: ClassVar[dict[str, Field]] = {
        "order_id": one("sale.order", required=True), "sequence": number("integer", default=Decimal(10)), "name": Field("text"),
        "product_id": one("product.product", label="Product"), "product_uom_qty": number(default=Decimal(1), label="Quantity"),
        "product_uom_id": one("uom.uom", default=1), "price_unit": number(), "discount": number(), "display_type": Field("selection"),
        "is_downpayment": flag(), "state": Field("selection", compute="_state"), "currency_id": one("res.currency", compute="_currency"),
        "price_subtotal": number("monetary", compute="_subtotal"), "price_tax": number(compute="_price_tax"),
        "price_total": number("monetary", compute="_price_total"), "qty_delivered": number(compute="_delivered"),
        "qty_invoiced": number(compute="_invoiced"), "qty_to_invoice": number(compute="_to_invoice"),
        "move_ids": many("stock.move", "sale_line_id"),
        "customer_lead": number(),
    }  # fmt: skip

    def _fields(self) -> dict[str, Field]:
        taxes = "tax_ids" if self.env.version >= 19 else "tax_id"
        unit = {} if self.env.version >= 19 else {"product_uom": one("uom.uom", default=1)}
        return {**self.fields, taxes: many("account.tax"), **unit}

    @property
    def tax_field(self) -> str:
        """The field of a line's taxes, which differs by version."""
        return "tax_ids" if self.env.version >= 19 else "tax_id"

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        order = self.env["sale.order"].rows[row["order_id"]]
        partner = self.env["res.partner"].rows[order["partner_id"]]
        who = partner["ref"] or partner["name"]
        return f"{order['name']} - {str(row['name']).splitlines()[0]} ({who})"

    def _defaults(self, row: Row, vals: Row) -> None:
        product = self.env["product.product"].rows.get(row["product_id"]) if row["product_id"] else None
        if product is None:
            if not row["display_type"]:
                raise user_error(
                    "The operation cannot be completed: Missing required fields on accountable sale order line."
                )
            return
        if not row["name"]:
            row["name"] = self.env["product.product"].shown_as(product)
        if "price_unit" not in vals:
            row["price_unit"] = product["list_price"]
        if self.tax_field not in vals:
            row[self.tax_field] = self._default_taxes(row, product)

    def _default_taxes(self, row: Row, product: Row) -> list[int]:
        order = self.env["sale.order"].rows[row["order_id"]]
        exports = [tax["id"] for tax in self.env["account.tax"].rows.values() if tax["name"] == "0% Exports"]
        return exports if order["fiscal_position_id"] and exports else list(product["taxes_id"])

    def _created(self, row: Row) -> None:
        self._replan(row, Decimal(0))

    def _written(self, row: Row, before: Row) -> None:
        if row["product_uom_qty"] != before["product_uom_qty"]:
            self._replan(row, before["product_uom_qty"])

    def _replan(self, row: Row, before: Decimal) -> None:
        """A line of a confirmed order that changes changes the planned delivery."""
        order = self.env["sale.order"].rows[row["order_id"]]
        if order["state"] == "sale":
            self.env.effect("order.update", order["id"], {"marker": order["client_order_ref"]})
            self.env["stock.picking"].replan(order, row, row["product_uom_qty"] - before)

    @rpc
    def unlink(self, ids: list[int]) -> bool:
        """Delete lines of quotations; a confirmed order keeps its lines."""
        for id_ in ids:
            order = self.env["sale.order"].rows[self.get(id_)["order_id"]]
            if order["state"] == "sale":
                raise user_error("Once a sales order is confirmed, you can't remove one of its lines.")
        return super().unlink(ids)

    # --- amounts

    def taxed(self, row: Row) -> tuple[Decimal, dict[int, Decimal]]:
        """The amount without taxes, in whole cents, and each tax exactly."""
        gross = row["product_uom_qty"] * row["price_unit"] * (100 - row["discount"]) / 100
        return without_taxes(self.env, gross, row[self.tax_field] or [])

    def _subtotal(self, row: Row) -> Decimal:
        return self.taxed(row)[0]

    def _price_tax(self, row: Row) -> Decimal:
        return sum((cents(amount) for amount in self.taxed(row)[1].values()), Decimal(0))

    def _price_total(self, row: Row) -> Decimal:
        return self._subtotal(row) + self._price_tax(row)

    def _state(self, row: Row) -> Any:
        return self.env["sale.order"].rows[row["order_id"]]["state"]

    def _currency(self, row: Row) -> Any:
        orders = self.env["sale.order"]
        return orders.value(orders.rows[row["order_id"]], "currency_id")

    def _delivered(self, row: Row) -> Decimal:
        total = Decimal(0)
        locations = self.env["stock.location"].rows
        for move in self.env["stock.move"].rows.values():
            if move["sale_line_id"] == row["id"] and move["state"] == "done":
                out = locations[move["location_dest_id"]]["usage"] == "customer"
                total += move["quantity"] if out else -move["quantity"]
        return total

    def _invoiced(self, row: Row) -> Decimal:
        return Decimal(self.env["account.move.line"].invoiced(row["id"]))

    def _to_invoice(self, row: Row) -> Decimal:
        """What may be invoiced: all that was ordered, or what was delivered, as the product says."""
        if self._state(row) != "sale" or not row["product_id"]:
            return Decimal(0)
        by_delivery = self.env["product.product"].rows[row["product_id"]]["invoice_policy"] == "delivery"
        return Decimal((self._delivered(row) if by_delivery else row["product_uom_qty"]) - self._invoiced(row))


class SalesTeams(Model):
    """crm.team."""

    name = "crm.team"
    title = "Sales Team"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True)}


class Sources(Model):
    """utm.source: where orders come from. Odoo makes a taken name unique by a number behind it."""

    name = "utm.source"
    title = "UTM Source"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True, label="Source Name")}

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        name, count = row["name"], 1
        while any(other is not row and other["name"] == row["name"] for other in self.rows.values()):
            count += 1
            row["name"] = f"{name} [{count}]"


class FiscalPositions(Model):
    """account.fiscal.position."""

    name = "account.fiscal.position"
    title = "Fiscal Position"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True)}


MODELS = (SaleTaxes, FiscalPositions, SalesTeams, Sources, SaleOrders, SaleOrderLines)
