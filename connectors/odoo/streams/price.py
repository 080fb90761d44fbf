"""Prices (product.pricelist.item): each rule of a pricelist, with its quantity and its dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.odoo.changes import FORMAT, iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, cell, external_name, many2one
from hub.errors import Rejected
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import DeliverResult, OutboundRecord

_FIELDS = (
    "pricelist_id", "applied_on", "product_id", "product_tmpl_id", "categ_id", "compute_price", "fixed_price", "percent_price",
    "min_quantity", "date_start", "date_end", "currency_id",
)  # fmt: skip


_APPLIED_ON = {
    "variant": "0_product_variant",
    "product": "1_product",
    "category": "2_product_category",
    "all": "3_global",
}


class Prices(ChangingRecords):
    """The rules of all pricelists. A formula is told as such: only Odoo can work it out."""

    stream = Stream(
        "price", "price", poll=FULL, fetch=FULL, create=FULL, update=FULL, delete=FULL, state_carrying=True,
    )  # fmt: skip
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

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The rule that this marker made. A change or a deletion is simply repeated."""
        if record.external_id or record.operation == "delete":
            return None
        made = self.client.by_external_id(external_name(record.marker))
        return self._result(made, "adopted") if made else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make, change or delete a rule; its pricelist is made with the first one."""
        if record.operation == "delete":
            return self._delete(record)
        values = self._values(record.data)
        if record.external_id:
            self.client.write(self.model, [int(record.external_id)], values)
            return self._result(int(record.external_id), "updated")
        named = {f"{name}/.id" if name.endswith("_id") else name: cell(value) for name, value in values.items()}
        row = [external_name(record.marker), *named.values()]
        return self._result(self.client.upsert(self.model, ["id", *named], [row]), "created")

    def _delete(self, record: OutboundRecord) -> DeliverResult:
        id_ = int(record.external_id or self.client.by_external_id(external_name(record.marker)) or 0)
        if not self.client.read(self.model, [id_], ["id"]):
            return DeliverResult(str(id_), "unchanged")
        self.client.call(self.model, "unlink", [id_], effect=True)
        return DeliverResult(str(id_), "deleted")

    def _values(self, data: Mapping[str, Any]) -> Record:
        applied = _APPLIED_ON[str(data.get("applies_to") or "variant")]
        values: Record = {
            "pricelist_id": self._pricelist(data), "applied_on": applied,
            "product_id": _id(data, "product_id"), "product_tmpl_id": _id(data, "product_tmpl_id"),
            "categ_id": self._category(str(data["category"])) if applied == "2_product_category" else False,
            "compute_price": "fixed", "min_quantity": data.get("min_quantity") or 0,
            "date_start": _stamp(data.get("date_start")), "date_end": _stamp(data.get("date_end")),
        }  # fmt: skip
        if data.get("percent_price") is not None:
            return {**values, "compute_price": "percentage", "percent_price": data["percent_price"]}
        return {**values, "fixed_price": data["fixed_price"]}

    def _pricelist(self, data: Mapping[str, Any]) -> int:
        """The pricelist of this code: the configured one, the hub's own, one of this name in the currency, or a new one."""
        code, currency = str(data["price_list"]), str(data["currency"])
        name = str(data.get("price_list_name") or code)
        external = external_name(f"pricelist-{code}-{currency}")
        known = self.config.price_lists.get(code) or self.client.by_external_id(external)
        if known is None:
            domain = [["name", "=", name], ["currency_id.name", "=", currency]]
            found = self.client.search_read("product.pricelist", domain, ["name"], limit=1)
            known = int(found[0]["id"]) if found else self._new_pricelist(external, name, currency)
        (row,) = self.client.read("product.pricelist", [known], ["currency_id"]).values() or [None]
        if row is None or row["currency_id"][1] != currency:
            raise Rejected(
                f"Odoo's pricelist for {code} is gone or not in {currency}.", code="CUR-UNSUPPORTED",
                fix="Correct price_lists in the connection's config: one Odoo pricelist for each price list and currency.",
            )  # fmt: skip
        return known

    def _new_pricelist(self, external: str, name: str, currency: str) -> int:
        found = self.client.search_read("res.currency", [["name", "=", currency]], ["name"], limit=1)
        if not found:
            raise Rejected(
                f"Odoo does not use the currency {currency}.",
                code="CUR-UNSUPPORTED",
                fix=f"Activate {currency} in Odoo.",
            )
        columns = ["id", "name", "currency_id/.id"]
        if self.config.company:
            columns.append("company_id/.id")
        row = [external, name, str(found[0]["id"]), *([str(self.config.company)] if self.config.company else [])]
        return self.client.upsert("product.pricelist", columns, [row], once=True)

    def _category(self, path: str) -> int:
        found = self.client.search_read("product.category", [["complete_name", "=", path]], ["complete_name"], limit=1)
        if not found:
            raise Rejected(
                f"Odoo has no product category {path!r}.", fix="Create it in Odoo, or correct the price's category."
            )
        return int(found[0]["id"])

    def _result(self, id_: int, applied: Literal["created", "updated", "adopted"]) -> DeliverResult:
        row = self.client.read(self.model, [id_], ["write_date"]).get(id_)
        return DeliverResult(str(id_), applied, iso(row["write_date"]) if row else "")


def _id(data: Mapping[str, Any], name: str) -> int | bool:
    return int(data[name]) if data.get(name) else False


def _stamp(value: object) -> str | bool:
    """A point in time as Odoo keeps it: UTC, whole seconds, no zone; false for none."""
    return datetime.fromisoformat(str(value)).astimezone(UTC).strftime(FORMAT) if value else False


def _ids(records: list[Record], field: str) -> set[int]:
    return {id_ for record in records if (id_ := many2one(record.get(field)))}
