"""Products and variants into the shop, without taking away what the shop or others have made of them.

A product that is there is only ever changed field by field. `productSet`, which deletes what it is not given, makes new products and
nothing else; its handle makes a repeat find the first one.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.finding import Finding
from connectors.shopify.shapes import Json, version_of
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
            product: Json | None = self._api.query("product_by_id", id=data["product_id"])["product"]
            if product is None:
                raise Rejected("the shop has no such product any more", fix="Check the link of the product.")
            return product
        found: Json | None = self._api.query("product_by_handle", handle=_handle(data))["productByIdentifier"]
        return found

    def _create(self, record: OutboundRecord) -> DeliverResult:
        data = record.data
        options = data.get("options") or {"Title": "Default Title"}
        values = [{"optionName": name, "name": value} for name, value in options.items()]
        fields = _fields(data)
        fields["inventoryItem"] = {"tracked": True, **fields.get("inventoryItem", {}), "sku": data["sku"]}
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
                "productOptions": [{"name": name, "values": [{"name": value}]} for name, value in options.items()],
                "variants": [{**fields, "sku": data["sku"], "optionValues": values}],
            }
            product = self._api.mutate("product_set", handle=_handle(data), input=given)["product"]
            made = next(node for node in product["variants"]["nodes"] if node["sku"] == data["sku"])
        return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))

    def _update(self, record: OutboundRecord, found: str) -> DeliverResult:
        node = self._api.query("variant", id=found)["productVariant"]
        if node is None:
            raise Rejected(
                "the shop has no such variant any more", code="ITM-UNKNOWN", fix="Check the link of the variant."
            )
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
        if present is None:
            return self._create(record.data)
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
