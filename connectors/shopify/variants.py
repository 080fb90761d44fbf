"""Variants in one shape, whether they come in a product's webhook or from the GraphQL API."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connectors.shopify.shapes import Json, gid
from hub.errors import InputRefused

_UNITS = {"GRAMS": "g", "KILOGRAMS": "kg", "OUNCES": "oz", "POUNDS": "lb"}


def variant_payload(node: Json, currency: str) -> Json:
    """One variant of the GraphQL API: the fields of REST's variant, with its product and the shop's currency beside them."""
    item, product = node["inventoryItem"], node["product"]
    weight = (item["measurement"] or {}).get("weight")
    return {
        "id": int(node["legacyResourceId"]),
        "admin_graphql_api_id": node["id"],
        "product_id": int(product["legacyResourceId"]),
        "sku": node["sku"],
        "title": node["title"],
        "barcode": node["barcode"],
        "price": _price(node["price"]),
        "compare_at_price": _price(node["compareAtPrice"]),
        "position": node["position"],
        "taxable": node["taxable"],
        "inventory_policy": node["inventoryPolicy"].lower(),
        "inventory_item_id": int(item["legacyResourceId"]),
        "inventory_management": "shopify" if item["tracked"] else None,
        "requires_shipping": item["requiresShipping"],
        "weight": Decimal(str(weight["value"])) if weight else None,
        "weight_unit": _UNITS.get(weight["unit"]) if weight else None,
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "options": [{"name": option["name"], "value": option["value"]} for option in node["selectedOptions"]],
        "currency": currency,
        "product": {
            "id": int(product["legacyResourceId"]),
            "admin_graphql_api_id": product["id"],
            "title": product["title"],
            "handle": product["handle"],
            "status": product["status"].lower(),
            "vendor": product["vendor"],
            "product_type": product["productType"],
        },
    }


def variants_of_product(product: Json, currency: str) -> Iterator[Json]:
    """The variants in a ``products/*`` webhook, each in the same shape as `variant_payload` gives it."""
    names = [option.get("name") for option in product.get("options") or [] if isinstance(option, dict)]
    parent = {
        name: product.get(name)
        for name in ("id", "admin_graphql_api_id", "title", "handle", "status", "vendor", "product_type")
    }
    for variant in product.get("variants") or []:
        if not isinstance(variant, dict) or not isinstance(variant.get("id"), int):
            raise InputRefused("a variant of the product carries no id", code="IN-UNUSABLE", status=202)
        values = [variant.get(f"option{place}") for place in (1, 2, 3)]
        chosen = [
            {"name": name, "value": value} for name, value in zip(names, values, strict=False) if value is not None
        ]
        yield variant | {
            "admin_graphql_api_id": gid("ProductVariant", variant["id"]),
            "options": chosen,
            "currency": currency,
            "product": parent,
        }


def _price(value: str | None) -> str | None:
    return None if value is None else format(Decimal(str(value)), "f")
