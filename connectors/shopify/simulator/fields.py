"""The fields whose value is not an attribute of the state: connections, money, searches, mutations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from connectors.shopify.simulator.graph import Resolver, bag, connection, search, text_amount
from connectors.shopify.simulator.model import (
    ZERO,
    Customer,
    Discount,
    Fulfillment,
    FulfillmentOrder,
    InventoryItem,
    Level,
    LineItem,
    Location,
    Order,
    Product,
    Record,
    Refund,
    ShippingLine,
    Tax,
    Variant,
)
from connectors.shopify.simulator.shop import Shop

Info = Any


def number_in(gid: str, kind: str) -> int:
    """The number in a global id of this kind."""
    start, _, number = gid.rpartition("/")
    if start != f"gid://shopify/{kind}" or not number.isdigit():
        raise GraphQLError(f"Invalid global id '{gid}'")
    return int(number)


def tables(shop: Shop) -> dict[str, Resolver]:
    """All functions, by "Type.field"."""
    return {**_queries(shop), **_orders(shop), **_shipping(), **_catalogue(shop)}


def _queries(shop: Shop) -> dict[str, Resolver]:
    def orders(_: Any, __: Info, first: int | None = None, after: str | None = None, query: str | None = None,
               sort_key: str = "PROCESSED_AT", reverse: bool = False, **rest: Any) -> Any:  # fmt: skip
        key = rest.get("sortKey", sort_key)
        found = search(shop.orders.values(), query, _ORDER_SEARCH)
        by: dict[str, Any] = {
            "UPDATED_AT": lambda order: [order.updated.isoformat(), order.number],
            "ID": lambda order: [order.number],
        }
        place = by.get(key, lambda order: [order.created.isoformat(), order.number])
        return connection(sorted(found, key=place, reverse=reverse), first, after, place)

    def variants(
        _: Any, info: Info, first: int | None = None, after: str | None = None, query: str | None = None, **__: Any
    ) -> Any:
        indexed = [
            variant
            for variant in shop.variants.values()
            if not (query and shop.search_lags and variant.created >= shop.begun)
        ]
        found = search(indexed, query, _VARIANT_SEARCH)
        return connection(
            sorted(found, key=_by_id), first, after, lambda row: [row.number], endless=info.context == "bulk"
        )

    def customers(
        _: Any, __: Info, first: int | None = None, after: str | None = None, query: str | None = None, **given: Any
    ) -> Any:
        found = search(shop.customers.values(), query, _CUSTOMER_SEARCH)
        by_change = given.get("sortKey") == "UPDATED_AT"
        place: Any = (lambda row: [row.updated.isoformat(), row.number]) if by_change else (lambda row: [row.number])
        return connection(sorted(found, key=place), first, after, place)

    def customer(_: Any, __: Info, identifier: dict[str, str]) -> Customer | None:
        if "id" in identifier:
            return shop.customers.get(number_in(identifier["id"], "Customer"))
        name, value = (
            ("email", identifier["emailAddress"])
            if "emailAddress" in identifier
            else ("phone", identifier["phoneNumber"])
        )
        return shop.customer_by(name, value)

    def product(_: Any, __: Info, identifier: dict[str, str]) -> Product | None:
        if "id" in identifier:
            return shop.products.get(number_in(identifier["id"], "Product"))
        return shop.product_by_handle(identifier["handle"])

    def locations(_: Any, info: Info, first: int | None = None, after: str | None = None, **given: Any) -> Any:
        found = [place for place in shop.locations.values() if place.is_active or given.get("includeInactive")]
        bulk = info.context == "bulk"
        return connection(sorted(found, key=_by_id), first, after, lambda row: [row.number], endless=bulk)

    def nodes(_: Any, __: Info, ids: list[str]) -> list[Any]:
        kinds: dict[str, dict[int, Any]] = {"ProductVariant": shop.variants, "Product": shop.products}
        found = []
        for gid in ids:
            kind = gid.removeprefix("gid://shopify/").partition("/")[0]
            found.append(kinds.get(kind, {}).get(number_in(gid, kind)))
        return found

    return {
        "QueryRoot.nodes": nodes,
        "QueryRoot.order": lambda _, __, id: shop.orders.get(number_in(id, "Order")),  # noqa: A006
        "QueryRoot.productVariant": lambda _, __, id: shop.variants.get(number_in(id, "ProductVariant")),  # noqa: A006
        "QueryRoot.product": lambda _, __, id: shop.products.get(number_in(id, "Product")),  # noqa: A006
        "QueryRoot.productByIdentifier": product,
        "QueryRoot.fulfillment": lambda _, __, id: shop.fulfillments.get(number_in(id, "Fulfillment")),  # noqa: A006
        "QueryRoot.fulfillmentOrder": lambda _, __, id: shop.fulfillment_orders.get(number_in(id, "FulfillmentOrder")),  # noqa: A006
        "QueryRoot.orders": orders,
        "QueryRoot.productVariants": variants,
        "QueryRoot.customers": customers,
        "QueryRoot.customerByIdentifier": customer,
        "QueryRoot.locations": locations,
    }


def _by_id(record: Record) -> int:
    return record.number


_ORDER_SEARCH = {
    "updated_at": lambda order: order.updated,
    "name": lambda order: order.name,
    "email": lambda order: order.email,
}
_VARIANT_SEARCH = {"updated_at": lambda variant: variant.updated, "sku": lambda variant: variant.sku}
_CUSTOMER_SEARCH = {"updated_at": lambda customer: customer.updated, "email": lambda customer: customer.email}


def _orders(shop: Shop) -> dict[str, Resolver]:
    def money(read: Any) -> Resolver:
        return lambda order, _: bag(read(order), shop.currency)

    def list_of(read: Any) -> Resolver:
        return lambda source, _, first=None, after=None, **__: connection(read(source), first, after)

    def taxes(source: Any, _: Info, **__: Any) -> list[Tax]:
        found: list[Tax] = source.taxes
        return found

    def order_taxes(order: Order, _: Info) -> list[Tax]:
        return order.taxes_on(order.subtotal) if not order.tax_exempt else []

    def suggested(order: Order, _: Info, **given: Any) -> dict[str, Any]:
        amount = Decimal(given["shippingAmount"]) if given.get("shippingAmount") else ZERO
        for found in given.get("refundLineItems") or []:
            line = next(one for one in order.lines if one.id == found["lineItemId"])
            subtotal, tax = shop.worth(line, found["quantity"])
            amount += subtotal + (ZERO if order.taxes_included else tax)
        amount = min(amount, order.total - order.refunded)
        parent = {"id": f"gid://shopify/OrderTransaction/{order.number + 1}"}
        payment = {"gateway": order.gateways[0], "kind": "SUGGESTED_REFUND", "amountSet": bag(amount, shop.currency),
                   "parentTransaction": parent}  # fmt: skip
        return {"amountSet": bag(amount, shop.currency), "suggestedTransactions": [payment] if amount else []}

    def allocations(source: LineItem | ShippingLine, _: Info) -> list[dict[str, Any]]:
        return [
            {"allocatedAmountSet": bag(amount, shop.currency), "discountApplication": discount}
            for discount, amount in source.allocations
        ]

    totals: dict[str, Resolver] = {
        "subtotalPriceSet": money(lambda order: order.subtotal),
        "totalDiscountsSet": money(lambda order: order.discount),
        "totalShippingPriceSet": money(lambda order: order.shipping),
        "totalTaxSet": money(lambda order: order.tax),
        "totalPriceSet": money(lambda order: order.total),
        "totalTipReceivedSet": money(lambda _: ZERO),
        "totalOutstandingSet": money(lambda order: order.outstanding),
        "originalTotalDutiesSet": lambda *_: None,
        "currentSubtotalPriceSet": money(lambda order: order.subtotal - order.refunded_subtotal),
        "currentTotalDiscountsSet": money(lambda order: order.discount),
        "currentTotalTaxSet": money(lambda order: order.tax - order.refunded_tax),
        "currentTotalPriceSet": money(lambda order: order.current_total),
    }
    return {
        **{f"Order.{name}": function for name, function in totals.items()},
        "Order.number": lambda order, _: order.order_number - 1000,
        "Order.confirmationNumber": lambda order, _: f"C{order.order_number}",
        "Order.confirmed": lambda *_: True,
        "Order.createdAt": lambda order, _: order.created,
        "Order.processedAt": lambda order, _: order.created,
        "Order.updatedAt": lambda order, _: order.updated,
        "Order.cancelledAt": lambda order, _: order.cancelled,
        "Order.closedAt": lambda order, _: order.closed,
        "Order.currencyCode": lambda order, _: order.currency,
        "Order.presentmentCurrencyCode": lambda order, _: order.currency,
        "Order.displayFinancialStatus": lambda order, _: order.financial_status,
        "Order.displayFulfillmentStatus": lambda order, _: order.fulfillment_status,
        "Order.paymentGatewayNames": lambda order, _: order.gateways,
        "Order.customAttributes": lambda order, _: _attributes(order.attributes),
        "Order.paymentTerms": lambda order, _: _terms(order),
        "Order.purchasingEntity": lambda order, _: _buyer(order),
        "Order.taxLines": order_taxes,
        "Order.lineItems": list_of(lambda order: order.lines),
        "Order.shippingLines": list_of(lambda order: order.shipping_lines),
        "Order.discountApplications": list_of(lambda order: order.discounts),
        "Order.fulfillmentOrders": list_of(lambda order: order.fulfillment_orders),
        "Order.fulfillments": lambda order, _, first=None, **__: order.fulfillments[:first],
        "Order.refunds": lambda order, _, first=None: order.refunds[:first],
        "LineItem.originalUnitPriceSet": money(lambda line: line.price),
        "LineItem.customAttributes": lambda line, _: _attributes(line.properties),
        "LineItem.taxLines": taxes,
        "LineItem.discountAllocations": allocations,
        "LineItem.isGiftCard": lambda *_: False,
        "LineItem.product": lambda line, _: line.variant.product if line.variant else None,
        "LineItem.vendor": lambda line, _: line.variant.product.vendor if line.variant else None,
        "ShippingLine.originalPriceSet": money(lambda line: line.price),
        "ShippingLine.discountedPriceSet": money(lambda line: line.discounted),
        "ShippingLine.taxLines": taxes,
        "ShippingLine.discountAllocations": allocations,
        "ShippingLine.carrierIdentifier": lambda *_: None,
        "TaxLine.priceSet": money(lambda tax: tax.amount),
        "TaxLine.rate": lambda tax, _: float(tax.rate),
        "TaxLine.channelLiable": lambda *_: False,
        **_discounts(shop),
        "Order.suggestedRefund": suggested,
        "Refund.updatedAt": lambda refund, _: refund.created,
        "Refund.createdAt": lambda refund, _: refund.created,
        "Refund.processedAt": lambda refund, _: refund.created,
        "Refund.refundLineItems": list_of(lambda refund: refund.lines),
        "Refund.orderAdjustments": list_of(lambda _: []),
        "Refund.transactions": list_of(lambda refund: _transactions(refund, shop)),
        "RefundLineItem.lineItem": lambda line, _: line.line,
        "RefundLineItem.subtotalSet": money(lambda line: line.subtotal),
        "RefundLineItem.totalTaxSet": money(lambda line: line.tax),
        "Customer.createdAt": lambda customer, _: customer.created,
        "Customer.updatedAt": lambda customer, _: customer.updated,
        "Customer.defaultEmailAddress": lambda customer, _: _email(customer),
        "Customer.defaultPhoneNumber": lambda customer, _: {"phoneNumber": customer.phone} if customer.phone else None,
    }


def _discounts(shop: Shop) -> dict[str, Resolver]:
    def value(discount: Discount, _: Info) -> dict[str, Any]:
        if discount.percentage:
            return {"__typename": "PricingPercentageValue", "percentage": float(discount.value)}
        return {"__typename": "MoneyV2", "amount": text_amount(discount.value), "currencyCode": shop.currency}

    made: dict[str, Resolver] = {}
    for kind in ("DiscountApplication", "DiscountCodeApplication", "ManualDiscountApplication"):
        made[f"{kind}.value"] = value
        made[f"{kind}.allocationMethod"] = lambda *_: "ACROSS"
        made[f"{kind}.targetSelection"] = lambda *_: "ALL"
        made[f"{kind}.targetType"] = lambda discount, _: discount.target.upper()
        made[f"{kind}.description"] = lambda discount, _: discount.title
    return made


def _shipping() -> dict[str, Resolver]:
    def shipped(found: Fulfillment, _: Info, first: int | None = None, after: str | None = None) -> Any:
        return connection(found.lines, first, after)

    def tracking(found: Fulfillment, _: Info, first: int | None = None) -> Any:
        return found.tracking_info[:first]

    def assigned(asked: FulfillmentOrder, _: Info) -> Any:
        return {"location": asked.location, "name": asked.location.name}

    def lines(asked: FulfillmentOrder, _: Info, first: int | None = None, after: str | None = None) -> Any:
        return connection(asked.lines, first, after)

    return {
        "Fulfillment.fulfillmentLineItems": shipped,
        "Fulfillment.trackingInfo": tracking,
        "Fulfillment.createdAt": lambda found, _: found.created,
        "Fulfillment.updatedAt": lambda found, _: found.updated,
        "FulfillmentOrder.assignedLocation": assigned,
        "FulfillmentOrder.lineItems": lines,
        "FulfillmentOrder.orderId": lambda asked, _: asked.order.id,
        "FulfillmentOrder.updatedAt": lambda asked, _: asked.updated,
        "FulfillmentOrderLineItem.lineItem": lambda line, _: line.line,
        "FulfillmentOrderLineItem.sku": lambda line, _: line.line.sku,
        "Location.updatedAt": lambda place, _: place.updated,
    }


def _catalogue(shop: Shop) -> dict[str, Resolver]:
    def level(item: InventoryItem, _: Info, **given: Any) -> Level | None:
        found = item.levels.get(number_in(given["locationId"], "Location"))
        return found if found and (found.is_active or given.get("includeInactive")) else None

    def quantities(found: Level, _: Info, names: list[str]) -> list[dict[str, Any]]:
        none = dict.fromkeys(("reserved", "incoming", "damaged", "safety_stock", "quality_control"), 0)
        known = none | {"available": found.available, "committed": found.committed, "on_hand": found.on_hand}
        return [
            {
                "id": f"gid://shopify/InventoryQuantity/{found.item.number}?name={name}",
                "name": name,
                "quantity": known[name],
            }
            for name in names
            if name in known
        ]

    def levels(
        place: Location,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        query: str | None = None,
        **__: Any,
    ) -> Any:
        found = [level for item in shop.items.values() if (level := item.levels.get(place.number)) and level.is_active]
        found = search(found, query, {"updated_at": lambda level: level.updated})
        return connection(found, first, after, lambda level: [level.item.number], endless=info.context == "bulk")

    def one_level(_: Any, __: Info, id: str) -> Level | None:  # noqa: A002
        start, _sep, item = id.partition("?inventory_item_id=")
        found = shop.items.get(int(item)) if item.isdigit() else None
        return found.levels.get(number_in(start, "InventoryLevel")) if found else None

    def weight(item: InventoryItem, _: Info) -> dict[str, Any]:
        return {
            "id": f"gid://shopify/InventoryItemMeasurement/{item.number}",
            "weight": {"unit": "GRAMS", "value": float(item.grams)},
        }

    def unit_cost(item: InventoryItem, _: Info) -> dict[str, Any] | None:
        return None if item.cost is None else {"amount": text_amount(item.cost), "currencyCode": shop.currency}

    def sku(item: InventoryItem, _: Info) -> str | None:
        return next((found.sku for found in shop.variants.values() if found.inventory_item is item), None)

    return {
        "ProductVariant.createdAt": lambda variant, _: variant.created,
        "ProductVariant.updatedAt": lambda variant, _: variant.updated,
        "ProductVariant.price": lambda variant, _: _price(variant.price),
        "ProductVariant.compareAtPrice": lambda variant, _: _price(variant.compare_at_price),
        "ProductVariant.displayName": lambda variant, _: _display_name(variant),
        "ProductVariant.selectedOptions": lambda variant, _: [
            {"name": name, "value": value} for name, value in variant.options
        ],
        "Product.variants": lambda product, _, first=None, after=None: connection(product.variants, first, after),
        "Product.updatedAt": lambda product, _: product.updated,
        "InventoryItem.inventoryLevel": level,
        "InventoryItem.measurement": weight,
        "InventoryItem.unitCost": unit_cost,
        "InventoryItem.sku": sku,
        "InventoryLevel.quantities": quantities,
        "InventoryLevel.updatedAt": lambda level, _: level.updated,
        "Location.inventoryLevels": levels,
        "QueryRoot.inventoryLevel": one_level,
        "QueryRoot.location": lambda _, __, id: shop.locations.get(number_in(id, "Location")),  # noqa: A006
    }


def _price(value: Decimal | None) -> str | None:
    # The scalar Money has two digits, unlike MoneyV2.amount.
    return None if value is None else format(value, ".2f")


def _display_name(variant: Variant) -> str:
    return f"{variant.product.title} - {variant.title}"


def _attributes(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in pairs]


def _email(customer: Customer) -> dict[str, Any] | None:
    return {"emailAddress": customer.email, "marketingState": customer.marketing} if customer.email else None


def _terms(order: Order) -> dict[str, Any] | None:
    if order.terms is None:
        return None
    return {
        "paymentTermsName": order.terms["name"],
        "paymentTermsType": order.terms["type"],
        "dueInDays": order.terms["days"],
    }


def _buyer(order: Order) -> Any:
    if order.company:
        return {
            "__typename": "PurchasingCompany",
            "company": {"id": f"gid://shopify/Company/{order.company[0]}"},
            "location": {"id": f"gid://shopify/CompanyLocation/{order.company[1]}"},
        }
    return order.customer


def _transactions(refund: Refund, shop: Shop) -> list[dict[str, Any]]:
    if not refund.amount:
        return []
    return [
        {
            "id": f"gid://shopify/OrderTransaction/{refund.transaction}",
            "kind": "REFUND",
            "status": "SUCCESS",
            "gateway": refund.order.gateways[0],
            "amountSet": bag(refund.amount, shop.currency),
        }
    ]
