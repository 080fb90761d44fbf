"""Products (product.template): what is offered, with its category, its picture and its variants."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, many2one
from connectors.odoo.streams.variant import translated
from hub.sdk.connector import FULL, Capability, Stream, Support
from hub.sdk.records import ExternalRef, NaturalKey

_FIELDS = (
    "name", "default_code", "description_sale", "categ_id", "type", "active", "sale_ok", "product_variant_ids", "list_price",
    "currency_id",
)  # fmt: skip
_WRITTEN = Capability(Support.UNSUPPORTED, "a product comes into being with its first variant: write the variant")


class Products(ChangingRecords):
    """Products. One without an internal reference of its own, because it has several variants, is called by its id: T12."""

    stream = Stream(
        "product",
        "product",
        poll=FULL,
        fetch=FULL,
        find=FULL,
        create=_WRITTEN,
        update=_WRITTEN,
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

    def _images(self, ids: list[int]) -> dict[int, Record]:
        """Where the pictures are, and their checksums: the pictures themselves are not read until somebody wants them."""
        domain = [["res_model", "=", self.model], ["res_field", "=", "image_1920"], ["res_id", "in", ids]]
        found = self.client.search_read("ir.attachment", domain, ["res_id", "checksum", "mimetype", "file_size"])
        path = f"{self.config.url}/web/image/{self.model}"
        return {
            row["res_id"]: {**row, "url": f"{path}/{row['res_id']}/image_1920?unique={row['checksum']}"}
            for row in found
        }
