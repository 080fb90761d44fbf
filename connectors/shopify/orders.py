"""Orders as webhooks have them, made from what the GraphQL API answers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from connectors.shopify.shapes import Json, address, customer, money_set, number_of, shop_amount

_FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
_ON_ITS_WAY = frozenset({
    "ATTEMPTED_DELIVERY", "CONFIRMED", "DELIVERED", "FAILURE", "IN_TRANSIT", "LABEL_PRINTED", "LABEL_PURCHASED", "OUT_FOR_DELIVERY",
    "READY_FOR_PICKUP",
})  # fmt: skip
_DISCOUNT = {
    "DiscountCodeApplication": "discount_code",
    "ManualDiscountApplication": "manual",
    "AutomaticDiscountApplication": "automatic",
    "ScriptDiscountApplication": "script",
}


def order_payload(node: Json) -> Json:
    """One order in the shape of the ``orders/*`` webhooks. ``node`` has all its lines."""
    lines = [_line(line) for line in node["lineItems"]["nodes"]]
    shipping = [_shipping_line(line) for line in node["shippingLines"]["nodes"]]
    discounts = sorted(node["discountApplications"]["nodes"], key=lambda found: int(found["index"]))
    email = node["email"] or None
    return {
        "id": int(node["legacyResourceId"]),
        "admin_graphql_api_id": node["id"],
        "name": node["name"],
        "number": node["number"],
        "confirmation_number": node["confirmationNumber"],
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "processed_at": node["processedAt"],
        "closed_at": node["closedAt"],
        "cancelled_at": node["cancelledAt"],
        "cancel_reason": _lower(node["cancelReason"]),
        "confirmed": node["confirmed"],
        "test": node["test"],
        "currency": node["currencyCode"],
        "presentment_currency": node["presentmentCurrencyCode"],
        "taxes_included": node["taxesIncluded"],
        "tax_exempt": node["taxExempt"],
        "financial_status": _lower(node["displayFinancialStatus"]),
        "fulfillment_status": _FULFILLMENT.get(node["displayFulfillmentStatus"]),
        "email": email,
        "contact_email": email,
        "phone": node["phone"],
        "note": node["note"],
        "note_attributes": _attributes(node["customAttributes"]),
        "po_number": node["poNumber"],
        "tags": ", ".join(node["tags"]),
        "source_name": node["sourceName"],
        "source_identifier": node["sourceIdentifier"],
        "customer_locale": node["customerLocale"],
        "payment_gateway_names": node["paymentGatewayNames"],
        "payment_terms": _terms(node["paymentTerms"]),
        "discount_codes": list(_codes(discounts, [*lines, *shipping])),
        "discount_applications": [_discount(found) for found in discounts],
        "total_line_items_price": _goods(node["lineItems"]["nodes"]),
        "subtotal_price": shop_amount(node["subtotalPriceSet"]),
        "subtotal_price_set": money_set(node["subtotalPriceSet"]),
        "total_discounts": shop_amount(node["totalDiscountsSet"]),
        "total_discounts_set": money_set(node["totalDiscountsSet"]),
        "total_shipping_price_set": money_set(node["totalShippingPriceSet"]),
        "total_tax": shop_amount(node["totalTaxSet"]),
        "total_tax_set": money_set(node["totalTaxSet"]),
        "total_price": shop_amount(node["totalPriceSet"]),
        "total_price_set": money_set(node["totalPriceSet"]),
        "total_tip_received": shop_amount(node["totalTipReceivedSet"]),
        "total_outstanding": shop_amount(node["totalOutstandingSet"]),
        "original_total_duties_set": money_set(node["originalTotalDutiesSet"]),
        "current_subtotal_price": shop_amount(node["currentSubtotalPriceSet"]),
        "current_total_discounts": shop_amount(node["currentTotalDiscountsSet"]),
        "current_total_tax": shop_amount(node["currentTotalTaxSet"]),
        "current_total_price": shop_amount(node["currentTotalPriceSet"]),
        "billing_address": address(node["billingAddress"]),
        "shipping_address": address(node["shippingAddress"]),
        "customer": customer(node["customer"]),
        "company": _company(node["purchasingEntity"]),
        "tax_lines": [_tax(tax) for tax in node["taxLines"]],
        "line_items": lines,
        "shipping_lines": shipping,
        "fulfillments": [_fulfillment(found) for found in node["fulfillments"]],
        "refunds": [_refund(found) for found in node["refunds"]],
    }


def _line(node: Json) -> Json:
    return {
        "id": number_of(node["id"]),
        "admin_graphql_api_id": node["id"],
        "sku": node["sku"],
        "name": node["name"],
        "title": node["title"],
        "variant_title": node["variantTitle"],
        "vendor": node["vendor"],
        "quantity": node["quantity"],
        "current_quantity": node["currentQuantity"],
        "fulfillable_quantity": node["unfulfilledQuantity"],
        "requires_shipping": node["requiresShipping"],
        "taxable": node["taxable"],
        "gift_card": node["isGiftCard"],
        "variant_id": number_of((node["variant"] or {}).get("id")),
        "product_id": number_of((node["product"] or {}).get("id")),
        "price": shop_amount(node["originalUnitPriceSet"]),
        "price_set": money_set(node["originalUnitPriceSet"]),
        "properties": _attributes(node["customAttributes"]),
        "tax_lines": [_tax(tax) for tax in node["taxLines"]],
        "discount_allocations": [_allocation(found) for found in node["discountAllocations"]],
    }


def _shipping_line(node: Json) -> Json:
    return {
        "id": number_of(node["id"]),
        "title": node["title"],
        "code": node["code"],
        "source": node["source"],
        "carrier_identifier": node["carrierIdentifier"],
        "is_removed": node["isRemoved"],
        "price": shop_amount(node["originalPriceSet"]),
        "price_set": money_set(node["originalPriceSet"]),
        "discounted_price": shop_amount(node["discountedPriceSet"]),
        "discounted_price_set": money_set(node["discountedPriceSet"]),
        "tax_lines": [_tax(tax) for tax in node["taxLines"]],
        "discount_allocations": [_allocation(found) for found in node["discountAllocations"]],
    }


def _tax(node: Json) -> Json:
    bag = node["priceSet"]
    return {
        "title": node["title"],
        "rate": node["rate"],
        "price": shop_amount(bag),
        "price_set": money_set(bag),
        "channel_liable": node["channelLiable"],
    }


def _allocation(node: Json) -> Json:
    bag = node["allocatedAmountSet"]
    return {
        "amount": shop_amount(bag),
        "amount_set": money_set(bag),
        "discount_application_index": node["discountApplication"]["index"],
    }


def _discount(node: Json) -> Json:
    value = node["value"]
    said = {
        "type": _DISCOUNT.get(node["__typename"], "manual"),
        "target_type": node["targetType"].lower(),
        "target_selection": node["targetSelection"].lower(),
        "allocation_method": node["allocationMethod"].lower(),
        "value": str(value.get("percentage", value.get("amount"))),
        "value_type": "percentage" if "percentage" in value else "fixed_amount",
    }
    return said | {name: node[name] for name in ("code", "title", "description") if node.get(name) is not None}


def _codes(discounts: list[Json], parts: list[Json]) -> Iterator[Json]:
    """The discount codes, each with what it took off over all lines."""
    for discount in discounts:
        if "code" not in discount:
            continue
        taken = [
            Decimal(found["amount"])
            for part in parts
            for found in part["discount_allocations"]
            if found["discount_application_index"] == discount["index"]
        ]
        kind = "percentage" if "percentage" in discount["value"] else "fixed_amount"
        on_shipping = discount["targetType"] == "SHIPPING_LINE"
        yield {
            "code": discount["code"],
            "amount": format(sum(taken, Decimal("0.00")), "f"),
            "type": "shipping" if on_shipping else kind,
        }


def _fulfillment(node: Json) -> Json:
    parcels = node["trackingInfo"]
    numbers = [parcel["number"] for parcel in parcels if parcel["number"]]
    urls = [parcel["url"] for parcel in parcels if parcel["url"]]
    shown = node["displayStatus"]
    return {
        "id": int(node["legacyResourceId"]),
        "admin_graphql_api_id": node["id"],
        "name": node["name"],
        "status": node["status"].lower(),
        "shipment_status": shown.lower() if shown in _ON_ITS_WAY else None,
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "location_id": int(node["location"]["legacyResourceId"]) if node["location"] else None,
        "tracking_company": parcels[0]["company"] if parcels else None,
        "tracking_number": numbers[0] if numbers else None,
        "tracking_numbers": numbers,
        "tracking_url": urls[0] if urls else None,
        "tracking_urls": urls,
        "line_items": [
            {
                "id": number_of(line["lineItem"]["id"]),
                "admin_graphql_api_id": line["lineItem"]["id"],
                "sku": line["lineItem"]["sku"],
                "quantity": line["quantity"],
            }
            for line in node["fulfillmentLineItems"]["nodes"]
        ],
    }


def _refund(node: Json) -> Json:
    return {
        "id": int(node["legacyResourceId"]),
        "admin_graphql_api_id": node["id"],
        "created_at": node["createdAt"],
        "processed_at": node["processedAt"],
        "note": node["note"],
        "refund_line_items": [
            {
                "line_item_id": number_of(line["lineItem"]["id"]),
                "quantity": line["quantity"],
                "restock_type": line["restockType"].lower(),
                "subtotal_set": money_set(line["subtotalSet"]),
                "total_tax_set": money_set(line["totalTaxSet"]),
            }
            for line in node["refundLineItems"]["nodes"]
        ],
        "order_adjustments": [
            {
                "id": number_of(found["id"]),
                "reason": _lower(found["reason"]),
                "amount_set": money_set(found["amountSet"]),
                "tax_amount_set": money_set(found["taxAmountSet"]),
            }
            for found in node["orderAdjustments"]["nodes"]
        ],
        "transactions": [
            {
                "id": number_of(found["id"]),
                "admin_graphql_api_id": found["id"],
                "kind": found["kind"].lower(),
                "status": found["status"].lower(),
                "gateway": found["gateway"],
                "amount": shop_amount(found["amountSet"]),
            }
            for found in node["transactions"]["nodes"]
        ],
    }


def _goods(lines: list[Json]) -> str:
    """The sum of the lines before discounts; GraphQL has no field for it."""
    prices = [(Decimal(shop_amount(line["originalUnitPriceSet"]) or "0"), line["quantity"]) for line in lines]
    return format(sum((price * int(quantity) for price, quantity in prices), Decimal("0.00")), "f")


def _terms(node: Json | None) -> Json | None:
    if node is None:
        return None
    return {
        "payment_terms_name": node["paymentTermsName"],
        "payment_terms_type": node["paymentTermsType"].lower(),
        "due_in_days": node["dueInDays"],
    }


def _company(node: Json | None) -> Json | None:
    if not node or "company" not in node:
        return None
    return {"id": number_of(node["company"]["id"]), "location_id": number_of(node["location"]["id"])}


def _attributes(nodes: list[Json]) -> list[Json]:
    return [{"name": node["key"], "value": node["value"]} for node in nodes]


def _lower(value: Any) -> str | None:
    return value.lower() if value else None
