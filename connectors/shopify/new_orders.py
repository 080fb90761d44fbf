"""Orders that were placed elsewhere, made in the shop: each once, whatever happens on the way.

The order carries the hub's marker as a custom id, a metafield of which the shop itself keeps every value unique: of two attempts one is
refused, and the order is found by it at once, without the search index. The marker stands among the order's attributes too, together with
the connection's name: by that the hub knows its own order when the shop tells of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json
from hub.errors import Rejected
from hub.sdk.connector import ConnectorIO
from hub.sdk.records import OutboundRecord

KEY = "hub_order"
ATTRIBUTE = "hub"
_FINANCIAL = {
    "pending": "PENDING",
    "authorized": "AUTHORIZED",
    "partially_paid": "PARTIALLY_PAID",
    "paid": "PAID",
    "partially_refunded": "PARTIALLY_REFUNDED",
    "refunded": "REFUNDED",
    "voided": "VOIDED",
    "expired": "EXPIRED",
}
_ADDRESS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company": "company",
    "address1": "address1",
    "address2": "address2",
    "city": "city",
    "province_code": "provinceCode",
    "zip": "zip",
    "country_code": "countryCode",
    "phone": "phone",
}


class NewOrders:
    """Makes orders, and finds those that were made."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, io: ConnectorIO) -> None:
        self._api = api
        self._wanted = config.create_orders
        self._inventory = config.order_inventory.upper()
        self._connection = io.connection
        self._known = False

    def find(self, record: OutboundRecord) -> str | None:
        """The id of the order that an earlier attempt made."""
        if not self._known and self._api.query("order_mark", key=KEY)["metafieldDefinition"] is None:
            return None
        self._known = True
        found = self._api.query("order_by_mark", key=KEY, value=record.marker)["orderByIdentifier"]
        return str(found["id"]) if found else None

    def make(self, record: OutboundRecord) -> tuple[str, tuple[str, ...]]:
        """Make the order. Returns its id, and what a person may want to look at."""
        data = record.data.get("new")
        if not self._wanted or not data:
            raise Rejected(
                "the shop has no such order, and orders are placed in the shop",
                code="ORD-PLACED-ELSEWHERE",
                fix="Where orders of other systems are to be made in the shop, set create_orders: true at the connection.",
            )
        self._ensure_mark()
        given = self._input(data, record)
        options = {"inventoryBehaviour": self._inventory, "sendReceipt": bool(data.get("notify_customer"))}
        try:
            made = self._api.mutate("order_create", order=given, options=options)["order"]
        except UserErrors:
            # Another attempt may have been quicker; what the shop has under this mark is the order.
            if (found := self.find(record)) is not None:
                return found, ()
            raise
        total = number(made["totalPriceSet"]["shopMoney"]["amount"])
        wanted = number(data["total"]) if data.get("total") is not None else total
        odd = f"the shop reckons {made['name']} at {total}, and its source at {wanted}"
        return str(made["id"]), (odd,) if total != wanted else ()

    def _ensure_mark(self) -> None:
        if self._known or self._api.query("order_mark", key=KEY)["metafieldDefinition"] is not None:
            self._known = True
            return
        definition = {
            "key": KEY,
            "name": "Order of the integration hub",
            "ownerType": "ORDER",
            "type": "id",
            "capabilities": {"uniqueValues": {"enabled": True}},
        }
        try:
            self._api.mutate("order_mark_create", definition=definition)
        except UserErrors as refused:
            if "TAKEN" not in refused.codes:
                raise
        self._known = True

    def _input(self, data: Json, record: OutboundRecord) -> Json:
        currency = data["currency"]
        texts = {
            "email": "email", "phone": "phone", "note": "note", "po_number": "poNumber", "name": "name", "source_name": "sourceName",
            "source_identifier": "sourceIdentifier", "placed_at": "processedAt", "company_location_id": "companyLocationId",
        }  # fmt: skip
        given: Json = {name: data[key] for key, name in texts.items() if data.get(key)}
        attributes = [{"key": str(key), "value": str(value)} for key, value in (data.get("attributes") or {}).items()]
        given |= {
            "currency": currency,
            "taxesIncluded": bool(data.get("tax_included")),
            "tags": data.get("tags") or [],
            "lineItems": [_line(line, currency) for line in data["lines"]],
            "shippingLines": [_shipping(line, currency) for line in data.get("shipping") or []],
            "customAttributes": [*attributes, {"key": ATTRIBUTE, "value": f"{self._connection}/{record.marker}"}],
            "metafields": [{"key": KEY, "type": "id", "value": record.marker}],
        }
        for key, name in (("billing_address", "billingAddress"), ("shipping_address", "shippingAddress")):
            if data.get(key):
                given[name] = {theirs: data[key][ours] for ours, theirs in _ADDRESS.items() if data[key].get(ours)}
        if data.get("customer"):
            names = {"email": "email", "first_name": "firstName", "last_name": "lastName", "phone": "phone"}
            buyer = {theirs: data["customer"][ours] for ours, theirs in names.items() if data["customer"].get(ours)}
            given["customer"] = {"toUpsert": buyer}
        off = number(data.get("discount") or 0)
        if off > 0:
            code = {"code": data.get("discount_code") or "DISCOUNT", "amountSet": _bag(off, currency)}
            given["discountCode"] = {"itemFixedDiscountCode": code}
        return given | _payment(data, currency)


def _payment(data: Json, currency: str) -> Json:
    """Where the money stands; what was paid elsewhere is a sale of its gateway, so that it can be refunded."""
    status = _FINANCIAL.get(str(data.get("financial_status")), "PENDING")
    made: Json = {"financialStatus": status}
    if status == "PAID" and data.get("total") is not None and number(data["total"]) > 0:
        gateway = data.get("gateway") or "manual"
        sale = {"kind": "SALE", "status": "SUCCESS", "gateway": gateway, "amountSet": _bag(data["total"], currency)}
        made["transactions"] = [sale]
    return made


def _line(line: Json, currency: str) -> Json:
    quantity = number(line["quantity"])
    if quantity != int(quantity):
        raise Rejected(
            f"Shopify sells whole pieces only, not {quantity} of {line.get('sku')}",
            code="ITM-UOM",
            fix="Convert the unit of measure in the mapping.",
        )
    made: Json = {
        "quantity": int(quantity),
        "title": line.get("title") or line.get("sku") or "Item",
        "priceSet": _bag(line["price"], currency),
        "requiresShipping": bool(line.get("requires_shipping", True)),
        "taxLines": [_tax(tax, number(line["price"]) * quantity, currency) for tax in line.get("taxes") or []],
    }
    made |= {name: line[key] for key, name in (("sku", "sku"), ("variant_id", "variantId")) if line.get(key)}
    if line.get("properties"):
        made["properties"] = [{"name": str(name), "value": str(value)} for name, value in line["properties"].items()]
    return made


def _shipping(line: Json, currency: str) -> Json:
    made: Json = {
        "title": line["title"],
        "priceSet": _bag(line["price"], currency),
        "taxLines": [_tax(tax, number(line["price"]), currency) for tax in line.get("taxes") or []],
    }
    return made | ({"code": line["code"]} if line.get("code") else {})


def _tax(tax: Json, base: Decimal, currency: str) -> Json:
    """A tax line must say its rate; one that was not told is reckoned from the amount."""
    amount = number(tax["amount"])
    rate = number(tax["rate"]) if tax.get("rate") is not None else (amount / base if base else Decimal(0))
    return {"title": tax["title"], "rate": str(round(rate, 6)), "priceSet": _bag(amount, currency)}


def _bag(amount: Any, currency: str) -> Json:
    return {"shopMoney": {"amount": str(amount), "currencyCode": currency}}
