"""Prices (product.pricelist.item): each rule of a pricelist, with its quantity and its dates."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, many2one
from hub.sdk.connector import FULL, Stream

_FIELDS = (
    "pricelist_id", "applied_on", "product_id", "product_tmpl_id", "categ_id", "compute_price", "fixed_price", "percent_price",
    "min_quantity", "date_start", "date_end", "currency_id",
)  # fmt: skip


class Prices(ChangingRecords):
    """The rules of all pricelists. A formula is told as such: only Odoo can work it out."""

    stream = Stream("price", "price", poll=FULL, fetch=FULL, state_carrying=True)
    model = "product.pricelist.item"

    def fields(self) -> list[str]:
        """The fields to read."""
        return list(_FIELDS)

    def complete(self, records: list[Record]) -> list[Record]:
        """Add the pricelist, the SKU, the product's code and the category's path; one call for each kind of record."""
        lists = self.client.read("product.pricelist", _ids(records, "pricelist_id"), ["name", "active"])
        skus = self.client.read("product.product", _ids(records, "product_id"), ["default_code"])
        codes = self.client.read("product.template", _ids(records, "product_tmpl_id"), ["default_code"])
        categories = self.client.read("product.category", _ids(records, "categ_id"), ["complete_name"])
        completed = []
        for record in records:
            template = many2one(record["product_tmpl_id"])
            code = codes.get(template or 0, {}).get("default_code") or (f"T{template}" if template else False)
            completed.append({
                **record,
                "pricelist": lists.get(many2one(record["pricelist_id"]) or 0),
                "sku": skus.get(many2one(record["product_id"]) or 0, {}).get("default_code") or False,
                "product_code": code,
                "category": categories.get(many2one(record["categ_id"]) or 0, {}).get("complete_name") or False,
            })  # fmt: skip
        return completed


def _ids(records: list[Record], field: str) -> set[int]:
    return {id_ for record in records if (id_ := many2one(record.get(field)))}
