"""Product variants (product.product): SKU, names, prices."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import ExternalRef, NaturalKey

_FIELDS = (
    "name",
    "default_code",
    "barcode",
    "lst_price",
    "standard_price",
    "currency_id",
    "active",
    "sale_ok",
    "type",
    "product_tmpl_id",
    "categ_id",
    "uom_id",
    "weight",
)


class Variants(ChangingRecords):
    """Product variants."""

    stream = Stream("variant", "variant", poll=FULL, fetch=FULL, find=FULL, natural_key="sku", state_carrying=True)
    model = "product.product"

    def fields(self) -> list[str]:
        """The fields of this Odoo version: goods in stock are marked by is_storable since 18, by their type before."""
        stocked = ["is_storable"] if self.client.has(self.model, "is_storable") else []
        return [*_FIELDS, *stocked]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``names``: the product's name by BCP 47 language tag, one call for each further language."""
        ids = [record["id"] for record in records]
        names = {record["id"]: {_tag(self.config.language): record["name"]} for record in records}
        for language in self.config.languages:
            if language == self.config.language:
                continue
            for id_, translated in self.client.read(self.model, ids, ["name"], context={"lang": language}).items():
                names[id_][_tag(language)] = translated["name"]
        return [{**record, "names": names[record["id"]]} for record in records]

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The variant with this internal reference."""
        return self.find_one(self.model, [["default_code", "=", key.value]], key)


def _tag(language: str) -> str:
    """Odoo's "sr@latin" and "de_DE" as BCP 47: "sr-Latn", "de-DE"."""
    name, _, script = language.partition("@")
    scripts = {"latin": "Latn", "Cyrl": "Cyrl", "cyrillic": "Cyrl"}
    parts = name.split("_")
    if script in scripts:
        parts.insert(1, scripts[script])
    return "-".join(parts)
