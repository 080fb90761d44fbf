"""Products and variants into the shop, without taking away what the shop or others have made of them.

A product that is there is only ever changed field by field. `productSet`, which deletes what it is not given, makes new products and
nothing else; its handle makes a repeat find the first one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.finding import Finding, one_variant
from connectors.shopify.shapes import Json, version_of
from connectors.shopify.together import Outcome, Outcomes, all_or_none
from hub.errors import Rejected
from hub.sdk.records import DeliverResult, OutboundRecord

_GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}
_TEXTS = {"title": "title", "description_html": "descriptionHtml", "vendor": "vendor", "product_type": "productType"}
_UNITS = {"GRAMS": "g", "KILOGRAMS": "kg", "OUNCES": "oz", "POUNDS": "lb"}


class Variants:
    """Delivers canonical variants: price, barcode, cost, weight and SKU of what is there; a product for what is not."""

    def __init__(self, api: ShopifyApi, finding: Finding) -> None:
        self._api = api
        self._finding = finding

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the variant, or bring it up to date."""
        found = self._known(record)
        if found is None:
            return self._create(record)
        return self._update(record, found)

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[Outcome]:
        """Bring many up to date, one call for each product, and make further variants of a product in one call.

        A variant that becomes a product of its own is made by a call of its own.
        """
        told = Outcomes(records)
        ids = self._known_ids(told)
        self._update_many(told, ids)
        further: dict[str, list[int]] = {}
        for place in [one for one in told.open if one not in ids]:
            product = records[place].data.get("product_id")
            if product and not records[place].external_id:
                further.setdefault(product, []).append(place)
        for product, places in further.items():
            with told.standing_for(places):
                self._create_many(told, product, places)
        told.alone(told.open, self.deliver)
        return told.all()

    def _known_ids(self, told: Outcomes) -> dict[int, str]:
        """The ids of the variants that are linked, or that the search finds by SKU; each variant once."""
        ids = {place: str(record.external_id) for place, record in enumerate(told.records) if record.external_id}
        unknown = {place: str(told.records[place].data["sku"]) for place in told.open if place not in ids}
        with told.standing_for(unknown):
            found = self._finding.variants(unknown.values()) if unknown else []
            for place, sku in unknown.items():
                with told.standing_for([place]):
                    if node := one_variant(found, sku):
                        ids[place] = node["id"]
        return {place: one for place, one in ids.items() if one not in [ids[other] for other in ids if other < place]}

    def _update_many(self, told: Outcomes, ids: dict[int, str]) -> None:
        by_product: dict[str, list[tuple[int, Json]]] = {}
        with told.standing_for(ids):
            nodes = self._api.query("variants_known", ids=list(ids.values()))["nodes"] if ids else []
            present: dict[str, Json] = {node["id"]: node for node in nodes if node}
            for place, found in ids.items():
                with told.standing_for([place]):
                    if found not in present:
                        raise _gone()
                    node = present[found]
                    if changes := _changes(told.records[place].data, node):
                        part = (place, {"id": found, **changes})
                        by_product.setdefault(node["product"]["id"], []).append(part)
                    else:
                        told.tell(place, DeliverResult(found, "unchanged", version_of(node["updatedAt"])))
        for product, parts in by_product.items():
            with told.standing_for([place for place, _ in parts]):
                all_or_none(told, parts, "variants", partial(self._update_some, told, product))

    def _update_some(self, told: Outcomes, product: str, parts: list[tuple[int, Json]]) -> None:
        variants = [one for _, one in parts]
        payload = self._api.mutate("variants_update", product=product, variants=variants)
        versions = {node["id"]: version_of(node["updatedAt"]) for node in payload["productVariants"]}
        for place, one in parts:
            told.tell(place, DeliverResult(one["id"], "updated", versions.get(one["id"], "")))

    def _create_many(self, told: Outcomes, product: str, places: list[int]) -> None:
        """Further variants of one product. One that the product has already is left to be compared by itself."""
        there = {node["sku"] for node in self._product_by_id(product)["variants"]["nodes"]}
        parts: list[tuple[int, Json]] = []
        for place in places:
            data = told.records[place].data
            if data["sku"] not in there:
                there.add(data["sku"])
                parts.append((place, {**_new_fields(data), "optionValues": _option_values(data)}))
        all_or_none(told, parts, "variants", partial(self._create_some, told, product))

    def _create_some(self, told: Outcomes, product: str, parts: list[tuple[int, Json]]) -> None:
        variants = [one for _, one in parts]
        payload = self._api.mutate("variants_create", product=product, variants=variants)
        made = {node["sku"]: node for node in payload["productVariants"]}
        for place, _ in parts:
            node = made[told.records[place].data["sku"]]
            told.tell(place, DeliverResult(node["id"], "created", version_of(node["updatedAt"])))

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A variant that is as wanted is an effect that is there."""
        found = self._known(record)
        if found is None:
            return None
        node = self._api.query("variant", id=found)["productVariant"]
        return (
            None if _changes(record.data, node) else DeliverResult(node["id"], "adopted", version_of(node["updatedAt"]))
        )

    def _known(self, record: OutboundRecord) -> str | None:
        if record.external_id:
            return record.external_id
        data = record.data
        if found := self._finding.variant(data["sku"]):
            return found.external_id
        # The search index lags behind; the product that an earlier attempt made is found by its handle at once.
        product = self._product(data)
        same = [node["id"] for node in product["variants"]["nodes"] if node["sku"] == data["sku"]] if product else []
        if product and not same and not data.get("product_id"):
            raise Rejected(
                f"the shop has a product with the handle {_handle(data)}, and it has no variant with SKU {data['sku']}",
                code="XREF-CONFLICT",
                fix="Give that variant its SKU, or give this one another handle.",
            )
        return same[0] if same else None

    def _product(self, data: Json) -> Json | None:
        if data.get("product_id"):
            return self._product_by_id(data["product_id"])
        found: Json | None = self._api.query("product_by_handle", handle=_handle(data))["productByIdentifier"]
        return found

    def _product_by_id(self, external_id: str) -> Json:
        product: Json | None = self._api.query("product_by_id", id=external_id)["product"]
        if product is None:
            raise Rejected("the shop has no such product any more", fix="Check the link of the product.")
        return product

    def _create(self, record: OutboundRecord) -> DeliverResult:
        data = record.data
        fields, values = _new_fields(data), _option_values(data)
        if data.get("product_id"):
            payload = self._api.mutate(
                "variants_create", product=data["product_id"], variants=[{**fields, "optionValues": values}]
            )
            made = payload["productVariants"][0]
        else:
            given = {
                "title": data.get("title") or data["sku"],
                "handle": _handle(data),
                "status": data.get("status", "DRAFT").upper(),
                "productOptions": [
                    {"name": value["optionName"], "values": [{"name": value["name"]}]} for value in values
                ],
                "variants": [{**fields, "sku": data["sku"], "optionValues": values}],
            }
            product = self._api.mutate("product_set", handle=_handle(data), input=given)["product"]
            made = next(node for node in product["variants"]["nodes"] if node["sku"] == data["sku"])
        return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))

    def _update(self, record: OutboundRecord, found: str) -> DeliverResult:
        node = self._api.query("variant", id=found)["productVariant"]
        if node is None:
            raise _gone()
        changes = _changes(record.data, node)
        if not changes:
            return DeliverResult(
                node["id"], "adopted" if record.maybe_sent else "unchanged", version_of(node["updatedAt"])
            )
        payload = self._api.mutate(
            "variants_update", product=node["product"]["id"], variants=[{"id": node["id"], **changes}]
        )
        return DeliverResult(node["id"], "updated", version_of(payload["productVariants"][0]["updatedAt"]))


class Products:
    """Delivers canonical products: title, text, vendor, type, status and tags."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the product, or change the fields that differ."""
        present = self._present(record)
        return self._create(record.data) if present is None else self._change(record, present)

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[Outcome]:
        """Read the products that are linked in one call; only what differs takes a call of its own, since the API changes one at a time."""
        told = Outcomes(records)
        linked = [place for place, record in enumerate(records) if record.external_id]
        with told.standing_for(linked):
            ids = sorted({str(records[place].external_id) for place in linked})
            nodes = self._api.query("products_known", ids=ids)["nodes"] if ids else []
            present: dict[str, Json] = {node["id"]: node for node in nodes if node}
            for place in linked:
                with told.standing_for([place]):
                    # Read once and used once: a second write of the same product reads what the first one made of it.
                    node = present.pop(str(records[place].external_id), None)
                    if node is not None:
                        told.tell(place, self._change(records[place], node))
        told.alone(told.open, self.deliver)
        return told.all()

    def _change(self, record: OutboundRecord, present: Json) -> DeliverResult:
        changes = self._changes(record.data, present)
        missing = [tag for tag in record.data.get("tags") or [] if tag not in present["tags"]]
        if changes:
            present = {
                **present,
                **self._api.mutate("product_update", product={"id": present["id"], **changes})["product"],
            }
        if missing:
            self._api.mutate("tags_add", id=present["id"], tags=missing)
        applied: Any = "updated" if changes or missing else "adopted" if record.maybe_sent else "unchanged"
        return DeliverResult(present["id"], applied, version_of(present["updatedAt"]))

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A product that is as wanted is an effect that is there."""
        present = self._present(record)
        if (
            present is None
            or self._changes(record.data, present)
            or set(record.data.get("tags") or []) - set(present["tags"])
        ):
            return None
        return DeliverResult(present["id"], "adopted", version_of(present["updatedAt"]))

    def _present(self, record: OutboundRecord) -> Json | None:
        found: Json | None
        if record.external_id:
            found = self._api.query("product_by_id", id=record.external_id)["product"]
            if found is None:
                raise Rejected(
                    "the shop has no such product any more", fix="Remove the link, and release the delivery."
                )
            return found
        found = self._api.query("product_by_handle", handle=_handle(record.data))["productByIdentifier"]
        return found

    def _create(self, data: Json) -> DeliverResult:
        given = {name: data[key] for key, name in _TEXTS.items() if data.get(key)}
        given |= {
            "handle": _handle(data),
            "status": data.get("status", "DRAFT").upper(),
            "tags": data.get("tags") or [],
        }
        made = self._api.mutate("product_set", handle=_handle(data), input=given)["product"]
        return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))

    def _changes(self, data: Json, present: Json) -> Json:
        changes = {
            name: data[key] for key, name in _TEXTS.items() if data.get(key) is not None and data[key] != present[name]
        }
        if data.get("status") and data["status"].upper() != present["status"]:
            changes["status"] = data["status"].upper()
        return changes


def _gone() -> Rejected:
    return Rejected("the shop has no such variant any more", code="ITM-UNKNOWN", fix="Check the link of the variant.")


def _option_values(data: Json) -> list[Json]:
    options = data.get("options") or {"Title": "Default Title"}
    return [{"optionName": name, "name": value} for name, value in options.items()]


def _new_fields(data: Json) -> Json:
    """The fields of a variant that is new: its stock is tracked unless told otherwise."""
    fields = _fields(data)
    return {**fields, "inventoryItem": {"tracked": True, **fields.get("inventoryItem", {}), "sku": data["sku"]}}


def _fields(data: Json) -> Json:
    """The variant's fields as the API takes them."""
    made: Json = {
        name: str(data[key])
        for key, name in (("price", "price"), ("compare_at_price", "compareAtPrice"))
        if data.get(key)
    }
    if data.get("barcode"):
        made["barcode"] = data["barcode"]
    item: Json = {}
    if data.get("cost") is not None:
        item["cost"] = str(data["cost"])
    if data.get("tracked") is not None:
        item["tracked"] = data["tracked"]
    if data.get("weight") is not None:
        item["measurement"] = {
            "weight": {"unit": "GRAMS", "value": _grams(data["weight"], data.get("weight_unit", "g"))}
        }
    return made | ({"inventoryItem": item} if item else {})


def _changes(data: Json, node: Json) -> Json:
    """What of the wanted fields differs from what the shop has."""
    wanted, item = _fields(data), node["inventoryItem"]
    changes: Json = {
        name: wanted[name]
        for name in ("price", "compareAtPrice")
        if name in wanted and _differs(wanted[name], node[name])
    }
    if wanted.get("barcode", node["barcode"]) != node["barcode"]:
        changes["barcode"] = wanted["barcode"]
    given = wanted.get("inventoryItem", {})
    inner: Json = {}
    if data.get("sku") and data["sku"] != node["sku"]:
        inner["sku"] = data["sku"]
    if "cost" in given and _differs(given["cost"], (item["unitCost"] or {}).get("amount")):
        inner["cost"] = given["cost"]
    if given.get("tracked", item["tracked"]) != item["tracked"]:
        inner["tracked"] = given["tracked"]
    if "measurement" in given:
        weight = (item["measurement"] or {}).get("weight") or {"value": 0, "unit": "GRAMS"}
        if _grams(weight["value"], _UNITS[weight["unit"]]) != number(given["measurement"]["weight"]["value"]):
            inner["measurement"] = given["measurement"]
    return changes | ({"inventoryItem": inner} if inner else {})


def _differs(wanted: str, present: Any) -> bool:
    return present is None or number(wanted) != number(present)


def _grams(value: Any, unit: str) -> Decimal:
    return number(value) * _GRAMS[unit]


def _handle(data: Json) -> str:
    """The product's handle: the one that is given, else one made of its code or SKU."""
    if data.get("handle"):
        return str(data["handle"])
    plain = (
        unicodedata.normalize("NFKD", str(data.get("code") or data["sku"])).encode("ascii", "ignore").decode().lower()
    )
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
