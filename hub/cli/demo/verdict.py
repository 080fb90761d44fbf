"""The demo checks itself: what is in the ERP and in the shop, against what must be there."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from hub.cli.demo.story import World
from hub.cli.demo.world import ARTICLES, WAREHOUSE, PlannedOrder


def differences(world: World, exceptions: list[dict[str, Any]], conservation: Any) -> list[str]:
    """Every difference between what is and what must be, a sentence each. Empty = all is well."""
    found = [*_orders(world), *_customers(world), *_shipments(world), *_stock(world)]
    found += _exceptions(world, exceptions)
    if not conservation.holds:
        found.append(f"the conservation line does not add up: {conservation}")
    if conservation.in_flight:
        found.append(f"{conservation.in_flight} messages are still in flight")
    return found


def _orders(world: World) -> list[str]:
    found = []
    sales = Counter(sale["origin"] for sale in world.erp.orders)
    wanted = {order.number for order in world.good_orders}
    found += [f"the ERP has {times} orders for {number}" for number, times in sales.items() if times > 1]
    found += [f"the ERP has an order for {number}, which must not be there" for number in sales if number not in wanted]
    for order in world.good_orders:
        sale = world.erp_order(order)
        if sale is None:
            found.append(f"order {order.number} is not confirmed in the ERP")
            continue
        lines = Counter[str]()
        for line in sale["lines"]:
            lines[line["sku"]] += line["quantity"]
        for sku, quantity in order.quantities.items():
            if lines[sku] != quantity:
                found.append(f"order {order.number}: {lines[sku]} {sku} in the ERP, {quantity} were ordered")
        total = Decimal(str(sale["amount_untaxed"]))
        paid = order.goods + Decimal("5.90")
        if total != paid:
            found.append(f"order {order.number}: {total} before tax in the ERP, {paid} in the shop")
    return found


def _customers(world: World) -> list[str]:
    emails = Counter(
        partner["email"].casefold() for partner in world.erp.partners if partner["email"] and not partner["parent_id"]
    )
    wanted = {order.buyer[2] for order in world.good_orders}
    found = [f"the ERP has the customer {email} {times} times" for email, times in emails.items() if times > 1]
    return found + [f"the customer {email} is not in the ERP" for email in wanted if email not in emails]


def _shipments(world: World) -> list[str]:
    found = []
    for order in world.good_orders:
        found += _fulfilments_of(world, order)
    return found


def _fulfilments_of(world: World, order: PlannedOrder) -> list[str]:
    found = []
    parcels = world.shop.fulfillments(order.placed)
    if len(parcels) != order.shipments:
        found.append(f"order {order.number}: {len(parcels)} fulfilments in the shop, {order.shipments} were shipped")
    codes = sorted(code for parcel in parcels for code in parcel.numbers)
    if codes != sorted(world.tracking.get(order.number, [])):
        found.append(
            f"order {order.number}: tracking {codes} in the shop, {world.tracking.get(order.number)} in the ERP"
        )
    open_lines = sum(line.unfulfilled_quantity for line in order.placed.lines)
    if open_lines:
        found.append(f"order {order.number}: {open_lines} pieces are not fulfilled in the shop")
    return found


def _stock(world: World) -> list[str]:
    found = []
    for article in ARTICLES:
        shop, erp = world.shop.inventory(article.sku), world.erp.stock(article.sku, WAREHOUSE)
        if shop != erp:
            found.append(f"{article.sku}: the shop says {shop}, the ERP says {erp}")
    return found


def _exceptions(world: World, exceptions: list[dict[str, Any]]) -> list[str]:
    wanted = Counter({"ITM-UNKNOWN": sum(order.unknown_sku for order in world.orders)})
    found = Counter(str(row["code"]) for row in exceptions)
    if +wanted == +found:
        return []
    return [f"open exceptions: {dict(found) or 'none'}; there must be {dict(+wanted) or 'none'}"]
