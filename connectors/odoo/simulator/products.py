"""Products, their quantities, categories and pricelists."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Any, ClassVar

from connectors.odoo.simulator.errors import user_error, validation_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, moment, number, one

_COMMON = ("name", "default_code", "list_price", "type", "categ_id", "description_sale", "active", "sale_ok")
_APPLIED_ON: dict[str, tuple[str, tuple[str, ...]]] = {
    "0_product_variant": ("product_id", ("categ_id",)), "1_product": ("product_tmpl_id", ("product_id", "categ_id")),
    "2_product_category": ("categ_id", ("product_id", "product_tmpl_id")),
    "3_global": ("", ("product_id", "product_tmpl_id", "categ_id")),
}  # fmt: skip
"""What each kind of pricelist rule needs, and what it does not use."""
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
"""How files of pictures begin."""
_OPEN = ("draft", "waiting", "confirmed", "partially_available", "assigned")


class Units(Model):
    """uom.uom."""

    name = "uom.uom"
    title = "Product Unit"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True)}


class Categories(Model):
    """product.category."""

    name = "product.category"
    title = "Product Category"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "parent_id": one("product.category"),
        "complete_name": char(compute="shown_as"),
    }

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        parent = self.rows.get(row["parent_id"]) if row["parent_id"] else None
        return f"{self.shown_as(parent)} / {row['name']}" if parent else str(row["name"])


class Translated(Model):
    """Records whose texts differ by language. What is written in another language than English is a translation."""

    translated: ClassVar[tuple[str, ...]] = ()

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.translations: dict[tuple[int, str, str], str] = {}

    def _texts(self, row: Row) -> tuple[dict[tuple[int, str, str], str], int]:
        """Where the translations of a record are kept, and under which id."""
        return self.translations, row["id"]

    def value(self, row: Row, name: str) -> Any:
        """A field's raw value, in the language of the context."""
        language, (texts, id_) = str(self.env.context.get("lang")), self._texts(row)
        return texts.get((id_, name, language)) or super().value(row, name)

    def change(self, row: Row, vals: Row) -> None:
        """Change a record, or its translations."""
        language = str(self.env.context.get("lang") or "en_US")
        if language != "en_US":
            texts, id_ = self._texts(row)
            texts.update({(id_, name, language): vals[name] for name in self.translated if name in vals})
            vals = {name: value for name, value in vals.items() if name not in self.translated}
        super().change(row, vals)


class Templates(Translated):
    """product.template: what variants have in common. One with several variants has no internal reference of its own."""

    name = "product.template"
    title = "Product"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "default_code": char(), "list_price": number(), "active": flag(True), "sale_ok": flag(True),
        "type": Field("selection", default="consu"), "description_sale": Field("text"), "categ_id": one("product.category"),
        "currency_id": one("res.currency", compute="_currency"), "product_variant_ids": many("product.product", "product_tmpl_id"),
        "image_1920": Field("binary"),
    }  # fmt: skip
    translated = ("name", "description_sale")

    def _written(self, row: Row, before: Row) -> None:
        """Its variants have the same; a new picture is a new file."""
        changed = {name: row[name] for name in _COMMON if name != "default_code" and row[name] != before[name]}
        for variant in self.env["product.product"].rows.values():
            if variant["product_tmpl_id"] == row["id"]:
                variant.update(changed)
        if row["image_1920"] != before["image_1920"]:
            self.env["ir.attachment"].keep(self.name, row["id"], "image_1920", str(row["image_1920"]))
        self.env.effect("product.update", row["id"], {"name": row["name"]})

    def _currency(self, row: Row) -> Any:  # noqa: ARG002
        return next(iter(self.env["res.company"].rows.values()))["currency_id"]

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return f"[{row['default_code']}] {row['name']}" if row["default_code"] else str(row["name"])


class Attributes(Model):
    """product.attribute: what variants differ in."""

    name = "product.attribute"
    title = "Product Attribute"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True)}


class AttributeValues(Model):
    """product.template.attribute.value: one value of an attribute at one product."""

    name = "product.template.attribute.value"
    title = "Product Template Attribute Value"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "attribute_id": one("product.attribute"), "product_tmpl_id": one("product.template"),
    }  # fmt: skip


class Attachments(Model):
    """ir.attachment: here the pictures of products, and printed invoices."""

    name = "ir.attachment"
    title = "Attachment"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "res_model": char(), "res_field": char(), "res_id": Field("many2one_reference"),
        "checksum": char(), "mimetype": char(), "file_size": number("integer"), "datas": Field("binary"),
    }  # fmt: skip

    def keep(self, model: str, id_: int, field: str, datas: str) -> None:
        """Keep the picture of a record, in the place of the one before."""
        try:
            content = base64.b64decode(datas, validate=True)
        except ValueError:
            raise user_error("This file could not be decoded as an image file.") from None
        kind = next((kind for head, kind in _PICTURES.items() if content.startswith(head)), None)
        if kind is None:
            raise user_error("This file could not be decoded as an image file.")
        place = {"res_model": model, "res_field": field, "res_id": id_}
        for row in [row for row in self.rows.values() if all(row[name] == value for name, value in place.items())]:
            self.drop(row)
        checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self.insert(
            {**place, "name": field, "checksum": checksum, "mimetype": kind, "file_size": len(content), "datas": datas}
        )


class Products(Translated):
    """product.product. Quantities are those of the warehouse in the context, or of all warehouses."""

    name = "product.product"
    title = "Product Variant"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True, label="Name"), "default_code": char(),
        "barcode": char(), "list_price": number(), "lst_price": number(compute="_lst_price"),
        "standard_price": number(), "currency_id": one("res.currency", compute="_currency"), "active": flag(True), "sale_ok": flag(True),
        "type": Field("selection", default="consu"), "is_storable": flag(), "product_tmpl_id": one("product.template"),
        "categ_id": one("product.category"), "uom_id": one("uom.uom", default=1), "weight": number(), "taxes_id": many("account.tax"),
        "invoice_policy": Field("selection", default="order"), "image_1920": Field("binary"), "description_sale": Field("text"),
        "product_template_attribute_value_ids": many("product.template.attribute.value"),
        "qty_available": number(compute="_qty_available"), "free_qty": number(compute="_free_qty"),
        "incoming_qty": number(compute="_incoming"),
        "outgoing_qty": number(compute="_outgoing"), "virtual_available": number(compute="_virtual"),
    }  # fmt: skip

    translated = ("name", "description_sale")

    def _texts(self, row: Row) -> tuple[dict[tuple[int, str, str], str], int]:
        return self.env["product.template"].translations, row["product_tmpl_id"]

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        name = self.value(row, "name")
        return f"[{row['default_code']}] {name}" if row["default_code"] else str(name)

    def _defaults(self, row: Row, vals: Row) -> None:
        templates = self.env["product.template"]
        if row["product_tmpl_id"]:  # a further variant
            templates.change(templates.get(row["product_tmpl_id"]), {"default_code": False})
        else:
            row["product_tmpl_id"] = templates.insert({name: row[name] for name in _COMMON})["id"]
        if "taxes_id" not in vals:
            taxes = self.env["account.tax"].matching([["type_tax_use", "=", "sale"]])
            row["taxes_id"] = [taxes[0]["id"]] if taxes else []

    def _created(self, row: Row) -> None:
        self.env.effect("variant.create", row["id"], {"sku": row["default_code"]})

    def _written(self, row: Row, before: Row) -> None:
        changed = {name: row[name] for name in _COMMON if row[name] != before[name]}
        template = self.env["product.template"].get(row["product_tmpl_id"])
        if len(self.env["product.template"].value(template, "product_variant_ids")) > 1:
            changed.pop("default_code", None)
        if changed:
            self.env["product.template"].change(template, changed)
        self.env.effect("variant.update", row["id"], {"sku": row["default_code"]})

    def _lst_price(self, row: Row) -> Any:
        return row["list_price"]

    def _currency(self, row: Row) -> Any:  # noqa: ARG002
        return next(iter(self.env["res.company"].rows.values()))["currency_id"]

    def _quants(self, row: Row) -> list[Row]:
        warehouse = self.env.context.get("warehouse_id")
        locations = self.env["stock.location"].rows
        return [
            quant for quant in self.env["stock.quant"].rows.values()
            if quant["product_id"] == row["id"] and locations[quant["location_id"]]["usage"] == "internal"
            and (not warehouse or locations[quant["location_id"]]["warehouse_id"] == warehouse)
        ]  # fmt: skip

    def _moves(self, row: Row, side: str) -> Decimal:
        warehouse = self.env.context.get("warehouse_id")
        locations = self.env["stock.location"].rows
        other = "location_dest_id" if side == "location_id" else "location_id"
        total = Decimal(0)
        for move in self.env["stock.move"].rows.values():
            here, there = locations[move[side]], locations[move[other]]
            inside = here["usage"] == "internal" and (not warehouse or here["warehouse_id"] == warehouse)
            outside = there["usage"] != "internal" or (warehouse and there["warehouse_id"] != warehouse)
            if move["product_id"] == row["id"] and move["state"] in _OPEN and inside and outside:
                total += move["product_uom_qty"]
        return total

    def _qty_available(self, row: Row) -> Decimal:
        return sum((quant["quantity"] for quant in self._quants(row)), Decimal(0))

    def _free_qty(self, row: Row) -> Decimal:
        return sum((quant["quantity"] - quant["reserved_quantity"] for quant in self._quants(row)), Decimal(0))

    def _incoming(self, row: Row) -> Decimal:
        return self._moves(row, "location_dest_id")

    def _outgoing(self, row: Row) -> Decimal:
        return self._moves(row, "location_id")

    def _virtual(self, row: Row) -> Decimal:
        return self._qty_available(row) + self._incoming(row) - self._outgoing(row)


class Pricelists(Model):
    """product.pricelist."""

    name = "product.pricelist"
    title = "Pricelist"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "currency_id": one("res.currency"), "active": flag(True), "company_id": one("res.company"),
        "item_ids": many("product.pricelist.item", "pricelist_id"), "sequence": number("integer"),
    }  # fmt: skip

    def _defaults(self, row: Row, vals: Row) -> None:  # noqa: ARG002
        row["currency_id"] = row["currency_id"] or next(iter(self.env["res.company"].rows.values()))["currency_id"]

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return f"{row['name']} ({self.env['res.currency'].rows[row['currency_id']]['name']})"


class PricelistItems(Model):
    """product.pricelist.item."""

    name = "product.pricelist.item"
    title = "Pricelist Rule"
    fields: ClassVar[dict[str, Field]] = {
        "pricelist_id": one("product.pricelist", required=True), "product_id": one("product.product"),
        "product_tmpl_id": one("product.template"), "categ_id": one("product.category"), "min_quantity": number(),
        "applied_on": Field("selection", default="3_global"),
        "compute_price": Field("selection", default="fixed"), "fixed_price": number(),
        "percent_price": number(), "date_start": moment(), "date_end": moment(), "currency_id": one("res.currency", compute="_currency"),
    }  # fmt: skip

    def _currency(self, row: Row) -> Any:
        return self.env["product.pricelist"].rows[row["pricelist_id"]]["currency_id"]

    def _defaults(self, row: Row, vals: Row) -> None:
        if row["product_id"] and not row["product_tmpl_id"]:
            row["product_tmpl_id"] = self.env["product.product"].rows[row["product_id"]]["product_tmpl_id"]
        if not vals.get("applied_on"):
            named = [kind for kind, (needed, _) in _APPLIED_ON.items() if needed and row[needed]]
            row["applied_on"] = named[0] if named else "3_global"
        self._consistent(row)

    def _created(self, row: Row) -> None:
        self._check(row)
        self.env.effect("price.create", row["id"], {"pricelist": row["pricelist_id"]})

    def _written(self, row: Row, before: Row) -> None:  # noqa: ARG002
        self._consistent(row)
        self._check(row)
        self.env.effect("price.update", row["id"], {"pricelist": row["pricelist_id"]})

    def drop(self, row: Row) -> None:
        """Delete a rule."""
        super().drop(row)
        self.env.effect("price.delete", row["id"], {})

    def _consistent(self, row: Row) -> None:
        """What a rule of this kind does not use is emptied, as Odoo does it."""
        for name in _APPLIED_ON[row["applied_on"]][1]:
            row[name] = False

    def _check(self, row: Row) -> None:
        needed = _APPLIED_ON[row["applied_on"]][0]
        if needed and not row[needed]:
            what = {"categ_id": "category", "product_tmpl_id": "product", "product_id": "product variant"}[needed]
            raise validation_error(f"Please specify the {what} for which this rule should be applied")
        if row["date_start"] and row["date_end"] and row["date_start"] >= row["date_end"]:
            raise validation_error(
                f"{row['id']}: end date ({row['date_end']}) should be after start date ({row['date_start']})"
            )


MODELS = (Units, Categories, Attributes, AttributeValues, Attachments, Templates, Products, Pricelists, PricelistItems)
