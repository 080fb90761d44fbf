"""What the shop sends as webhooks: the shape of Shopify's REST resources."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from connectors.shopify.simulator.model import (
    Address,
    Customer,
    Discount,
    Fulfillment,
    Level,
    LineItem,
    Order,
    Product,
    Refund,
    ShippingLine,
    Tax,
    Variant,
)

Json = dict[str, Any]
SHOP_ZONE = timezone(timedelta(hours=-5))
"""Webhooks carry the shop's local time with its offset; the GraphQL API answers in UTC."""

_FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}


def local(moment: datetime | None) -> str | None:
    """A time in the shop's zone."""
    return moment.astimezone(SHOP_ZONE).isoformat(timespec="seconds") if moment else None


def order_body(order: Order) -> Json:
    """The body of every ``orders/*`` webhook."""
    money = _Money(order.currency)
    return {
        "id": order.number,
        "admin_graphql_api_id": order.id,
        "app_id": 580111,
        "browser_ip": "203.0.113.7",
        "buyer_accepts_marketing": False,
        "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
        "cancelled_at": local(order.cancelled),
        "cart_token": None,
        "checkout_id": order.number + 7,
        "client_details": {"accept_language": "en", "browser_ip": "203.0.113.7", "user_agent": "Mozilla/5.0"},
        "closed_at": local(order.closed),
        "company": {"id": order.company[0], "location_id": order.company[1]} if order.company else None,
        "confirmation_number": f"C{order.order_number}",
        "confirmed": True,
        "contact_email": order.email,
        "created_at": local(order.created),
        "currency": order.currency,
        "current_subtotal_price": money.text(order.subtotal - order.refunded_subtotal),
        "current_total_discounts": money.text(order.discount),
        "current_total_price": money.text(order.current_total),
        "current_total_price_set": money.bag(order.current_total),
        "current_total_tax": money.text(order.tax - order.refunded_tax),
        "customer_locale": order.customer_locale,
        "discount_codes": [_code(order, found, money) for found in order.discounts if found.code],
        "email": order.email or "",
        "financial_status": order.financial_status.lower(),
        "fulfillment_status": _FULFILLMENT.get(order.fulfillment_status),
        "name": order.name,
        "note": order.note,
        "note_attributes": [{"name": name, "value": value} for name, value in order.attributes],
        "number": order.order_number - 1000,
        "order_number": order.order_number,
        "original_total_duties_set": None,
        "payment_gateway_names": order.gateways,
        "phone": order.phone,
        "po_number": order.po_number,
        "presentment_currency": order.currency,
        "processed_at": local(order.created),
        "source_identifier": order.source_identifier,
        "source_name": order.source_name,
        "subtotal_price": money.text(order.subtotal),
        "subtotal_price_set": money.bag(order.subtotal),
        "tags": ", ".join(order.tags),
        "tax_exempt": order.tax_exempt,
        "tax_lines": [_tax(tax, money) for tax in order.taxes_on(order.subtotal)] if not order.tax_exempt else [],
        "taxes_included": order.taxes_included,
        "test": order.test,
        "total_discounts": money.text(order.discount),
        "total_discounts_set": money.bag(order.discount),
        "total_line_items_price": money.text(order.goods),
        "total_outstanding": money.text(order.outstanding),
        "total_price": money.text(order.total),
        "total_price_set": money.bag(order.total),
        "total_shipping_price_set": money.bag(order.shipping),
        "total_tax": money.text(order.tax),
        "total_tax_set": money.bag(order.tax),
        "total_tip_received": "0.00",
        "updated_at": local(order.updated),
        "billing_address": _address(order.billing_address),
        "customer": customer_body(order.customer) if order.customer else None,
        "discount_applications": [_discount(found) for found in order.discounts],
        "fulfillments": [fulfillment_body(found) for found in order.fulfillments],
        "line_items": [_line(line, money) for line in order.lines],
        "payment_terms": _terms(order.terms),
        "refunds": [refund_body(found) for found in order.refunds],
        "shipping_address": _address(order.shipping_address),
        "shipping_lines": [_shipping(line, money) for line in order.shipping_lines],
        **order.extra,
    }


def customer_body(customer: Customer) -> Json:
    """A customer."""
    return {
        "id": customer.number,
        "admin_graphql_api_id": customer.id,
        "email": customer.email,
        "created_at": local(customer.created),
        "updated_at": local(customer.updated),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "state": customer.state.lower(),
        "note": customer.note,
        "verified_email": customer.verified_email,
        "multipass_identifier": None,
        "tax_exempt": customer.tax_exempt,
        "phone": customer.phone,
        "email_marketing_consent": {"state": customer.marketing.lower(), "opt_in_level": "single_opt_in"}
        if customer.email
        else None,
        "tags": ", ".join(customer.tags),
        "currency": "USD",
        "default_address": _address(customer.default_address, full=True),
        **customer.extra,
    }


def fulfillment_body(found: Fulfillment) -> Json:
    """A fulfilment."""
    return {
        "id": found.number,
        "admin_graphql_api_id": found.id,
        "created_at": local(found.created),
        "location_id": found.location.number,
        "name": found.name,
        "order_id": found.order.number,
        "origin_address": {},
        "receipt": {},
        "service": "manual",
        "shipment_status": "delivered" if found.display_status == "DELIVERED" else None,
        "status": found.status.lower(),
        "tracking_company": found.company,
        "tracking_number": found.numbers[0] if found.numbers else None,
        "tracking_numbers": found.numbers,
        "tracking_url": found.urls[0] if found.urls else None,
        "tracking_urls": found.urls,
        "updated_at": local(found.updated),
        "line_items": [
            _line(line.line, _Money(found.order.currency)) | {"quantity": quantity} for line, quantity in found.lines
        ],
    }


def refund_body(refund: Refund) -> Json:
    """A refund. Its subtotals are JSON numbers where everything else has text; that is the vendor's way."""
    money = _Money(refund.order.currency)
    return {
        "id": refund.number,
        "admin_graphql_api_id": refund.id,
        "created_at": local(refund.created),
        "note": refund.note,
        "order_id": refund.order.number,
        "processed_at": local(refund.created),
        "restock": any(line.restock_type != "NO_RESTOCK" for line in refund.lines),
        "user_id": None,
        "order_adjustments": [],
        "transactions": [
            {
                "id": refund.transaction,
                "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{refund.transaction}",
                "amount": money.text(refund.amount),
                "kind": "refund",
                "status": "success",
                "gateway": refund.order.gateways[0],
            }
        ]
        if refund.amount
        else [],
        "refund_line_items": [
            {
                "id": line.number,
                "line_item_id": line.line.number,
                "quantity": line.quantity,
                "restock_type": line.restock_type.lower(),
                "subtotal": line.subtotal,
                "subtotal_set": money.bag(line.subtotal),
                "total_tax": line.tax,
                "total_tax_set": money.bag(line.tax),
                "line_item": _line(line.line, money),
            }
            for line in refund.lines
        ],
        "duties": [],
    }


def product_body(product: Product) -> Json:
    """A product with its variants."""
    return {
        "id": product.number,
        "admin_graphql_api_id": product.id,
        "title": product.title,
        "body_html": product.description_html,
        "vendor": product.vendor,
        "product_type": product.product_type,
        "created_at": local(product.created),
        "updated_at": local(product.updated),
        "handle": product.handle,
        "published_at": local(product.created),
        "tags": ", ".join(product.tags),
        "status": product.status.lower(),
        "variants": [_variant(variant) for variant in product.variants],
        "options": [
            {
                "name": name,
                "position": place + 1,
                "values": list(dict.fromkeys(found.options[place][1] for found in product.variants)),
            }
            for place, (name, _) in enumerate(product.variants[0].options if product.variants else [])
        ],
        "images": [],
    }


def _variant(variant: Variant) -> Json:
    values = [value for _, value in variant.options] + [None, None, None]
    return {
        "id": variant.number,
        "admin_graphql_api_id": variant.id,
        "product_id": variant.product.number,
        "title": variant.title,
        "price": format(variant.price, ".2f"),
        "position": variant.position,
        "inventory_policy": variant.inventory_policy.lower(),
        "compare_at_price": format(variant.compare_at_price, ".2f") if variant.compare_at_price is not None else None,
        "option1": values[0],
        "option2": values[1],
        "option3": values[2],
        "created_at": local(variant.created),
        "updated_at": local(variant.updated),
        "taxable": variant.taxable,
        "barcode": variant.barcode,
        "sku": variant.sku,
        "grams": int(variant.inventory_item.grams),
        "weight": variant.inventory_item.grams,
        "weight_unit": "g",
        "requires_shipping": variant.inventory_item.requires_shipping,
        "inventory_management": "shopify" if variant.inventory_item.tracked else None,
        "inventory_item_id": variant.inventory_item.number,
        "inventory_quantity": sum(level.available for level in variant.inventory_item.levels.values()),
        **variant.extra,
    }


def _line(line: LineItem, money: _Money) -> Json:
    return {
        "id": line.number,
        "admin_graphql_api_id": line.id,
        "current_quantity": line.current_quantity,
        "fulfillable_quantity": line.unfulfilled_quantity,
        "fulfillment_service": "manual",
        "fulfillment_status": "fulfilled"
        if line.fulfilled and not line.unfulfilled_quantity
        else "partial"
        if line.fulfilled
        else None,
        "gift_card": False,
        "grams": int(line.variant.inventory_item.grams) if line.variant else 0,
        "name": line.name,
        "price": money.text(line.price),
        "price_set": money.bag(line.price),
        "product_exists": line.variant is not None,
        "product_id": line.variant.product.number if line.variant else None,
        "properties": [{"name": name, "value": value} for name, value in line.properties],
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        "total_discount": "0.00",
        "variant_id": line.variant.number if line.variant else None,
        "variant_inventory_management": "shopify",
        "variant_title": line.variant_title,
        "vendor": line.variant.product.vendor if line.variant else None,
        "tax_lines": [_tax(tax, money) for tax in line.taxes],
        "duties": [],
        "discount_allocations": _allocations(line.allocations, money),
    }


def _shipping(line: ShippingLine, money: _Money) -> Json:
    return {
        "id": line.number,
        "carrier_identifier": None,
        "code": line.code,
        "discounted_price": money.text(line.discounted),
        "discounted_price_set": money.bag(line.discounted),
        "is_removed": line.is_removed,
        "phone": None,
        "price": money.text(line.price),
        "price_set": money.bag(line.price),
        "source": line.source,
        "title": line.title,
        "tax_lines": [_tax(tax, money) for tax in line.taxes],
        "discount_allocations": _allocations(line.allocations, money),
    }


def _allocations(allocations: list[tuple[Discount, Decimal]], money: _Money) -> list[Json]:
    return [
        {"amount": money.text(amount), "amount_set": money.bag(amount), "discount_application_index": discount.index}
        for discount, amount in allocations
    ]


def _tax(tax: Tax, money: _Money) -> Json:
    return {
        "channel_liable": False,
        "price": money.text(tax.amount),
        "price_set": money.bag(tax.amount),
        "rate": tax.rate,
        "title": tax.title,
    }


def _discount(found: Discount) -> Json:
    said = {
        "target_type": found.target,
        "type": "discount_code" if found.code else "manual",
        "value": str(found.value),
        "value_type": "percentage" if found.percentage else "fixed_amount",
        "allocation_method": "across",
        "target_selection": "all",
    }
    return said | ({"code": found.code} if found.code else {"title": found.title, "description": found.title})


def _code(order: Order, found: Discount, money: _Money) -> Json:
    parts: list[LineItem | ShippingLine] = [*order.lines, *order.shipping_lines]
    amount = sum(
        (taken for part in parts for discount, taken in part.allocations if discount is found), Decimal("0.00")
    )
    kind = "shipping" if found.target == "shipping_line" else "percentage" if found.percentage else "fixed_amount"
    return {"code": found.code, "amount": money.text(amount), "type": kind}


def _terms(terms: Json | None) -> Json | None:
    if terms is None:
        return None
    return {
        "id": 9,
        "payment_terms_name": terms["name"],
        "payment_terms_type": terms["type"].lower(),
        "due_in_days": terms["days"],
        "payment_schedules": [],
    }


def _address(address: Address | None, *, full: bool = False) -> Json | None:
    if address is None:
        return None
    body = {
        "first_name": address.first_name,
        "address1": address.address1,
        "phone": address.phone,
        "city": address.city,
        "zip": address.zip,
        "province": address.province,
        "country": address.country,
        "last_name": address.last_name,
        "address2": address.address2,
        "company": address.company,
        "name": address.name,
        "country_code": address.country_code,
        "province_code": address.province_code,
    }
    return body | (
        {"default": True, "country_name": address.country} if full else {"latitude": None, "longitude": None}
    )


class _Money:
    def __init__(self, currency: str) -> None:
        self.currency = currency

    def text(self, amount: Decimal) -> str:
        return format(amount, ".2f")

    def bag(self, amount: Decimal) -> Json:
        money = {"amount": self.text(amount), "currency_code": self.currency}
        return {"shop_money": money, "presentment_money": dict(money)}


def level_body(level: Level) -> Json:
    """A stock level as its webhook has it."""
    return {
        "inventory_item_id": level.item.number,
        "location_id": level.location.number,
        "available": level.available,
        "updated_at": local(level.updated),
        "admin_graphql_api_id": level.id,
    }
