"""Products (product.template): what is offered, with its category, its picture and its variants.

A product comes into being with its first variant: Odoo makes a template for each, and an internal reference is not unique, so that two
streams that both make products would make some twice. What is written here is what its variants have in common.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from connectors.odoo.changes import iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, external_name, many2one
from connectors.odoo.streams.pictures import has_picture, write_picture
from connectors.odoo.streams.variant import languages, text_in, translated
from hub.errors import Rejected, RetryLater
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord

_FIELDS = (
    "name", "default_code", "description_sale", "categ_id", "type", "active", "sale_ok", "product_variant_ids", "list_price",
    "currency_id",
)  # fmt: skip
_STEP = re.compile(r"\s+[/>]\s+")
"""What stands between the steps of a category's path."""
_TEXTS = {"name": "names", "description_sale": "descriptions"}
"""Odoo's translated fields, and what the record calls them."""


class Products(ChangingRecords):
    """Products. One without an internal reference of its own, because it has several variants, is called by its id: T12."""

    stream = Stream(
        "product",
        "product",
        poll=FULL,
        fetch=FULL,
        find=FULL,
        create=FULL,
        update=FULL,
        natural_key="code",
        state_carrying=True,
    )
    model = "product.template"

    def fields(self) -> list[str]:
        """The fields to read."""
        return list(_FIELDS)

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``names``, ``category`` (the whole path), ``variants`` and ``image``; one call for each kind of record."""
        names = translated(self, [record["id"] for record in records], records)
        wanted = {id_ for record in records if (id_ := many2one(record["categ_id"]))}
        categories = self.client.read("product.category", wanted, ["complete_name"])
        variants = {id_ for record in records for id_ in record["product_variant_ids"]}
        skus = self.client.read("product.product", variants, ["default_code", "barcode"])
        images = self._images([record["id"] for record in records])
        return [
            {
                **record, "names": names[record["id"]], "image": images.get(record["id"]),
                "code": record["default_code"] or f"T{record['id']}",
                "category": categories.get(many2one(record["categ_id"]) or 0, {}).get("complete_name") or False,
                "variants": [skus[id_] for id_ in record["product_variant_ids"] if id_ in skus],
            }
            for record in records
        ]  # fmt: skip

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The product with this code."""
        number = key.value.removeprefix("T")
        if key.value.startswith("T") and number.isascii() and number.isdigit():
            domain = [["id", "=", int(number)], ["default_code", "=", False]]
            by_id = self.find_one(self.model, domain, key)
            if by_id:
                return by_id
        return self.find_one(self.model, [["default_code", "=", key.value]], key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The product, when it has all that the record says."""
        if record.external_id:
            return None  # a change is compared with the product again: repeating it is safe
        found = self.find(NaturalKey("code", str(record.data["code"])))
        if found is None or self._changes(int(found.external_id), record.data):
            return None
        picture = record.data.get("image")
        if picture and not has_picture(self.client, self.model, int(found.external_id), str(picture)):
            return None
        return DeliverResult(found.external_id, "adopted", found.version)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Write what the product's variants have in common: names, texts, category and picture."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        id_ = int(record.external_id) if record.external_id else self._known(str(record.data["code"]))
        changes, warnings = self._changes(id_, record.data), list[str]()
        for language, values in changes:
            if "categ_id" in values:
                values["categ_id"] = self._category(values["categ_id"])
            self.client.write(self.model, [id_], values, context={"lang": language})
        picture = str(record.data.get("image") or "")
        changed = bool(changes) | (bool(picture) and write_picture(self.client, self.model, id_, picture, warnings))
        row = self.client.read(self.model, [id_], ["write_date"])[id_]
        applied: Literal["updated", "unchanged", "adopted"] = "updated" if changed else "unchanged"
        return DeliverResult(
            str(id_), applied if record.external_id else "adopted", iso(row["write_date"]), tuple(warnings)
        )

    def _changes(self, id_: int, data: Mapping[str, Any]) -> list[tuple[str, Record]]:
        """What Odoo has not as the record says: the values to write by language; a category by its path."""
        found = []
        for language in languages(self.config.language, self.config.languages):
            context = {"lang": language}
            row = self.client.read(self.model, [id_], [*_TEXTS, "active", "categ_id"], context=context).get(id_)
            if row is None:
                raise Rejected(
                    "the Odoo product is gone.", fix="Look in Odoo who deleted it; then close the exception."
                )
            said = {
                field: text_in(data.get(name) or {}, language, own=self.config.language)
                for field, name in _TEXTS.items()
            }
            values: Record = {field: text for field, text in said.items() if text and text != row[field]}
            if language == self.config.language:
                if "active" in data and data["active"] != row["active"]:
                    values["active"] = data["active"]
                path = " / ".join(_steps(str(data.get("category") or "")))
                if path and path != self._path(many2one(row["categ_id"]) or 0):
                    values["categ_id"] = path
            if values:
                found.append((language, values))
        return found

    def _path(self, category: int) -> str:
        found = self.client.read("product.category", [category], ["complete_name"]).get(category)
        return str(found["complete_name"]) if found else ""

    def _known(self, code: str) -> int:
        found = self.find(NaturalKey("code", code))
        if found is None:
            raise RetryLater(
                f"Odoo has no product {code!r} yet: it comes into being with its first variant.", after=60.0
            )
        return int(found.external_id)

    def _category(self, path: str) -> int:
        """The category with this path ("Goods / Clothing"). Steps that are not there are made, once each, under external ids.

        One of them that people have renamed since stays the category of its path.
        """
        steps, parent = _steps(path), 0
        for depth in range(len(steps)):
            name = " / ".join(steps[: depth + 1])
            found = self.client.search_read("product.category", [["complete_name", "=", name]], ["name"], limit=1)
            if found:
                parent = int(found[0]["id"])
                continue
            row = [external_name(f"category-{name}"), steps[depth], str(parent or "")]
            parent = self.client.upsert("product.category", ["id", "name", "parent_id/.id"], [row], once=True)
        return parent

    def _images(self, ids: list[int]) -> dict[int, Record]:
        """Where the pictures are, and their checksums: the pictures themselves are not read until somebody wants them."""
        domain = [["res_model", "=", self.model], ["res_field", "=", "image_1920"], ["res_id", "in", ids]]
        found = self.client.search_read("ir.attachment", domain, ["res_id", "checksum", "mimetype", "file_size"])
        path = f"{self.config.url}/web/image/{self.model}"
        return {
            row["res_id"]: {**row, "url": f"{path}/{row['res_id']}/image_1920?unique={row['checksum']}"}
            for row in found
        }


def _steps(path: str) -> list[str]:
    return [step for step in _STEP.split(path.strip()) if step]
