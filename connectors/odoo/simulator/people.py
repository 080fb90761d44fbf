"""What the people of the simulated company do, and what can be seen there: for tests, the demo and trials."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from connectors.odoo.simulator.orm import Env, Row
from hub.sdk.testing.simulator import Simulator

USER = 2
"""The id of the hub's own user."""


class People(Simulator, ABC):
    """The part of the simulated Odoo that is no API."""

    env: Env

    # --- what people do in Odoo

    @contextmanager
    def work(self) -> Iterator[Env]:
        """Do something as a user of the Odoo company would: one transaction, under the lock."""
        with self.lock, self.env.transaction():
            yield self.env
            self.env.forget_effects()  # effects are what requests did

    def add_product(
        self, sku: str, name: str, price: Any, stock: Mapping[str, Any] | None = None, **values: Any
    ) -> int:  # fmt: skip
        """Create a product, with ``stock`` by warehouse code; returns its id. An unknown warehouse is made."""
        with self.work() as env:
            given = {
                "name": name,
                "default_code": sku,
                "list_price": Decimal(str(price)),
                "is_storable": True,
                **values,
            }
            product = env["product.product"].insert(given)
            for code, quantity in (stock or {}).items():
                self._stock(product["id"], code, quantity)
            return int(product["id"])

    def add_variant(self, sku: str, of: str, **options: str) -> int:
        """Create a further variant of the product with the SKU ``of``, with its options: ``Size="M"``; returns its id."""
        with self.work() as env:
            sister = self.product(of)
            values = []
            for name, value in options.items():
                attribute = env["product.attribute"].insert({"name": name})
                given = {"name": value, "attribute_id": attribute["id"], "product_tmpl_id": sister["product_tmpl_id"]}
                values.append(env["product.template.attribute.value"].insert(given)["id"])
            made = env["product.product"].insert({
                "name": sister["name"], "default_code": sku, "list_price": sister["list_price"], "is_storable": True,
                "product_tmpl_id": sister["product_tmpl_id"], "product_template_attribute_value_ids": [[6, 0, values]],
            })  # fmt: skip
            return int(made["id"])

    def add_image(self, sku: str, checksum: str) -> None:
        """Give a product a picture with this checksum."""
        with self.work() as env:
            template = self.product(sku)["product_tmpl_id"]
            env["ir.attachment"].insert({
                "name": "image_1920", "res_model": "product.template", "res_field": "image_1920", "res_id": template,
                "checksum": checksum, "mimetype": "image/png", "file_size": 70,
            })  # fmt: skip

    def add_warehouse(self, code: str, name: str = "") -> int:
        """Create a warehouse, where there is none of this code; returns its id."""
        with self.work() as env:
            found = [row for row in env["stock.warehouse"].rows.values() if row["code"] == code]
            row = (
                found[0]
                if found
                else env["stock.warehouse"].insert({"code": code, "name": name or f"Warehouse {code}"})
            )
            return int(row["id"])

    def add_company(self, name: str, currency: str, warehouse: str) -> int:
        """A further company with a warehouse of its own, in which the hub's user may work too; returns its id."""
        with self.work() as env:
            money = next(row["id"] for row in env["res.currency"].rows.values() if row["name"] == currency)
            country = env["res.company"].rows[1]["country_id"]
            company = env["res.company"].insert({"name": name, "currency_id": money, "country_id": country})
            env["stock.warehouse"].insert({"name": name, "code": warehouse, "company_id": company["id"]})
            env["res.users"].rows[USER]["company_ids"].append(company["id"])
            return int(company["id"])

    def add_carrier(self, name: str) -> int:
        """The id of the carrier with this name, made where there is none."""
        with self.work() as env:
            found = [row for row in env["delivery.carrier"].rows.values() if row["name"] == name]
            return int((found[0] if found else env["delivery.carrier"].insert({"name": name}))["id"])

    def set_stock(self, sku: str, wh: str, qty: Any) -> None:
        """Count: make the quantity on hand of a SKU in a warehouse this."""
        with self.work():
            self._stock(self.product(sku)["id"], wh, qty)

    def ship(
        self, order_ref: str, lines: Mapping[str, Any] | None = None, tracking: str | None = None, carrier: str = ""
    ) -> str:  # fmt: skip
        """Ship an order, named by its marker, origin or name; returns the delivery's name.

        ``lines`` {sku: quantity} ships a part and leaves a backorder; none ships all that is planned.
        """
        with self.work() as env:
            order = self.order(order_ref)
            pickings = env["stock.picking"]
            open_ = [
                p
                for p in pickings.rows.values()
                if p["sale_id"] == order["id"] and p["state"] not in ("done", "cancel")
            ]
            if not open_:
                raise ValueError(f"{order_ref} has nothing left to ship")
            picking = open_[0]
            for move in [m for m in env["stock.move"].rows.values() if m["picking_id"] == picking["id"]]:
                sku = env["product.product"].rows[move["product_id"]]["default_code"]
                wanted = move["product_uom_qty"] if lines is None else Decimal(str(lines.get(sku, 0)))
                env["stock.move"].change(move, {"quantity": wanted, "picked": bool(wanted)})
            pickings.finish(picking, backorder=True)
            if "stock_delivery" in env.modules and (tracking or carrier):
                values = {
                    "carrier_tracking_ref": tracking or False,
                    "carrier_id": self.add_carrier(carrier) if carrier else False,
                }
                pickings.change(picking, values)
            return str(picking["name"])

    def take_back(self, order_ref: str, lines: Mapping[str, Any] | None = None) -> str:
        """Receive a return of an order's last delivery, all of it or {sku: quantity}; returns the receipt's name."""
        with self.work() as env:
            order, pickings, moves = self.order(order_ref), env["stock.picking"], env["stock.move"]
            done = [
                p
                for p in pickings.rows.values()
                if p["sale_id"] == order["id"] and p["state"] == "done" and not p["return_id"]
            ]
            delivery = done[-1]
            type_ = env["stock.picking.type"].of(order["warehouse_id"], "incoming")
            receipt = pickings.insert({
                "name": env["stock.picking.type"].number(type_), "sale_id": order["id"], "picking_type_id": type_["id"],
                "origin": f"Return of {delivery['name']}", "partner_id": delivery["partner_id"], "return_id": delivery["id"],
                "location_id": delivery["location_dest_id"], "location_dest_id": delivery["location_id"], "state": "assigned",
            })  # fmt: skip
            for move in [m for m in moves.rows.values() if m["picking_id"] == delivery["id"] and m["state"] == "done"]:
                sku = env["product.product"].rows[move["product_id"]]["default_code"]
                quantity = move["quantity"] if lines is None else Decimal(str(lines.get(sku, 0)))
                if quantity:
                    moves.insert({
                        "picking_id": receipt["id"], "product_id": move["product_id"], "product_uom_qty": quantity,
                        "quantity": quantity, "picked": True, "state": "assigned", "sale_line_id": move["sale_line_id"],
                        "location_id": receipt["location_id"], "location_dest_id": receipt["location_dest_id"],
                        "origin_returned_move_id": move["id"],
                    })  # fmt: skip
            pickings.finish(receipt, backorder=False)
            return str(receipt["name"])

    def track(self, picking: str, tracking: str) -> None:
        """Enter the tracking number of a delivery that was done before."""
        with self.work() as env:
            row = next(p for p in env["stock.picking"].rows.values() if p["name"] == picking)
            env["stock.picking"].change(row, {"carrier_tracking_ref": tracking})

    def product(self, sku: str) -> Row:
        """The product with this SKU."""
        rows: dict[int, Row] = self.env["product.product"].rows
        return next(row for row in rows.values() if row["default_code"] == sku)

    def order(self, order_ref: str) -> Row:
        """The order with this marker, origin or name."""
        names = ("client_order_ref", "origin", "name")
        rows = self.env["sale.order"].rows.values()
        found: Row | None = next((row for row in rows if order_ref in [row[name] for name in names]), None)
        if found is None:
            raise ValueError(f"there is no order {order_ref}")
        return found

    def _stock(self, product: int, code: str, quantity: Any) -> None:
        warehouse = self.env["stock.warehouse"].rows[self.add_warehouse(code)]
        quants = self.env["stock.quant"]
        quants.adjust(product, warehouse["lot_stock_id"], Decimal(str(quantity)))

    # --- what is in Odoo

    @property
    def orders(self) -> list[Row]:
        """All sale orders, with ``lines`` [{sku, quantity, price, discount, delivered}] and amounts."""
        with self.lock:
            return [self._order(row) for row in self.env["sale.order"].rows.values()]

    @property
    def partners(self) -> list[Row]:
        """All partners but the company itself."""
        with self.lock:
            return [dict(row) for row in self.env["res.partner"].rows.values() if row["id"] != 1]

    @property
    def pickings(self) -> list[Row]:
        """All transfers, with ``moves`` [{sku, quantity, state}]."""
        with self.lock:
            return [self._picking(row) for row in self.env["stock.picking"].rows.values()]

    def stock(self, sku: str, wh: str = "WH") -> Decimal:
        """What is on hand of a SKU in a warehouse."""
        with self.lock, self.env.transaction({"warehouse_id": self.add_warehouse(wh)}):
            return Decimal(self.env["product.product"].value(self.product(sku), "qty_available"))

    def _order(self, row: Row) -> Row:
        orders, lines = self.env["sale.order"], self.env["sale.order.line"]
        amounts = {
            name: orders.value(row, name) for name in ("amount_untaxed", "amount_tax", "amount_total", "currency_id")
        }
        mine = sorted(
            (one for one in lines.rows.values() if one["order_id"] == row["id"]),
            key=lambda one: (one["sequence"], one["id"]),
        )
        shown = [
            {
                "sku": self.env["product.product"].rows[line["product_id"]]["default_code"], "quantity": line["product_uom_qty"],
                "price": line["price_unit"], "discount": line["discount"], "delivered": lines.value(line, "qty_delivered"),
            }
            for line in mine if line["product_id"]
        ]  # fmt: skip
        amounts["currency"] = self.env["res.currency"].rows[amounts.pop("currency_id")]["name"]
        return {**row, **amounts, "lines": shown}

    def _picking(self, row: Row) -> Row:
        moves = [move for move in self.env["stock.move"].rows.values() if move["picking_id"] == row["id"]]
        products = self.env["product.product"].rows
        shown = [
            {"sku": products[m["product_id"]]["default_code"], "quantity": m["quantity"], "state": m["state"]}
            for m in moves
        ]
        return {**row, "moves": shown}
