"""What the conformance kit asks of the simulated Odoo: records to read, records to write, and changes by its users."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.sdk.testing.simulator import NotApplicable, NotOffered

if TYPE_CHECKING:
    from connectors.odoo.simulator.orm import Row
    from connectors.odoo.simulator.simulator import OdooSimulator

_MODELS = {
    "price": "product.pricelist.item", "invoice": "account.move", "payment": "account.payment",
    "product": "product.template", "variant": "product.product",
    "warehouse": "stock.warehouse", "order": "sale.order", "shipment": "stock.picking", "return": "stock.picking",
    "customer": "res.partner",
}  # fmt: skip


class Hooks:
    """Makes, changes and deletes records as the users of the Odoo company would."""

    def __init__(self, sim: OdooSimulator) -> None:
        self.sim = sim
        self.env = sim.env
        self._count = 0

    def number(self) -> int:
        """A number that was not given before."""
        self._count += 1
        return self._count

    # --- reading

    def put(self, stream: str, fields: dict[str, Any]) -> str:
        """One record with these values in it; returns its external id."""
        makers = {
            "price": self._price, "invoice": self._invoice, "product": self._template, "variant": self._variant,
            "warehouse": self._warehouse, "inventory_level": self._level, "order": self._order,
            "shipment": self._shipment, "return": self._return, "customer": self._customer,
            "payment": self._payment,
        }  # fmt: skip
        if stream not in makers:
            raise NotOffered(f"the odoo simulator cannot make {stream}")
        return makers[stream](dict(fields))

    def _product(self, fields: dict[str, Any]) -> int:
        number = self.number()
        sku, name = fields.pop("sku", f"SKU-{number:04d}"), fields.pop("text", f"Article {number}")
        product = self.sim.add_product(str(sku), str(name), fields.pop("price", "10.00"))
        self.env["product.product"].rows[product]["beside"] = fields.pop("extra", {})
        return product

    def _variant(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "price", "extra")
        return str(self._product(fields))

    def _template(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "price", "extra")
        beside = fields.pop("extra", {})
        template = self.env["product.product"].rows[self._product(fields)]["product_tmpl_id"]
        self.env["product.template"].rows[template]["beside"] = beside
        return str(template)

    def _warehouse(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "extra")
        number = self.number()
        made = self.sim.add_warehouse(
            str(fields.get("sku", f"W{number:03d}")), str(fields.get("text", f"Warehouse {number}"))
        )
        self.env["stock.warehouse"].rows[made]["beside"] = fields.get("extra", {})
        return str(made)

    def _level(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "extra")
        fields.setdefault("sku", fields.pop("text", f"SKU-{self.number():04d}"))
        product = self._product(fields)
        self._count_stock(product, 1, self.number())
        return f"{product}@1"

    def _count_stock(self, product: int, warehouse: int, quantity: int) -> None:
        location = self.env["stock.warehouse"].rows[warehouse]["lot_stock_id"]
        self.env["stock.quant"].adjust(product, location, Decimal(quantity))

    def _customer(self, fields: dict[str, Any]) -> str:
        _only(fields, "text", "zip", "extra")
        number = self.number()
        values = {
            "name": str(fields.get("text", f"Buyer {number}")),
            "email": f"Buyer{number}@Example.com",
            "customer_rank": 1,
        }
        made = self.env["res.partner"].insert({**values, "zip": fields.get("zip", False)})
        made["beside"] = fields.get("extra", {})
        return str(made["id"])

    def _order(self, fields: dict[str, Any], *, confirm: bool = False) -> str:
        _only(fields, "sku", "text", "price", "extra", "lines")
        number = self.number()
        given: dict[str, Any] = {key: fields[key] for key in ("sku", "price") if key in fields}
        count = int(fields.get("lines", 1))
        product = self._product(given) if count else 0
        line = {"product_id": product, "product_uom_qty": 2, "name": str(fields.get("text", "-"))}
        order = self.env["sale.order"].insert({
            "partner_id": int(self._customer({})), "client_order_ref": f"hub-hubtest-seed-{number}", "origin": f"#S{number}",
            "note": fields.get("text", False), "order_line": [[0, 0, dict(line)] for _ in range(count)],
        })  # fmt: skip
        order["beside"] = fields.get("extra", {})
        if confirm:
            self.env["sale.order"].action_confirm([order["id"]])
        return str(order["id"])

    def _shipment(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "extra", "lines")
        order = self.env["sale.order"].rows[int(self._order({**fields, "lines": fields.get("lines", 1)}, confirm=True))]
        pickings = self.env["stock.picking"]
        if not [p for p in pickings.rows.values() if p["sale_id"] == order["id"]]:
            pickings.change(pickings.plan(order), {"state": "assigned"})
        picking = self.sim.ship(order["client_order_ref"], tracking=f"T-{self.number()}")
        row: Row = next(p for p in pickings.rows.values() if p["name"] == picking)
        row["beside"] = fields.get("extra", {})
        return str(row["id"])

    def _return(self, fields: dict[str, Any]) -> str:
        beside = fields.pop("extra", {})
        shipment = self.env["stock.picking"].rows[int(self._shipment(fields))]
        order = self.env["sale.order"].rows[shipment["sale_id"]]
        name = self.sim.take_back(order["client_order_ref"])
        row: Row = next(p for p in self.env["stock.picking"].rows.values() if p["name"] == name)
        row["beside"] = beside
        return str(row["id"])

    def _price(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "price", "extra")
        beside, price = fields.pop("extra", {}), fields.pop("price", "10.00")
        product = self._product({"sku": fields.pop("sku", f"SKU-{self.number():04d}")})
        pricelist = self.env["product.pricelist"].insert({"name": str(fields.get("text", f"Retail {self.number()}"))})
        made = self.env["product.pricelist.item"].insert({
            "pricelist_id": pricelist["id"], "applied_on": "0_product_variant", "product_id": product, "fixed_price": price,
            "min_quantity": 10,
        })  # fmt: skip
        made["beside"] = beside
        return str(made["id"])

    def _invoice(self, fields: dict[str, Any]) -> str:
        _only(fields, "sku", "text", "price", "extra", "lines")
        beside = fields.pop("extra", {})
        if not fields.get("lines", 1):
            raise NotApplicable("Odoo posts no invoice without a line")
        order = self.env["sale.order"].rows[int(self._order(fields, confirm=True))]
        wizards = self.env["sale.advance.payment.inv"]
        wizard = wizards.insert({"sale_order_ids": [[6, 0, [order["id"]]]]})
        made = wizards.create_invoices([wizard["id"]])["res_id"]
        self.env["account.move"].action_post([made])
        self.env["account.move"].rows[made]["beside"] = beside
        return str(made)

    def _payment(self, fields: dict[str, Any]) -> str:
        _only(fields, "text", "price", "extra")
        invoice = int(self._invoice({}))
        payments, moves = self.env["account.payment"], self.env["account.move"]
        made = payments.insert({
            "partner_id": moves.rows[invoice]["partner_id"], "amount": Decimal(str(fields.get("price", "5.00"))),
            "memo": str(fields.get("text", f"Payment {self.number()}")), "invoice_ids": [[6, 0, [invoice]]],
        })  # fmt: skip
        payments.action_post([made["id"]])
        moves.js_assign_outstanding_line([invoice], payments.open_line(made)["id"])
        made["beside"] = fields.get("extra", {})
        return str(made["id"])

    def change(self, stream: str, external_id: str) -> None:
        """Change one record as a user would."""
        if stream == "inventory_level":
            product, _, warehouse = external_id.partition("@")
            self._count_stock(int(product), int(warehouse), 1000 + self.number())
            return
        values: dict[str, Row] = {
            "price": {"fixed_price": Decimal(100 + self.number())}, "invoice": {"ref": f"R-{self.number()}"},
            "product": {"list_price": Decimal(100 + self.number())},
            "variant": {"list_price": Decimal(100 + self.number())}, "warehouse": {"name": f"Renamed {self.number()}"},
            "order": {"origin": f"#C{self.number()}"}, "shipment": {"carrier_tracking_ref": f"T-{self.number()}"},
            "return": {"carrier_tracking_ref": f"R-{self.number()}"},
            "payment": {"memo": f"M-{self.number()}"}, "customer": {"phone": f"+49 30 {self.number():06d}"},
        }  # fmt: skip
        model = self.env[_MODELS[stream]]
        model.change(model.get(int(external_id)), values[stream])

    def delete(self, stream: str, external_id: str) -> None:
        """Delete one record as a user would."""
        name = "product.product" if stream == "inventory_level" else _MODELS[stream]
        model = self.env[name]
        id_ = int(external_id.partition("@")[0])
        if name == "product.product":
            for other in ("stock.quant", "stock.move"):
                for row in [r for r in self.env[other].rows.values() if r["product_id"] == id_]:
                    self.env[other].drop(row)
        model.drop(model.get(id_))

    def natural_key(self, stream: str, external_id: str) -> str:
        """The natural key of a record."""
        names = {
            "product": "default_code",
            "variant": "default_code",
            "warehouse": "code",
            "customer": "email",
            "order": "origin",
            "invoice": "name",
        }
        if stream not in names:
            raise NotOffered(f"{stream} has no natural key")
        return str(self.env[_MODELS[stream]].get(int(external_id))[names[stream]])

    # --- writing

    def sample(self, stream: str) -> dict[str, Any]:
        """Data for a create; what it refers to exists."""
        number = self.number()
        address = {
            "name": f"Buyer {number} 👩‍🚀", "street": f"Main Street {number}", "zip": f"0{number:04d}", "city": "Dresden",
            "country_code": "DE", "phone": "+49351000",
        }  # fmt: skip
        if stream == "customer":
            return {**address, "email": f"sample{number}@example.com", "is_company": False, "lang": "de-DE"}
        if stream == "variant":
            return {
                "default_code": f"NEW-{number:05d}", "names": {"en-US": f"Article {number}", "de-DE": f"Artikel {number} 👍"},
                "list_price": "19.99", "currency": "USD", "weight": "0.25", "stocked": True,
            }  # fmt: skip
        if stream in ("invoice", "payment"):
            return self._sample_of_accounting(stream, number)
        if stream == "shipment":
            order = self.env["sale.order"].rows[int(self._order({}, confirm=True))]
            (line,) = self.env["sale.order"].order_lines(order)
            return {
                "order_id": str(order["id"]), "number": f"LS-{number}", "tracking": f"T-{number}", "warehouse": "WH",
                "lines": [{"product_id": str(line["product_id"]), "quantity": "1"}],
            }  # fmt: skip
        if stream == "product":
            self._product({"sku": f"GOODS-{number:05d}"})
            return {
                "code": f"GOODS-{number:05d}", "names": {"en-US": f"Goods {number} 👍", "de-DE": f"Ware {number}"}, "active": True,
                "descriptions": {"en-US": "Made of linen."}, "category": f"Goods {number} / Clothing",
            }  # fmt: skip
        if stream == "return":
            shipment = self.env["stock.picking"].rows[int(self._shipment({}))]
            moves = [m for m in self.env["stock.move"].rows.values() if m["picking_id"] == shipment["id"]]
            return {
                "order_id": str(shipment["sale_id"]), "number": f"RMA-{number}", "status": "received", "tracking": f"R-{number}",
                "lines": [{"product_id": str(moves[0]["product_id"]), "quantity": "1", "reason": "too small 👍"}],
            }  # fmt: skip
        if stream == "price":
            product = self._product({})
            return {
                "price_list": f"B2B-{number}", "price_list_name": f"Dealers {number}", "currency": "USD", "applies_to": "variant",
                "product_id": str(product), "fixed_price": "11.50", "min_quantity": "10", "date_start": "2026-12-01T00:00:00+01:00",
            }  # fmt: skip
        if stream != "order":
            raise NotOffered(f"the odoo simulator has no sample of {stream}")
        lines = []
        for index in (1, 2):
            product = self._product({"price": "10.00"})
            self._count_stock(product, 1, 100)
            lines.append({
                "line": f"gid://shopify/LineItem/{number}{index}", "product_id": str(product), "name": f"Article {index}",
                "product_uom_qty": "2", "price_unit": "10.00", "discount_amount": "1.00", "tax_rates": ["0.19"],
            })  # fmt: skip
        return {
            "partner_id": self._customer({}), "origin": f"#{1000 + number}", "date_order": "2026-11-20T10:00:00Z",
            "currency": "USD", "tax_included": True, "note": "Ring twice", "invoice_address": address,
            "delivery_address": {**address, "street": f"Side Street {number}"}, "order_line": lines,
            "shipping": [{"name": "Standard", "price_unit": "4.90", "tax_rates": ["0.19"]}], "total": "42.90",
        }  # fmt: skip

    def _sample_of_accounting(self, stream: str, number: int) -> dict[str, Any]:
        if stream == "payment":
            invoice = self.env["account.move"].rows[int(self._invoice({}))]
            sold = self.env["account.move"].lines(invoice)[0]["sale_line_ids"][0]
            return {
                "kind": "payment", "amount": "5.00", "currency": "USD", "order_id": str(self._order_of(sold)), "date": "2026-11-20",
                "method": "card", "memo": f"#{number}", "reference": f"ch_{number}",
            }  # fmt: skip
        order = self.env["sale.order"].rows[int(self._order({}, confirm=True))]
        (line,) = self.env["sale.order"].order_lines(order)
        return {
            "kind": "invoice", "order_id": str(order["id"]), "number": f"SI-{number}", "currency": "USD", "invoice_date": "2026-11-20",
            "payment_reference": f"PR-{number}", "total": str(self.env["sale.order"].value(order, "amount_total")),
            "lines": [{"product_id": str(line["product_id"]), "quantity": "2", "price_unit": "10.00"}],
        }  # fmt: skip

    def _order_of(self, line: int) -> int:
        return int(self.env["sale.order.line"].rows[line]["order_id"])

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """The data with something changed."""
        if stream == "customer":
            return {**data, "phone": f"+49 351 {self.number():06d}"}
        if stream == "product":
            return {**data, "names": {"en-US": f"Renamed {self.number()}"}}
        if stream == "variant":
            return {**data, "list_price": f"{20 + self.number()}.99"}
        if stream in ("shipment", "return"):
            return {**data, "tracking": f"T-{1000 + self.number()}"}
        if stream == "invoice":
            return {**data, "payment_reference": f"PC-{self.number()}"}
        if stream == "price":
            return {**data, "fixed_price": f"{20 + self.number()}.50"}
        lines = [{**line, "product_uom_qty": "3"} for line in data["order_line"]]
        return {**data, "order_line": lines, "total": "62.90"}


def _only(fields: dict[str, Any], *known: str) -> None:
    unknown = set(fields) - set(known)
    if unknown:
        raise NotApplicable(f"a record of this kind has no {', '.join(sorted(unknown))}")
