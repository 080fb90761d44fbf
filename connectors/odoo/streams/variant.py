"""Product variants (product.product): SKU, names, prices, and what they differ in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.odoo.changes import iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, cell, external_name
from hub.errors import Rejected
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord

_FIELDS = (
    "name", "default_code", "barcode", "lst_price", "standard_price", "currency_id", "active", "sale_ok", "type",
    "product_tmpl_id", "categ_id", "uom_id", "weight", "product_template_attribute_value_ids",
)  # fmt: skip
_PLAIN = ("default_code", "barcode", "list_price", "weight", "active", "sale_ok", "standard_price")


class Variants(ChangingRecords):
    """Product variants."""

    stream = Stream(
        "variant",
        "variant",
        poll=FULL,
        fetch=FULL,
        find=FULL,
        create=FULL,
        update=FULL,
        natural_key="sku",
        state_carrying=True,
    )
    model = "product.product"

    def fields(self) -> list[str]:
        """The fields of this Odoo version: goods in stock are marked by is_storable since 18, by their type before."""
        return [*_FIELDS, *(["is_storable"] if self._has_storable() else [])]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``names`` by BCP 47 language tag, and ``options``: what the variant differs in from its sisters."""
        names = self.names(records)
        wanted = {id_ for record in records for id_ in record["product_template_attribute_value_ids"] or []}
        values = self.client.read("product.template.attribute.value", wanted, ["name", "attribute_id"])
        completed = []
        for record in records:
            mine = [values[id_] for id_ in record["product_template_attribute_value_ids"] or [] if id_ in values]
            options = [{"name": value["attribute_id"][1], "value": value["name"]} for value in mine]
            completed.append({**record, "names": names[record["id"]], "options": options})
        return completed

    def names(self, records: list[Record]) -> dict[int, dict[str, str]]:
        """The names of records by language: those already read, and one call for each further language."""
        return translated(self, [record["id"] for record in records], records)

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The variant with this internal reference."""
        return self.find_one(self.model, [["default_code", "=", key.value]], key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The product that this marker made."""
        made = None if record.external_id else self.client.by_external_id(external_name(record.marker))
        return DeliverResult(str(made), "adopted") if made else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Change the product that is known or has the SKU, or make one."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        values = self._values(record.data)
        names = {str(tag): str(text) for tag, text in (record.data.get("names") or {}).items()}
        known = int(record.external_id) if record.external_id else self._by_sku(record.data)
        if known is not None:
            self.client.write(self.model, [known], values)
            translate(self, known, "name", names)
            return self._result(known, "updated" if record.external_id else "adopted")
        values["name"] = names.get(tag_of(self.config.language)) or next(iter(names.values()), values["default_code"])
        columns = ["id", *values]
        made = self.client.upsert(self.model, columns, [[external_name(record.marker), *map(cell, values.values())]])
        translate(self, made, "name", names)
        return self._result(made, "created")

    def _values(self, data: Mapping[str, Any]) -> Record:
        currency = data.get("currency")
        if currency and currency != (own := self.client.company_currency()):
            raise Rejected(
                f"the price is in {currency}, but Odoo keeps list prices in {own}.", code="CUR-UNSUPPORTED",
                fix="Leave the price out of the mapping, or convert it there.",
            )  # fmt: skip
        values = {name: data[name] for name in _PLAIN if name in data}
        stocked = data.get("stocked")
        if stocked is not None:
            if self._has_storable():
                values |= {"type": "consu", "is_storable": True} if stocked else {"type": "service"}
            else:
                values["type"] = "product" if stocked else "service"
        return values

    def _by_sku(self, data: Mapping[str, Any]) -> int | None:
        found = self.find(NaturalKey("sku", str(data.get("default_code") or "")))
        return int(found.external_id) if found else None

    def _result(self, id_: int, applied: Any) -> DeliverResult:
        row = self.client.read(self.model, [id_], ["write_date"])[id_]
        return DeliverResult(str(id_), applied, iso(row["write_date"]))

    def _has_storable(self) -> bool:
        return self.client.has(self.model, "is_storable")


def translated(stream: ChangingRecords, ids: Iterable[int], records: list[Record]) -> dict[int, dict[str, str]]:
    """The field ``name`` of records in all languages of the connection, by BCP 47 tag."""
    config = stream.config
    names = {record["id"]: {tag_of(config.language): record["name"]} for record in records}
    for language in languages(config.language, config.languages)[1:]:
        for id_, row in stream.client.read(stream.model, ids, ["name"], context={"lang": language}).items():
            names[id_][tag_of(language)] = row["name"]
    return names


def translate(stream: ChangingRecords, id_: int, field: str, texts: Mapping[str, str]) -> None:
    """Write a translated field in each language of the connection that the texts, by BCP 47 tag, speak."""
    for language in languages(stream.config.language, stream.config.languages):
        if text := text_in(texts, language, own=stream.config.language):
            stream.client.write(stream.model, [id_], {field: text}, context={"lang": language})


def text_in(texts: Mapping[str, str], language: str, *, own: str) -> str:
    """The text for an Odoo language among texts by BCP 47 tag; the connection's own also takes what has no language. "" = none."""
    text = texts.get(tag_of(language)) or texts.get(tag_of(language).partition("-")[0])
    return text or (texts.get("und") if language == own else None) or ""


def languages(first: str, further: Iterable[str]) -> list[str]:
    """The connection's languages, its own first, each once."""
    return list(dict.fromkeys([first, *further]))


def tag_of(language: str) -> str:
    """Odoo's "sr@latin" and "de_DE" as BCP 47: "sr-Latn", "de-DE"."""
    name, _, script = language.partition("@")
    scripts = {"latin": "Latn", "Cyrl": "Cyrl", "cyrillic": "Cyrl"}
    parts = name.split("_")
    if script in scripts:
        parts.insert(1, scripts[script])
    return "-".join(parts)
