"""The state of a simulated shop: plain records whose attribute names are the GraphQL field names in snake case.

Amounts are Decimals in the shop's currency. What the vendor computes (totals, taxes, what is left to fulfil) is computed here, and nowhere
is code of the connector used: both must agree because they describe one vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(value: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP)


def stamp(moment: datetime) -> str:
    """A time as GraphQL writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(eq=False)
class Record:
    """Anything with a global id."""

    number: int
    kind = ""

    @property
    def id(self) -> str:
        """The global id."""
        return f"gid://shopify/{self.kind}/{self.number}"

    @property
    def typename(self) -> str:
        """The GraphQL type."""
        return self.kind

    @property
    def legacy_resource_id(self) -> str:
        """The numeric id, as text: GraphQL's UnsignedInt64 is written so."""
        return str(self.number)


@dataclass(eq=False)
class Address:
    """A postal address."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None

    @property
    def name(self) -> str | None:
        """First and last name."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None

    @property
    def country_code_v2(self) -> str | None:
        """The country's ISO code, under the name GraphQL has for it."""
        return self.country_code


@dataclass(eq=False)
class Customer(Record):
    """A buyer."""

    created: datetime
    updated: datetime
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    default_address: Address | None = None
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    tax_exempt: bool = False
    state: str = "DISABLED"
    locale: str = "en"
    marketing: str = "NOT_SUBSCRIBED"
    verified_email: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    kind = "Customer"


@dataclass(eq=False)
class Location(Record):
    """A place that holds stock."""

    name: str
    updated: datetime
    is_active: bool = True
    is_fulfillment_service: bool = False
    fulfills_online_orders: bool = True
    ships_inventory: bool = True
    address: Address = field(default_factory=Address)
    kind = "Location"


@dataclass(eq=False)
class Level:
    """What one location has of one item."""

    now: Callable[[], datetime]
    item: InventoryItem
    location: Location
    available: int = 0
    committed: int = 0
    is_active: bool = True
    updated: datetime = field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name in {"available", "committed", "is_active"}:
            object.__setattr__(self, "updated", self.now())

    @property
    def on_hand(self) -> int:
        """What is there: what may be sold, and what is promised."""
        return self.available + self.committed

    @property
    def id(self) -> str:
        """The level's global id."""
        return f"gid://shopify/InventoryLevel/{self.location.number}?inventory_item_id={self.item.number}"


@dataclass(eq=False)
class InventoryItem(Record):
    """What is stocked when a variant is."""

    levels: dict[int, Level] = field(default_factory=dict)
    tracked: bool = True
    requires_shipping: bool = True
    harmonized_system_code: str | None = None
    country_code_of_origin: str | None = None
    cost: Decimal | None = None
    grams: Decimal = Decimal(0)
    kind = "InventoryItem"


@dataclass(eq=False)
class Product(Record):
    """A product."""

    title: str
    created: datetime
    updated: datetime
    handle: str = ""
    status: str = "ACTIVE"
    vendor: str = "Acme"
    product_type: str = ""
    tags: list[str] = field(default_factory=list)
    description_html: str = ""
    variants: list[Variant] = field(default_factory=list)
    kind = "Product"


@dataclass(eq=False)
class Variant(Record):
    """A variant of a product."""

    product: Product
    sku: str | None
    price: Decimal
    inventory_item: InventoryItem
    created: datetime
    updated: datetime
    title: str = "Default Title"
    barcode: str | None = None
    compare_at_price: Decimal | None = None
    taxable: bool = True
    inventory_policy: str = "DENY"
    options: list[tuple[str, str]] = field(default_factory=lambda: [("Title", "Default Title")])
    extra: dict[str, Any] = field(default_factory=dict)
    kind = "ProductVariant"

    @property
    def position(self) -> int:
        """Where it stands among its product's variants, from 1."""
        return self.product.variants.index(self) + 1


@dataclass(eq=False)
class Discount:
    """A discount of an order. ``target`` is "line_item" or "shipping_line"."""

    index: int
    title: str
    value: Decimal
    code: str | None = None
    percentage: bool = False
    target: str = "line_item"

    @property
    def typename(self) -> str:
        """Its GraphQL type."""
        return "DiscountCodeApplication" if self.code else "ManualDiscountApplication"


@dataclass(eq=False)
class Tax:
    """One tax of a line or of shipping."""

    title: str
    rate: Decimal
    amount: Decimal


@dataclass(eq=False)
class LineItem(Record):
    """One line of an order."""

    order: Order
    sku: str | None
    title: str
    quantity: int
    price: Decimal
    variant: Variant | None = None
    variant_title: str | None = None
    requires_shipping: bool = True
    taxable: bool = True
    properties: list[tuple[str, str]] = field(default_factory=list)
    allocations: list[tuple[Discount, Decimal]] = field(default_factory=list)
    given_taxes: list[Tax] | None = None  # what an order that was made through the API says; none = reckoned
    fulfilled: int = 0
    removed: int = 0  # refunded or edited away, shipped or not
    cancelled: int = 0  # the part of it that was never shipped
    kind = "LineItem"

    @property
    def name(self) -> str:
        """The title, with the variant's where it has one."""
        return f"{self.title} - {self.variant_title}" if self.variant_title else self.title

    @property
    def goods(self) -> Decimal:
        """The price of all pieces before discounts."""
        return self.price * self.quantity

    @property
    def discounted(self) -> Decimal:
        """The price of all pieces after discounts."""
        return self.goods - sum((amount for _, amount in self.allocations), ZERO)

    @property
    def taxes(self) -> list[Tax]:
        """The taxes on this line."""
        if self.given_taxes is not None:
            return self.given_taxes
        return self.order.taxes_on(self.discounted) if self.taxable and not self.order.tax_exempt else []

    @property
    def current_quantity(self) -> int:
        """What is left after refunds and removals."""
        return self.quantity - self.removed

    @property
    def unfulfilled_quantity(self) -> int:
        """What is still to be shipped."""
        return max(0, self.quantity - self.fulfilled - self.cancelled)


@dataclass(eq=False)
class ShippingLine(Record):
    """What shipping costs."""

    order: Order
    title: str
    price: Decimal
    code: str | None = None
    source: str = "shopify"
    allocations: list[tuple[Discount, Decimal]] = field(default_factory=list)
    is_removed: bool = False
    given_taxes: list[Tax] | None = None
    kind = "ShippingLine"

    @property
    def discounted(self) -> Decimal:
        """The price after discounts."""
        return self.price - sum((amount for _, amount in self.allocations), ZERO)

    @property
    def taxes(self) -> list[Tax]:
        """The taxes on shipping."""
        if self.given_taxes is not None:
            return self.given_taxes
        return self.order.taxes_on(self.discounted) if self.order.tax_shipping and not self.order.tax_exempt else []


@dataclass(eq=False)
class FulfillmentOrderLine(Record):
    """What one location is asked to ship of one line."""

    line: LineItem
    total_quantity: int
    remaining_quantity: int
    kind = "FulfillmentOrderLineItem"


@dataclass(eq=False)
class FulfillmentOrder(Record):
    """What one location is asked to ship of an order."""

    order: Order
    location: Location
    updated: datetime
    lines: list[FulfillmentOrderLine] = field(default_factory=list)
    status: str = "OPEN"
    fulfillment_holds: list[dict[str, Any]] = field(default_factory=list)
    kind = "FulfillmentOrder"


@dataclass(eq=False)
class FulfillmentLine(Record):
    """Pieces of one line that were shipped together. It can be taken apart like a pair."""

    line: FulfillmentOrderLine
    quantity: int
    kind = "FulfillmentLineItem"

    @property
    def line_item(self) -> LineItem:
        """The line of the order."""
        return self.line.line

    def __iter__(self) -> Iterator[Any]:
        return iter((self.line, self.quantity))


@dataclass(eq=False)
class Fulfillment(Record):
    """What was shipped together."""

    order: Order
    location: Location
    name: str
    created: datetime
    updated: datetime
    lines: list[FulfillmentLine]
    company: str | None = None
    numbers: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    status: str = "SUCCESS"
    display_status: str = "FULFILLED"
    notified: int = 0
    kind = "Fulfillment"

    @property
    def tracking_info(self) -> list[dict[str, str | None]]:
        """One entry a parcel."""
        urls = [*self.urls, *[None] * len(self.numbers)]
        return [
            {"company": self.company, "number": number, "url": urls[place]} for place, number in enumerate(self.numbers)
        ]


@dataclass(eq=False)
class RefundLine(Record):
    """Pieces of one line that were refunded."""

    line: LineItem
    quantity: int
    restock_type: str
    subtotal: Decimal
    tax: Decimal
    kind = "RefundLineItem"


@dataclass(eq=False)
class Refund(Record):
    """Money that went back."""

    order: Order
    created: datetime
    lines: list[RefundLine]
    amount: Decimal
    transaction: int
    note: str | None = None
    kind = "Refund"


@dataclass(eq=False)
class Order(Record):
    """An order. ``tax_rate`` is a fraction; ``taxes_included`` says whether prices contain it."""

    order_number: int
    created: datetime
    updated: datetime
    currency: str
    tax_rate: Decimal
    taxes_included: bool
    lines: list[LineItem] = field(default_factory=list)
    shipping_lines: list[ShippingLine] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    customer: Customer | None = None
    email: str | None = None
    phone: str | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    fulfillment_orders: list[FulfillmentOrder] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    note: str | None = None
    attributes: list[tuple[str, str]] = field(default_factory=list)
    po_number: str | None = None
    gateways: list[str] = field(default_factory=lambda: ["bogus"])
    financial: str = "PAID"
    terms: dict[str, Any] | None = None
    company: tuple[int, int] | None = None
    cancelled: datetime | None = None
    closed: datetime | None = None
    cancel_reason: str | None = None
    tax_exempt: bool = False
    tax_shipping: bool = True
    source_name: str = "web"
    source_identifier: str | None = None
    customer_locale: str = "en"
    test: bool = False
    given_name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    kind = "Order"

    @property
    def can_mark_as_paid(self) -> bool:
        """Is money still to come?"""
        return self.financial == "PENDING" and self.cancelled is None

    @property
    def name(self) -> str:
        """The number that people see."""
        return self.given_name or f"#{self.order_number}"

    def taxes_on(self, amount: Decimal) -> list[Tax]:
        """The taxes on a discounted amount."""
        if not self.tax_rate:
            return []
        net_factor = self.tax_rate / (1 + self.tax_rate) if self.taxes_included else self.tax_rate
        return [Tax("State Tax", self.tax_rate, cents(amount * net_factor))]

    @property
    def goods(self) -> Decimal:
        """All lines before discounts."""
        return sum((line.goods for line in self.lines), ZERO)

    @property
    def discount(self) -> Decimal:
        """All discounts, those on shipping too."""
        parts: list[LineItem | ShippingLine] = [*self.lines, *self.shipping_lines]
        return sum((amount for part in parts for _, amount in part.allocations), ZERO)

    @property
    def subtotal(self) -> Decimal:
        """All lines after discounts."""
        return sum((line.discounted for line in self.lines), ZERO)

    @property
    def shipping(self) -> Decimal:
        """What shipping costs before discounts."""
        return sum((line.price for line in self.shipping_lines if not line.is_removed), ZERO)

    @property
    def tax(self) -> Decimal:
        """All taxes."""
        parts: list[LineItem | ShippingLine] = [*self.lines, *self.shipping_lines]
        return sum((tax.amount for part in parts for tax in part.taxes), ZERO)

    @property
    def total(self) -> Decimal:
        """What the buyer owes before returns."""
        shipping = sum((line.discounted for line in self.shipping_lines), ZERO)
        return self.subtotal + shipping + (ZERO if self.taxes_included else self.tax)

    @property
    def refunded_subtotal(self) -> Decimal:
        """What was taken back of the lines' price."""
        return sum((line.subtotal for refund in self.refunds for line in refund.lines), ZERO)

    @property
    def refunded_tax(self) -> Decimal:
        """What was taken back of the taxes."""
        return sum((line.tax for refund in self.refunds for line in refund.lines), ZERO)

    @property
    def current_total(self) -> Decimal:
        """The total after returns."""
        return self.total - self.refunded_subtotal - (ZERO if self.taxes_included else self.refunded_tax)

    @property
    def refunded(self) -> Decimal:
        """The money that went back."""
        return sum((refund.amount for refund in self.refunds), ZERO)

    @property
    def financial_status(self) -> str:
        """Where the payment stands, refunds counted."""
        if self.financial == "PAID" and self.refunded:
            return "REFUNDED" if self.refunded >= self.total else "PARTIALLY_REFUNDED"
        return self.financial

    @property
    def outstanding(self) -> Decimal:
        """What is still to be paid."""
        return self.current_total if self.financial in {"PENDING", "AUTHORIZED"} else ZERO

    @property
    def fulfillment_status(self) -> str:
        """Where shipping stands."""
        if any(found.status == "ON_HOLD" for found in self.fulfillment_orders):
            return "ON_HOLD"
        shipped = sum(line.fulfilled for line in self.lines)
        if not shipped:
            return "UNFULFILLED"
        return "PARTIALLY_FULFILLED" if any(line.unfulfilled_quantity for line in self.lines) else "FULFILLED"
