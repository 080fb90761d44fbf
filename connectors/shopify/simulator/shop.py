"""What happens in the simulated shop: products are added, orders placed, goods fulfilled, stock set. No network, no GraphQL here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.shopify.simulator.model import (
    ZERO,
    Address,
    Customer,
    Discount,
    Fulfillment,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentOrderLine,
    InventoryItem,
    Level,
    LineItem,
    Location,
    Order,
    Product,
    Refund,
    RefundLine,
    ShippingLine,
    Variant,
    cents,
)


class Refused(Exception):
    """The shop says no, in the words of a userError."""

    def __init__(self, message: str, field: list[str] | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code


class AllRefused(Exception):
    """The shop says no to several parts of one request, and says so for each."""

    def __init__(self, parts: list[Refused]) -> None:
        super().__init__(parts[0].message)
        self.parts = parts


def check_all(jobs: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each job gives; if one of them is refused, all are, and every refusal is told."""
    made, refused = [], []
    for job in jobs:
        try:
            made.append(job())
        except Refused as no:
            refused.append(no)
    if refused:
        raise AllRefused(refused)
    return made


class Shop:
    """The state of one shop, and the only place that changes it."""

    def __init__(self, now: Callable[[], datetime], *, currency: str, tax_rate: Decimal, taxes_included: bool) -> None:
        self._now = now
        self.currency = currency
        self.tax_rate = tax_rate
        self.taxes_included = taxes_included
        # Beyond 2^53, so that whoever reads ids as binary floats is found out.
        self._ids = 820_982_911_946_154_500
        self._order_numbers = 1000
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Variant] = {}
        self.items: dict[int, InventoryItem] = {}
        self.locations: dict[int, Location] = {}
        self.customers: dict[int, Customer] = {}
        self.orders: dict[int, Order] = {}
        self.fulfillment_orders: dict[int, FulfillmentOrder] = {}
        self.fulfillments: dict[int, Fulfillment] = {}
        self.begun = self.now()
        self.search_lags = False  # if so, searches do not find variants that were made since the shop began
        self.subscriptions: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """The time, in whole seconds: the vendor stores no finer one."""
        return self._now().replace(microsecond=0)

    def next_id(self) -> int:
        """A new numeric id."""
        self._ids += 1
        return self._ids

    def touch(self, order: Order) -> None:
        """The order changed now."""
        order.updated = max(self.now(), order.created)

    # --- catalogue and places

    def add_location(self, name: str, *, active: bool = True) -> Location:
        """A new place that holds stock."""
        location = Location(
            self.next_id(), name, self.now(), active, address=Address(city="Springfield", country_code="US")
        )
        self.locations[location.number] = location
        return location

    def add_product(self, title: str, variants: Iterable[dict[str, Any]]) -> Product:
        """A new product; each variant is a dict of sku, price and, where wanted, barcode, options, stock, grams, tracked."""
        now = self.now()
        handle = "-".join(title.lower().split())
        product = Product(self.next_id(), title, now, now, handle)
        self.products[product.number] = product
        for given in variants:
            self.add_variant(product, given)
        return product

    def add_variant(self, product: Product, given: dict[str, Any]) -> Variant:
        """A further variant of a product, stocked at the first location."""
        item = InventoryItem(
            self.next_id(), tracked=given.get("tracked", True), grams=Decimal(str(given.get("grams", 0)))
        )
        self.items[item.number] = item
        now = self.now()
        made = Variant(self.next_id(), product, given["sku"], Decimal(str(given["price"])), item, now, now)
        made.barcode = given.get("barcode")
        if options := given.get("options"):
            made.options = list(options.items())
            made.title = " / ".join(options.values())
        product.variants.append(made)
        self.variants[made.number] = made
        first = next(iter(self.locations.values()))
        item.levels[first.number] = Level(self.now, item, first, available=int(given.get("stock", 0)))
        return made

    def product_by_handle(self, handle: str) -> Product | None:
        """The product with this handle."""
        return next((found for found in self.products.values() if found.handle == handle), None)

    def variant(self, sku: str) -> Variant | None:
        """The variant with this SKU."""
        return next((found for found in self.variants.values() if found.sku == sku), None)

    def location(self, name: str | None) -> Location:
        """The location of this name, or the first one."""
        if name is None:
            return next(iter(self.locations.values()))
        return next(found for found in self.locations.values() if name in {found.name, found.id})

    # --- customers and orders

    def customer(self, given: str | dict[str, Any]) -> Customer:
        """The customer with this e-mail address, made if need be."""
        data: dict[str, Any] = {"email": given} if isinstance(given, str) else dict(given)
        email = data.get("email")
        found = next((known for known in self.customers.values() if email and known.email == email), None)
        if found is None:
            found = self.new_customer()
        address = data.pop("address", None)
        for name, value in data.items():
            setattr(found, name, value)
        if address is not None or found.default_address is None:
            found.default_address = _address(address, found)
        found.updated = self.now()
        return found

    def new_customer(self) -> Customer:
        """A customer of whom nothing is known yet."""
        made = Customer(self.next_id(), self.now(), self.now())
        self.customers[made.number] = made
        return made

    def customer_by(self, name: str, value: str) -> Customer | None:
        """The customer with this e-mail address or phone number."""
        found = self.customers.values()
        return next((known for known in found if (getattr(known, name) or "").casefold() == value.casefold()), None)

    def place_order(
        self,
        lines: Iterable[Any],
        customer: str | dict[str, Any] | None = None,
        *,
        shipping: Decimal | str | None = None,
        discount: Decimal | str | None = None,
        discount_code: str | None = None,
        location: str | None = None,
        locations: dict[str, str] | None = None,
        **given: Any,
    ) -> Order:
        """A new order. A line is (sku, quantity, price); price None is the variant's. ``locations`` says which SKU ships from where."""
        now = self.now()
        self._order_numbers += 1
        order = Order(self.next_id(), self._order_numbers, now, now, self.currency, self.tax_rate, self.taxes_included)
        buyer = self.customer(customer) if customer is not None else None
        order.customer = buyer
        if buyer is not None:
            order.email, order.phone = buyer.email, buyer.phone
            order.shipping_address = order.billing_address = buyer.default_address
        for name, value in given.items():
            setattr(order, name, value)
        for line in lines:
            order.lines.append(self._line(order, line))
        if shipping is not None:
            order.shipping_lines.append(
                ShippingLine(self.next_id(), order, "Standard", Decimal(str(shipping)), "standard")
            )
        if discount is not None:
            self._discount(order, Decimal(str(discount)), discount_code)
        self.orders[order.number] = order
        self._ask_for_fulfillment(order, location, locations or {})
        return order

    def _line(self, order: Order, given: Any) -> LineItem:
        data = given if isinstance(given, dict) else dict(zip(("sku", "quantity", "price"), given, strict=False))
        variant = self.variant(data["sku"]) if data.get("sku") else None
        price = data.get("price")
        if price is None:
            price = variant.price if variant else ZERO
        title = data.get("title") or (variant.product.title if variant else f"Item {data.get('sku')}")
        line = LineItem(
            self.next_id(), order, data.get("sku"), title, int(data["quantity"]), Decimal(str(price)), variant
        )
        if variant is not None and variant.title != "Default Title":
            line.variant_title = variant.title
        for name in ("properties", "requires_shipping", "taxable"):
            if name in data:
                setattr(line, name, data[name])
        return line

    def _discount(self, order: Order, amount: Decimal, code: str | None) -> None:
        """Spread a fixed amount over the lines, the last one taking what rounding left, as the vendor does."""
        discount = Discount(len(order.discounts), code or "Discount", amount, code)
        order.discounts.append(discount)
        left, goods = amount, order.goods
        for line in order.lines[:-1]:
            share = cents(amount * line.goods / goods) if goods else ZERO
            line.allocations.append((discount, share))
            left -= share
        if order.lines:
            order.lines[-1].allocations.append((discount, left))

    def _ask_for_fulfillment(self, order: Order, location: str | None, locations: dict[str, str]) -> None:
        for line in order.lines:
            self._ask_for(order, line, line.quantity, self.location(locations.get(line.sku or "", location)))

    def _ask_for(self, order: Order, line: LineItem, quantity: int, place: Location) -> None:
        """Have a location ship so many pieces more of a line, and promise them."""
        open_now = (
            one for one in order.fulfillment_orders if one.location is place and one.status in {"OPEN", "ON_HOLD"}
        )
        asked = next(open_now, None)
        if asked is None:
            asked = FulfillmentOrder(self.next_id(), order, place, self.now())
            order.fulfillment_orders.append(asked)
            self.fulfillment_orders[asked.number] = asked
        asked.lines.append(FulfillmentOrderLine(self.next_id(), line, quantity, quantity))
        if line.variant is not None:
            level = self.level(line.variant.inventory_item, place)
            level.available -= quantity
            level.committed += quantity

    # --- fulfilment

    def fulfill(
        self,
        parts: list[tuple[FulfillmentOrder, list[tuple[FulfillmentOrderLine, int]]]],
        tracking: dict[str, Any],
        *,
        notify: bool,
    ) -> Fulfillment:
        """Ship lines of fulfilment orders of one order and one location."""
        orders = {asked.order.number for asked, _ in parts}
        places = {asked.location.number for asked, _ in parts}
        if len(orders) != 1 or len(places) != 1:
            raise Refused("All fulfillment orders must belong to the same order and location.", ["fulfillment"])
        for asked, lines in parts:
            if asked.status not in {"OPEN", "IN_PROGRESS"}:
                raise Refused(
                    f"Fulfillment order {asked.number} has an unfulfillable status= {asked.status.lower()}.",
                    ["fulfillment"],
                )
            for line, quantity in lines:
                if quantity < 1 or quantity > line.remaining_quantity:
                    raise Refused("Invalid fulfillment order line item quantity requested.", ["fulfillment"])
        order, place = parts[0][0].order, parts[0][0].location
        shipped = [(line, quantity) for _, lines in parts for line, quantity in lines]
        for line, quantity in shipped:
            line.remaining_quantity -= quantity
            line.line.fulfilled += quantity
            if line.line.variant is not None:
                self.level(line.line.variant.inventory_item, place).committed -= quantity
        for asked, _ in parts:
            asked.status = "IN_PROGRESS" if any(line.remaining_quantity for line in asked.lines) else "CLOSED"
            asked.updated = self.now()
        name = f"{order.name}.{len(order.fulfillments) + 1}"
        parts_shipped = [FulfillmentLine(self.next_id(), line, quantity) for line, quantity in shipped]
        made = Fulfillment(self.next_id(), order, place, name, self.now(), self.now(), parts_shipped)
        self.track(made, tracking, notify=notify)
        order.fulfillments.append(made)
        self.fulfillments[made.number] = made
        self.touch(order)
        return made

    def track(self, fulfillment: Fulfillment, tracking: dict[str, Any], *, notify: bool) -> None:
        """Set the tracking of a fulfilment."""
        fulfillment.company = tracking.get("company")
        fulfillment.numbers = tracking.get("numbers") or ([tracking["number"]] if tracking.get("number") else [])
        fulfillment.urls = tracking.get("urls") or ([tracking["url"]] if tracking.get("url") else [])
        fulfillment.notified += 1 if notify else 0
        fulfillment.updated = self.now()
        self.touch(fulfillment.order)

    # --- refunds and cancelling

    def refund(
        self,
        order: Order,
        lines: Iterable[tuple[str | LineItem, int, str]],
        *,
        note: str | None = None,
        amount: Decimal | None = None,
    ) -> Refund:
        """Refund lines of an order: (line or SKU, quantity, restock type). Without an amount, what the lines are worth is paid."""
        made = Refund(self.next_id(), order, self.now(), [], ZERO, self.next_id(), note)
        for which, quantity, restock in lines:
            line = which if isinstance(which, LineItem) else next(found for found in order.lines if found.sku == which)
            subtotal, tax = self.worth(line, quantity)
            made.lines.append(RefundLine(self.next_id(), line, quantity, restock, subtotal, tax))
            made.amount += subtotal + (ZERO if order.taxes_included else tax)
            line.removed += quantity
            if restock == "CANCEL":
                line.cancelled += quantity
                self._take_back(order, line, quantity)
        if amount is not None:
            made.amount = amount
        order.refunds.append(made)
        self.touch(order)
        return made

    def worth(self, line: LineItem, quantity: int) -> tuple[Decimal, Decimal]:
        """What so many pieces of a line cost after discounts, and the tax on them."""
        tax = sum((tax.amount for tax in line.taxes), ZERO)
        return cents(line.discounted * quantity / line.quantity), cents(tax * quantity / line.quantity)

    def cancel(self, order: Order, reason: str = "CUSTOMER", *, restock: bool = True) -> None:
        """Cancel an order: what was not shipped is refunded and goes back to stock."""
        kind = "CANCEL" if restock else "NO_RESTOCK"
        open_lines = [(line, line.unfulfilled_quantity, kind) for line in order.lines if line.unfulfilled_quantity]
        order.cancelled = order.closed = self.now()
        order.cancel_reason = reason
        if order.financial == "PAID" and open_lines:
            self.refund(order, open_lines)
        else:
            order.financial = "VOIDED"
        for asked in order.fulfillment_orders:
            if asked.status not in {"CLOSED", "CANCELLED"}:
                asked.status = "CANCELLED"
        self.touch(order)

    # --- edits and moves

    def set_quantity(self, order: Order, line: LineItem, quantity: int) -> None:
        """Give a line another quantity: what is too much is removed, what is missing is asked for."""
        change = quantity - line.current_quantity
        if change < 0:
            line.removed -= change
            line.cancelled -= change
            self._take_back(order, line, -change)
        elif change > 0:
            line.quantity += change
            self._ask_for(order, line, change, order.fulfillment_orders[0].location)

    def add_line(self, order: Order, variant: Variant, quantity: int) -> LineItem:
        """A further line."""
        line = LineItem(self.next_id(), order, variant.sku, variant.product.title, quantity, variant.price, variant)
        order.lines.append(line)
        place = order.fulfillment_orders[0].location if order.fulfillment_orders else self.location(None)
        self._ask_for(order, line, quantity, place)
        return line

    def split_off(
        self, asked: FulfillmentOrder, chosen: list[tuple[FulfillmentOrderLine, int]] | None
    ) -> FulfillmentOrder:
        """Give some pieces a fulfilment order of their own; none = all that is left. All there ever was stays where it is."""
        parts = [(line, line.remaining_quantity) for line in asked.lines] if chosen is None else chosen
        for line, quantity in parts:
            if line not in asked.lines or quantity > line.remaining_quantity or (chosen is not None and quantity < 1):
                raise Refused("The fulfillment order line item quantity is invalid.", ["fulfillmentOrderLineItems"])
        if sum(quantity for _, quantity in parts) == sum(line.total_quantity for line in asked.lines):
            return asked
        made = FulfillmentOrder(self.next_id(), asked.order, asked.location, self.now())
        for line, quantity in parts:
            if quantity:
                made.lines.append(FulfillmentOrderLine(self.next_id(), line.line, quantity, quantity))
                line.remaining_quantity -= quantity
                line.total_quantity -= quantity
        asked.lines[:] = [line for line in asked.lines if line.total_quantity]
        if not any(line.remaining_quantity for line in asked.lines):
            asked.status = "CLOSED"
        asked.order.fulfillment_orders.append(made)
        self.fulfillment_orders[made.number] = made
        return made

    def move(
        self,
        asked: FulfillmentOrder,
        place: Location,
        chosen: list[tuple[FulfillmentOrderLine, int]] | None = None,
    ) -> FulfillmentOrder:
        """Have another location fulfil what is left, or some pieces, and promise its stock instead."""
        moved = self.split_off(asked, chosen)
        for part in moved.lines:
            if part.line.variant is not None:
                before = self.level(part.line.variant.inventory_item, moved.location)
                after = self.level(part.line.variant.inventory_item, place)
                before.committed -= part.remaining_quantity
                before.available += part.remaining_quantity
                after.available -= part.remaining_quantity
                after.committed += part.remaining_quantity
        moved.location, moved.updated = place, self.now()
        return moved

    def cancel_fulfillment(self, found: Fulfillment) -> None:
        """Take a fulfilment back: its pieces can be fulfilled again, by a new fulfilment order where theirs was closed."""
        found.status, found.display_status, found.updated = "CANCELLED", "CANCELED", self.now()
        again: FulfillmentOrder | None = None
        for part, quantity in found.lines:
            part.line.fulfilled -= quantity
            if part.line.variant is not None:
                self.level(part.line.variant.inventory_item, found.location).committed += quantity
            asked = next(one for one in found.order.fulfillment_orders if part in one.lines)
            if asked.status in {"OPEN", "IN_PROGRESS"}:
                part.remaining_quantity += quantity
                continue
            if again is None:
                again = FulfillmentOrder(self.next_id(), found.order, found.location, self.now())
                found.order.fulfillment_orders.append(again)
                self.fulfillment_orders[again.number] = again
            again.lines.append(FulfillmentOrderLine(self.next_id(), part.line, quantity, quantity))
        self.touch(found.order)

    def _take_back(self, order: Order, line: LineItem, quantity: int) -> None:
        """What will not be shipped is taken off the fulfilment orders and goes back to what may be sold."""
        for asked in order.fulfillment_orders:
            for part in asked.lines:
                if part.line is not line or not quantity:
                    continue
                taken = min(quantity, part.remaining_quantity)
                part.remaining_quantity -= taken
                part.total_quantity -= taken
                quantity -= taken
                if line.variant is not None:
                    level = self.level(line.variant.inventory_item, asked.location)
                    level.committed -= taken
                    level.available += taken
            if asked.status in {"OPEN", "IN_PROGRESS"} and not any(part.remaining_quantity for part in asked.lines):
                asked.status = "CLOSED"

    # --- stock

    def level(self, item: InventoryItem, location: Location) -> Level:
        """The level of an item at a location, made if it is not stocked there."""
        return item.levels.setdefault(location.number, Level(self.now, item, location))


def _address(given: dict[str, Any] | None, customer: Customer) -> Address:
    named = {"first_name": customer.first_name, "last_name": customer.last_name, "phone": customer.phone}
    if given is None:
        given = {
            "address1": "742 Evergreen Terrace",
            "city": "Springfield",
            "province": "Illinois",
            "province_code": "IL",
            "zip": "62704",
            "country": "United States",
            "country_code": "US",
        }
    return Address(**(named | given))
